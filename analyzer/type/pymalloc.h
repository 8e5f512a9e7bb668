/*
 * pymalloc: CPython's own allocator (Objects/obmalloc.c, 2.5 to 3.13), which hands out what has up
 * to 512 bytes from memory that it maps itself: arenas, divided into pools, each of which has
 * blocks of one size. It tells what is at an address there; it does not list what there is.
 */
#ifndef ANALYZER_TYPE_PYMALLOC_H
#define ANALYZER_TYPE_PYMALLOC_H

#include "analyzer/type/pyobject.h"

enum pymalloc_state { PYMALLOC_HEADER, PYMALLOC_USED, PYMALLOC_FREE };

struct pymalloc_block {
	vaddr start;   /* of the block; HEADER: of the pool */
	uint64_t size; /* of each of the pool's blocks; 0: there is no pool */
	enum pymalloc_state state;
	vaddr object;      /* USED: the object in it; 0: none that is known */
	const char *class; /* the object's; lives as long as the objects */
};

/* False: no pool is there. Takes a thousand steps at most. */
bool pymalloc_find(struct pyobjects *p, vaddr at, struct pymalloc_block *out);

#endif
