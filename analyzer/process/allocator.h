/*
 * allocator: who hands out memory in this process but glibc's malloc: named by files, by the
 * symbols of checked files, by structures in memory; and whether malloc is theirs, which the
 * dynamic linker's own pointers tell. It does not look into their heaps.
 */
#ifndef ANALYZER_PROCESS_ALLOCATOR_H
#define ANALYZER_PROCESS_ALLOCATOR_H

#include "formats/module.h"
#include "heapwalk/heap.h"

enum allocator_role {
	ALLOCATOR_MALLOC, /* the program's malloc is its and not glibc's */
	ALLOCATOR_BESIDE, /* has memory of its own beside glibc's malloc: Go, V8, the Java VM */
	ALLOCATOR_MAPPED, /* its library is mapped, and nothing shows that malloc is its */
};

struct allocator {
	const char *name; /* "jemalloc", "its own malloc" */
	enum allocator_role role;
	const char *module; /* path of the file it was recognized in; NULL: in none */
};

struct allocators {
	struct allocator *v; /* sorted by role, then by place of the module; one of each name */
	size_t n;
};

/* *out is owned by the caller: allocators_free. */
void allocators_find(const struct core *core, struct modules *modules, const struct heap *heap,
                     struct allocators *out);
void allocators_free(struct allocators *allocators);

/* "malloc", "beside", "mapped" */
const char *allocator_role_name(enum allocator_role role);

/* The one whose malloc the program calls; NULL: glibc's, or not known. */
const struct allocator *allocators_malloc(const struct allocators *allocators);

#endif
