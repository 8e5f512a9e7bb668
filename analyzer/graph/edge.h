/*
 * edge: who points to whom among the blocks of a heap, as a stream of pairs that nothing is kept
 * of: one pass over the blocks of a set in address order, which is the order of the file. A pair
 * says that a word of one block keeps another one (an aligned word whose value lies in [start,
 * start + max(usable, 1)), as in reach.h). It knows no verdicts, no roots and no names.
 */
#ifndef ANALYZER_GRAPH_EDGE_H
#define ANALYZER_GRAPH_EDGE_H

#include "heapwalk/heap.h"

struct edge {
	uint32_t nth;  /* the block that points: blocks of the set before it */
	uint32_t from; /* its id */
	uint32_t to;   /* id of what it points to: a chunk, used or not, of the set or not */
};

#define EDGES 576 /* at most at once */

/* Takes the next edges, in the order of blocks and of words in them; false: no more are wanted. */
typedef bool edge_fn(void *arg, const struct edge *edge, size_t n);

/* All pointers of the blocks whose bit, by id, is set; those to themselves among them. */
void edges_scan(const struct core *core, const struct heap *heap, const uint64_t *set,
                edge_fn *take, void *arg);

#endif
