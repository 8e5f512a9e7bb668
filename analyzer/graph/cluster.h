/*
 * cluster: which head each node of a graph hangs on. Heads are nodes that the caller chose, such
 * that no node leads to a head but those that the head leads to itself. A node that a single head
 * leads to is that head's own: it goes when the head goes (the head dominates it). All others are
 * shared. It knows nothing of blocks, bytes or verdicts.
 */
#ifndef ANALYZER_GRAPH_CLUSTER_H
#define ANALYZER_GRAPH_CLUSTER_H

#include "analyzer/graph/component.h"

#define CLUSTER_SHARED (UINT32_MAX - 1) /* several heads lead to it, or none does */

struct clusters {
	uint32_t n;      /* nodes */
	uint32_t *owner; /* by node: the head, a node, or CLUSTER_SHARED */
	uint64_t shared; /* nodes that are */
};

/*
 * heads: bit by node. Takes the components over (they are freed, or live on in *out). Time by nodes
 * and edges. *out is owned by the caller: clusters_free.
 */
void clusters_find(const struct graph *graph, const uint64_t *heads, struct components *components,
                   struct clusters *out);
void clusters_free(struct clusters *clusters);

#endif
