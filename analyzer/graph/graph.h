/*
 * graph: who points to whom within a set of blocks, as one compact directed graph. Its nodes are
 * the blocks of the set, numbered by address; an edge says that a word of one block keeps another
 * one (edge.h). It knows no verdicts, no roots and no names, and nothing of where in a block the
 * word lies.
 *
 * Memory: 4 bytes a node, 4 an edge, and 4 for each 64 blocks of the heap.
 */
#ifndef ANALYZER_GRAPH_GRAPH_H
#define ANALYZER_GRAPH_GRAPH_H

#include "heapwalk/heap.h"

#define GRAPH_NONE UINT32_MAX /* no node */

struct graph {
	uint32_t n;      /* nodes */
	uint32_t *first; /* n + 1: the edges of node v are to[first[v]] ... to[first[v + 1] - 1] */
	uint32_t *to;
	/* from blocks to nodes; NULL in a graph that was not made from a heap */
	const uint64_t *set; /* bit by id; the caller's */
	uint32_t *rank;      /* by word of set: nodes before it */
};

/*
 * The graph over the blocks whose bit is set in `set` (bits by id, heap.bits_bytes long), which has
 * to live as long as the graph. Edges from a block to itself are left out, and of those that one
 * block has to another in a row all but one. False: there are more than 2^32 - 2 edges; err says
 * so. *out is owned by the caller: graph_free.
 */
bool graph_make(const struct core *core, const struct heap *heap, const uint64_t *set,
                struct graph *out, struct err *err);
void graph_free(struct graph *graph);

static inline uint64_t graph_edges(const struct graph *g)
{
	return g->first[g->n];
}

/* The node of the block with this id; GRAPH_NONE if it is not in the set. */
static inline uint32_t graph_node(const struct graph *g, uint32_t id)
{
	uint64_t word = g->set[id >> 6];

	if (!(word >> (id & 63) & 1))
		return GRAPH_NONE;
	return g->rank[id >> 6] + bit_count(word & ~(UINT64_MAX << (id & 63)));
}

/*
 * The same graph with its edges turned round; only those for which keep (bit by node they lead to;
 * NULL: all) is set. Without set and rank.
 */
void graph_reverse(const struct graph *graph, const uint64_t *keep, struct graph *out);

#endif
