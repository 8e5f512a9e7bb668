#include "preload/next.h"
#include "preload/unwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

extern void *__libc_malloc(size_t) __attribute__((weak));

struct next next;
char next_buffer[8192] __attribute__((aligned(64)));
static size_t early_used;
static bool finding;

void *next_early(size_t size, size_t align)
{
	size_t at = (early_used + align - 1) & ~(align - 1);

	if (align > 64 || size > sizeof(next_buffer) || at > sizeof(next_buffer) - size) {
		errno = ENOMEM;
		return NULL;
	}
	early_used = at + size;
	return next_buffer + at;
}

static const struct {
	size_t at;
	const char *name;
} names[] = {
	/* malloc comes last: it tells that all is there */
	{ offsetof(struct next, calloc), "calloc" },
	{ offsetof(struct next, realloc), "realloc" },
	{ offsetof(struct next, free), "free" },
	{ offsetof(struct next, memalign), "memalign" },
	{ offsetof(struct next, aligned_alloc), "aligned_alloc" },
	{ offsetof(struct next, posix_memalign), "posix_memalign" },
	{ offsetof(struct next, valloc), "valloc" },
	{ offsetof(struct next, pvalloc), "pvalloc" },
	{ offsetof(struct next, free_sized), "free_sized" },
	{ offsetof(struct next, free_aligned_sized), "free_aligned_sized" },
	{ offsetof(struct next, pthread_create), "pthread_create" },
	{ offsetof(struct next, dlclose), "dlclose" },
	{ offsetof(struct next, malloc), "malloc" },
};

void next_find(void)
{
	int saved = errno;
	struct next found;

	if (finding)
		return;
	finding = true;
	memset(&found, 0, sizeof(found));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *f = dlsym(RTLD_NEXT, names[i].name);

		memcpy((char *)&found + names[i].at, &f, sizeof(f));
	}
	dlerror(); /* what was not found is no concern of the program's */
	cfi_start();
	stack_is_main();
	sites_region_open();
	if (sites.header && (!&__libc_malloc || found.malloc != __libc_malloc))
		sites.header->flags |= SITES_FOREIGN;
	next = found;
	__atomic_store_n(&sites.ready, true, __ATOMIC_RELEASE);
	errno = saved;
}
