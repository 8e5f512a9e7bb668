/*
 * blockmap: from a block's id to the block. The index of a heap (span.h) leads from addresses to
 * ids; this is the way back: where in the index every 64th id is, 4 bytes for each 64 chunks.
 */
#ifndef ANALYZER_GRAPH_BLOCKMAP_H
#define ANALYZER_GRAPH_BLOCKMAP_H

#include "heapwalk/heap.h"

struct blockmap {
	const struct heap *heap;
	/* By id >> 6: the cell, of its span, where the first of these ids is, unless that is of an
	 * earlier span. */
	uint32_t *cell;
};

void blockmap_make(const struct heap *heap, struct blockmap *out);
void blockmap_free(struct blockmap *map);

/* The block with this id; false: there is none. */
bool blockmap_at(const struct blockmap *map, uint32_t id, struct block *block);

#endif
