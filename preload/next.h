/*
 * next: the functions that the program would call without this library: libc's, or those of an
 * allocator that it is linked with. Looked up at the first call, which comes from ld.so or a
 * library's constructor, while there is one thread.
 */
#ifndef PRELOAD_NEXT_H
#define PRELOAD_NEXT_H

#include "preload/sites.h"

#include <pthread.h>

#pragma GCC visibility push(hidden)

struct next {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	void *(*memalign)(size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	void (*free_sized)(void *, size_t);
	void (*free_aligned_sized)(void *, size_t, size_t);
	int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	int (*dlclose)(void *);
};
extern struct next next;

/* Sets all of it and opens the region; sites.ready is true then. */
void next_find(void);

/* What dlsym itself asks for meanwhile comes from a small buffer, which is never given back. */
void *next_early(size_t size, size_t align);
extern char next_buffer[8192];

static inline bool next_is_early(const void *p)
{
	return (uintptr_t)p - (uintptr_t)next_buffer < sizeof(next_buffer);
}

/* Every function of ours begins with it; false: dlsym is at work, see next_early. */
static inline bool next_ready(void)
{
	if (SITES_UNLIKELY(!__atomic_load_n(&sites.ready, __ATOMIC_ACQUIRE)))
		next_find();
	return SITES_LIKELY(next.malloc != NULL);
}

#pragma GCC visibility pop

#endif
