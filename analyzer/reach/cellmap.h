/*
 * cellmap: bitmaps over the heap in two forms. By id: a bit for each chunk, in heap.nchunks bits.
 * By cell: a bit for each granule, in heap.ncells words of 64 bits, set at granules where chunks
 * start (span.first_cell and on; bit 0 for an mmapped chunk).
 */
#ifndef ANALYZER_REACH_CELLMAP_H
#define ANALYZER_REACH_CELLMAP_H

#include "heapwalk/heap.h"

/* The part of a span whose cells have these numbers: cells [first, end) of it. */
struct stretch {
	const struct span *span;
	size_t cell, end;
};

/* The last stretch of the heap with cells of [from, to): false if there are none. */
bool stretch_last(const struct heap *heap, size_t from, size_t to, struct stretch *out);
/* The first one. */
bool stretch_first(const struct heap *heap, size_t from, size_t to, struct stretch *out);

/* A cell's bits of what is set in ids: n chunks start in it, where starts has bits, of ids from id
 * on. */
uint64_t cellmap_of_ids(const uint64_t *ids, uint32_t id, uint32_t n, uint64_t starts);

/* Adds to cells what is set in ids, with up to threads threads. */
void cellmap_from_ids(const struct heap *heap, const uint64_t *ids, unsigned threads,
                      uint64_t *cells);

/* Adds to ids what is set in cells; bits of granules where no chunk starts are passed over. */
void cellmap_to_ids(const struct heap *heap, const uint64_t *cells, uint64_t *ids);

#endif
