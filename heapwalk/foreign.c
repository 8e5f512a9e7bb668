/*
 * foreign: allocators that are not glibc's, recognized by the files that the process had mapped.
 * Their heaps are not read; saying whose they are spares the user a wrong conclusion.
 */
#include "heapwalk/walk.h"

static const struct {
	const char *part, *name; /* part of the file's base name */
} known[] = {
	{ "libjemalloc.so", "jemalloc" },
	{ "libtcmalloc", "tcmalloc" },
	{ "libmimalloc", "mimalloc" },
	{ "ld-musl-", "musl" },
	{ "libc.musl-", "musl" },
	{ "libsnmalloc", "snmalloc" },
	{ "libhoard", "Hoard" },
	{ "libtbbmalloc", "TBB malloc" },
	{ "libasan.so", "AddressSanitizer" },
	{ "libclang_rt.asan", "AddressSanitizer" },
	{ "liblsan.so", "LeakSanitizer" },
	{ "libtsan.so", "ThreadSanitizer" },
	{ "vgpreload_memcheck", "valgrind" },
	{ "libscudo", "Scudo" },
	{ "librpmalloc", "rpmalloc" },
	{ "libhardened_malloc", "hardened_malloc" },
};

void foreign_find(struct walk *w)
{
	for (size_t i = 0; i < w->core->nfiles && !w->heap->foreign; i++) {
		const char *base = strrchr(w->core->files[i].path, '/');

		base = base ? base + 1 : w->core->files[i].path;
		for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++) {
			if (!strstr(base, known[k].part))
				continue;
			w->heap->foreign = known[k].name;
			w->heap->foreign_module = w->core->files[i].path;
			break;
		}
	}
}
