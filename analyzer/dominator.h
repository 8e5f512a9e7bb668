/*
 * dominator: for each node of a graph the one that all ways from an entry lead through last. What a
 * node dominates goes when it goes. Entries are nodes that something outside the graph leads to.
 */
#ifndef ANALYZER_DOMINATOR_H
#define ANALYZER_DOMINATOR_H

#include "analyzer/graph.h"

#define DOMINATOR_ROOT (UINT32_MAX - 1) /* what is outside: no node dominates it */

struct dominators {
	uint32_t n;     /* nodes */
	uint32_t *by;   /* by node: who dominates it immediately; DOMINATOR_ROOT; GRAPH_NONE: no
	                   entry leads to it */
	uint32_t *node; /* the nodes that entries lead to, each behind the one that dominates it */
	uint32_t reached;
};

/*
 * Semi-NCA (Georgiadis, Tarjan 2004, 2016), without recursion. entry: bit by node. Memory: 28 bytes
 * a node and 4 an edge while it works, 8 a node in the end. *out is owned by the caller:
 * dominators_free.
 */
void dominators_find(const struct graph *graph, const uint64_t *entry, struct dominators *out);
void dominators_free(struct dominators *dominators);

#endif
