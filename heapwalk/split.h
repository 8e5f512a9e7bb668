/*
 * split: a big heap's walk, shared out among threads. A region is cut where chunks are sure to
 * start; each part is walked on its own, with tallies of its own; parts that fit together without a
 * gap and without anything out of the ordinary are joined. A region where something is, is walked
 * again as a whole by the ordinary walk, which can mend. Private to heapwalk/.
 */
#ifndef HEAPWALK_SPLIT_H
#define HEAPWALK_SPLIT_H

#include "heapwalk/visit.h"
#include "heapwalk/walk.h"

struct split;

/* Bytes of heap to be stepped through; 0 where regions overlap, which the ordinary walk reports. */
uint64_t split_bytes(const struct walk *w);

/*
 * Walks all of w's regions by this many threads; NULL where that is not worth it, else the result:
 * split_free. Regions must be sorted and the index made. The visitor, if there is one, is told.
 */
struct split *split_walk(struct walk *w, unsigned threads, const struct visitor *visitor);
void split_free(struct split *split); /* accepts NULL */

/*
 * Adds region i, as it was walked, to w: its span, ids and tallies. Regions are to be asked for in
 * order. False: it has to be walked; where its cells go, w->next_cell, is set for that.
 */
bool split_take(struct split *split, struct walk *w, size_t region);

/* The number of the first cell of region i; of the number of regions: how many there are. */
size_t split_first_cell(const struct split *split, size_t region);

/*
 * Cells of the index that split_walk needs for a region, apart from those for the ordinary walk: a
 * number for an mmapped chunk.
 */
static inline uint64_t split_cells(const struct region *r, unsigned align)
{
	return r->kind == SPAN_MMAP ? 1 : (r->limit - r->start) / (64 * align) + 2;
}

#endif
