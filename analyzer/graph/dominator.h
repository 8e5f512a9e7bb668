/*
 * dominator: for each node of a graph the one that all ways from an entry lead through last. What a
 * node dominates goes when it goes. Entries are nodes that something outside the graph leads to.
 *
 * It is made for graphs of which little more than the nodes fits into memory: the graph is asked
 * for its edges again and again, and keeps them where it likes.
 */
#ifndef ANALYZER_GRAPH_DOMINATOR_H
#define ANALYZER_GRAPH_DOMINATOR_H

#include "analyzer/graph/edge.h"
#include "formats/scratch.h"

struct dominator_step {
	uint32_t to;
	uint32_t at, behind; /* this edge's place, and the next one's; below 2^32 - 1 */
};

struct dominator_graph {
	void *of;
	uint32_t nodes; /* nodes are [0, nodes); not each of these has to be one */
	uint32_t most;  /* no more can be reached */
	/*
	 * The next n nodes that v leads to, from the place `at` on: 0 at first, then what a step
	 * says; fewer than n: there are no more. The same edges as of scan.
	 */
	size_t (*next)(void *of, uint32_t v, uint32_t at, struct dominator_step *step, size_t n);
	/* All edges, or at least those of nodes that entries lead to, in any order. nth is not
	 * looked at, nor edges to what next never told. */
	void (*scan)(void *of, edge_fn *take, void *arg);
};

/* Nodes that entries lead to have numbers from 1 on, in the order of a depth-first search. */
struct dominators {
	uint32_t nodes, most, reached;
	uint32_t *number; /* by node; 0: no entry leads to it */
	uint32_t *by;     /* by number: the number, a lower one, of the node that dominates it
	                     immediately; 0: none does */
	struct scratch *scratch; /* which has both */
};

/*
 * Semi-NCA (Georgiadis, Tarjan 2004, 2016), without recursion. entry: bit by node. list: bytes for
 * edges at a time: the fewer, the more often all edges are gone through. Memory: 4 bytes for each
 * of nodes, 12.25 and list for each that is reached; 4 and 4 in the end. False: the graph is so
 * tangled that it takes too long (it takes time by nodes and edges, as a rule). *out is owned by
 * the caller: dominators_free.
 */
bool dominators_find(const struct dominator_graph *graph, const uint64_t *entry, uint64_t list,
                     struct scratch *scratch, struct dominators *out);
void dominators_free(struct dominators *dominators);

#endif
