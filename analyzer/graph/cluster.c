/*
 * Components are taken in the order in which edges lead, so that when one's turn comes all owners
 * of what leads to it are known: if they are the same, it is that one's too. Within a component
 * each node leads to all, so what owns one owns all, and two different owners of two nodes share
 * all of them.
 */
#include "analyzer/graph/cluster.h"

#define NOBODY GRAPH_NONE /* no owner was met yet */

static uint32_t combine(uint32_t a, uint32_t b)
{
	if (a == NOBODY || a == b)
		return b;
	return b == NOBODY ? a : CLUSTER_SHARED;
}

/* Who owns the component of node[0 .. n)? */
static uint32_t owner_of(const uint32_t *node, size_t n, const uint64_t *heads,
                         const uint32_t *owner)
{
	uint32_t o = NOBODY;

	for (size_t i = 0; i < n; i++) {
		if (bit_get(heads, node[i]))
			return node[i];
		o = combine(o, owner[node[i]]);
	}
	return o == NOBODY ? CLUSTER_SHARED : o;
}

static void give(const struct graph *g, const uint32_t *node, size_t n, uint32_t o, uint32_t *owner)
{
	for (size_t i = 0; i < n; i++)
		owner[node[i]] = o;
	for (size_t i = 0; i < n; i++)
		for (uint32_t e = g->first[node[i]]; e < g->first[node[i] + 1]; e++)
			owner[g->to[e]] = combine(owner[g->to[e]], o);
}

/* Bits by index into components.node: where a component begins. */
static uint64_t *starts_of(const struct components *c, uint32_t n, size_t bytes)
{
	uint64_t *start = mem_lazy(bytes);

	for (uint32_t i = 0; i < n; i++)
		if (!i || c->of[c->node[i]] != c->of[c->node[i - 1]])
			bit_set(start, i);
	return start;
}

void clusters_find(const struct graph *g, const uint64_t *heads, struct components *c,
                   struct clusters *out)
{
	size_t bytes = ((size_t)g->n + 63) / 64 * 8;
	uint64_t *start = starts_of(c, g->n, bytes);
	uint32_t *owner = c->of; /* no component is asked for any more */
	uint32_t end = g->n;

	*out = (struct clusters){ .n = g->n, .owner = owner };
	for (uint32_t v = 0; v < g->n; v++)
		owner[v] = NOBODY;
	while (end) {
		uint32_t from = end - 1, o;

		while (!bit_get(start, from))
			from--;
		o = owner_of(c->node + from, end - from, heads, owner);
		if (o == CLUSTER_SHARED)
			out->shared += end - from;
		give(g, c->node + from, end - from, o, owner);
		end = from;
	}
	mem_lazy_free(start, bytes);
	c->of = NULL;
	components_free(c);
}

void clusters_free(struct clusters *clusters)
{
	mem_free(clusters->owner);
	*clusters = (struct clusters){ 0 };
}
