/*
 * component: the strongly connected components of a graph: sets of nodes each of which leads to all
 * others of its set. It knows nothing of what the nodes are.
 */
#ifndef ANALYZER_GRAPH_COMPONENT_H
#define ANALYZER_GRAPH_COMPONENT_H

#include "analyzer/graph/graph.h"

struct components {
	uint32_t n;     /* components */
	uint32_t *of;   /* by node: its component. Edges between two lead to the lower number */
	uint32_t *node; /* all nodes, sorted by component */
};

/*
 * Tarjan's algorithm (1972) in the form of Pearce (2016), which keeps one number a node, without
 * recursion: time by nodes and edges; memory 8 bytes a node and while it works 8 more for each node
 * of the longest path that the search goes. *out is owned by the caller: components_free.
 */
void components_find(const struct graph *graph, struct components *out);
void components_free(struct components *components);

#endif
