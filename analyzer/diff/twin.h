/*
 * twin: how many used blocks of a core look like this one, pointers aside? What takes the place of
 * a block looks like it as often as others of the kind do. Kept as counters by hash: some tell more
 * blocks than there are.
 */
#ifndef ANALYZER_DIFF_TWIN_H
#define ANALYZER_DIFF_TWIN_H

#include "heapwalk/heap.h"

struct twins {
	const struct core *core;
	const struct heap *heap;
	uint8_t *count;               /* two for each block, at least */
	uint32_t *at;                 /* by id: which of them */
	unsigned shift;               /* of a hash, to its counter */
	size_t count_bytes, at_bytes; /* mem_lazy */
};

#define TWINS_MOST UINT8_MAX /* so many, or more */

void twins_make(const struct core *core, const struct heap *heap, struct twins *out);
void twins_free(struct twins *twins);

/* Each used block once; by several threads at a time. */
void twins_note(struct twins *twins, const struct block *block);
/* When all were noted: so many look like the one with this id, itself included. */
static inline unsigned twins_of(const struct twins *twins, uint32_t id)
{
	return twins->count[twins->at[id]];
}

#endif
