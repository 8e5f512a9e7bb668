/*
 * broad: chunks so large that whole pages lie within them, found by the index alone: such a chunk
 * leaves cells of its span empty, and nothing of the heap itself is read.
 */
#ifndef HEAPWALK_BROAD_H
#define HEAPWALK_BROAD_H

#include "heapwalk/heap.h"

#define BROAD_LEAST UINT64_C(4096) /* bytes: the smallest page there is */

struct broad {
	vaddr chunk, end; /* its extent */
	uint32_t id;
};

/*
 * The next chunk of at least BROAD_LEAST bytes in a span with cells, in address order; start with
 * *at = 0. False at the end.
 */
bool broad_next(const struct span *span, size_t *at, struct broad *broad);

#endif
