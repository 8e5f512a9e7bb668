/* Several libcs in one process: each namespace of dlmopen has a malloc of its own. */
#define _GNU_SOURCE
#include "kinds.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct space {
	void *(*malloc)(size_t);
	void (*free)(void *);
	void *(*memalign)(size_t, size_t);
};

static void *find(void *library, const char *name)
{
	void *p = dlsym(library, name);

	if (!p)
		die(dlerror());
	return p;
}

static NOINLINE void open_space(struct space *s, void *library)
{
	if (!library)
		die(dlerror());
	s->malloc = (void *(*)(size_t))find(library, "malloc");
	s->free = (void (*)(void *))find(library, "free");
	s->memalign = (void *(*)(size_t, size_t))find(library, "memalign");
}

/* Each space holds the next one's blocks: one by one, from an anonymous mapping to the last. */
static NOINLINE void plant_space(const struct space *s, long number, void **chain)
{
	static const char *const label[] = { "space-0", "space-1", "space-2", "space-3" };
	size_t sizes[] = { 24, 40, 200, 1000, 5000, 60000, 140000, 300000 };
	const char *name = label[number & 3];

	truth_group();
	for (size_t i = 0; i < 400; i++) {
		size_t size = sizes[dice() % 8] + dice() % 64;

		own(s->malloc(size), size, i % 3 ? T_LIVE : T_DEFINITE, name);
		if (i % 3)
			keep(truth_ptr(truth_last()));
	}
	own(s->memalign(4096, 3000), 3000, T_DEFINITE, name);
	for (size_t i = 0; i < 100; i++) {
		*chain = own(s->malloc(56), 56, T_LIVE, name);
		memset(*chain, 0, 56);
		chain = *chain;
	}
	*chain = NULL;
}

/* Freed where it came from: into that malloc's tcache and bins. */
static NOINLINE void free_space(const struct space *s)
{
	void *p[60];

	for (size_t i = 0; i < 60; i++)
		p[i] = s->malloc(32 + i * 64);
	for (size_t i = 0; i < 60; i++)
		s->free(p[i]);
	memset(p, 0, sizeof(p));
	__asm__ volatile("" : : "r"(p) : "memory");
}

static NOINLINE void plant_spaces(long spaces, bool apart)
{
	static struct space space[4];
	static void *chain[4];

	plant_few(200, "few");
	for (long i = 0; i < spaces && i < 4; i++)
		open_space(&space[i], apart ? dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW)
		                            : dlopen("libc.so.6", RTLD_NOW));
	for (long i = 0; i < spaces && i < 4; i++) {
		plant_space(&space[i], i, &chain[i]);
		if (i) /* in the first one's tcache there is nothing */
			free_space(&space[i]);
	}
	free_few("few");
	truth_note("threads", 1);
	truth_note("exited", 0);
	/* ld.so describes each object and scope in blocks of the first malloc */
	truth_note("loader", 40 + 40 * (uint64_t)spaces);
}

NOINLINE void kind_space(long spaces)
{
	plant_spaces(spaces, true);
}

NOINLINE void kind_open(long libraries)
{
	plant_spaces(libraries, false);
}
