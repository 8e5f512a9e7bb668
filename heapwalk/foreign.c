#include "heapwalk/foreign.h"

/* musl src/internal/pthread_impl.h, struct pthread: self, dtv, prev, next; in words */
#define MUSL_PREV 2
#define MUSL_NEXT 3
#define PAGE      4096
#define STACK_MAX (1u << 20) /* bytes above the stack pointer that are searched */

static const struct {
	const char *part; /* of the file's base name; begins it where there is no "lib" */
	struct foreign who;
} known[] = {
	{ "libjemalloc.so", { "jemalloc", FOREIGN_MALLOC } },
	{ "libtcmalloc", { "tcmalloc", FOREIGN_MALLOC } },
	{ "libmimalloc", { "mimalloc", FOREIGN_MALLOC } },
	{ "libsnmalloc", { "snmalloc", FOREIGN_MALLOC } },
	{ "libhoard", { "Hoard", FOREIGN_MALLOC } },
	{ "libtbbmalloc", { "TBB malloc", FOREIGN_MALLOC } },
	{ "libscudo", { "Scudo", FOREIGN_MALLOC } },
	{ "librpmalloc", { "rpmalloc", FOREIGN_MALLOC } },
	{ "libhardened_malloc", { "hardened_malloc", FOREIGN_MALLOC } },
	{ "libasan.so", { "AddressSanitizer", FOREIGN_MALLOC } },
	{ "libclang_rt.asan", { "AddressSanitizer", FOREIGN_MALLOC } },
	{ "liblsan.so", { "LeakSanitizer", FOREIGN_MALLOC } },
	{ "libtsan.so", { "ThreadSanitizer", FOREIGN_MALLOC } },
	{ "libclang_rt.tsan", { "ThreadSanitizer", FOREIGN_MALLOC } },
	{ "ld-musl-", { "musl", FOREIGN_LIBC } },
	{ "libc.musl-", { "musl", FOREIGN_LIBC } },
	{ "vgpreload_memcheck", { "valgrind", FOREIGN_CHECKER } },
	{ "libjvm.so", { "the Java VM", FOREIGN_BESIDE } },
	{ "libpython", { "CPython", FOREIGN_BESIDE } },
	{ "libnode.so", { "V8", FOREIGN_BESIDE } },
	{ "libv8.so", { "V8", FOREIGN_BESIDE } },
};

const struct foreign *foreign_by_file(const char *path)
{
	static const struct foreign musl = { "musl", FOREIGN_LIBC };
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strncmp(base, known[i].part, strlen(known[i].part)))
			return &known[i].who;
	/* Debian's musl: /usr/lib/x86_64-linux-musl/libc.so */
	return strstr(path, "-linux-musl/libc.so") ? &musl : NULL;
}

static bool musl_link(const struct core *core, vaddr thread, unsigned from, vaddr to)
{
	uint64_t self, link;

	return core_read_word(core, thread, &self) && self == thread &&
	       core_read_word(core, thread + from * core->machine->word, &link) && link == to;
}

bool foreign_musl(const struct core *core, vaddr tp)
{
	unsigned word = core->machine->word;
	uint64_t next, prev;

	return tp && core_read_word(core, tp + MUSL_NEXT * word, &next) &&
	       core_read_word(core, tp + MUSL_PREV * word, &prev) &&
	       musl_link(core, tp, MUSL_NEXT, next) && musl_link(core, next, MUSL_PREV, tp) &&
	       musl_link(core, prev, MUSL_NEXT, tp);
}

bool foreign_valgrind(const struct core *core)
{
	static const char preload[] = "/vgpreload_";
	vaddr sp = core->nthreads && !core->nfiles ? thread_sp(core, 0) : 0;
	uint64_t avail = 0;
	const uint8_t *stack = sp ? core_bytes(core, sp, &avail) : NULL;

	return stack &&
	       memmem(stack, avail < STACK_MAX ? avail : STACK_MAX, preload, sizeof(preload) - 1);
}

/* Go's src/debug/buildinfo: 14 bytes of magic, aligned to 16. */
bool foreign_go(const struct core *core, vaddr start, vaddr end)
{
	static const char magic[] = "\xff Go buildinf:";
	struct view view = { .core = core };

	for (vaddr at = round_up(start, 16); at < end && end - at >= 32; at += 16) {
		const uint8_t *p = view_at(&view, at, sizeof(magic) - 1);

		if (!p && !core_at(core, at, 1))
			at = round_down(at, PAGE) + PAGE - 16;
		else if (p && !memcmp(p, magic, sizeof(magic) - 1))
			return true;
	}
	return false;
}
