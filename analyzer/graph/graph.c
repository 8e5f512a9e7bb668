/*
 * Edges come in the order of nodes: no pass counts them beforehand. The words of the set and the
 * ranks are asked for before the first of them is needed.
 */
#include "analyzer/graph/graph.h"
#include "analyzer/graph/edge.h"

#define EDGES_MAX (UINT32_MAX - 1)

struct making {
	struct graph *g;
	ARRAY(uint32_t) to;
	uint32_t counted; /* nodes whose first edge is known */
	bool full;
};

static void put_edge(struct making *m, uint32_t from, uint32_t to)
{
	while (m->counted <= from)
		m->g->first[m->counted++] = (uint32_t)m->to.n;
	if (from == to)
		return;
	if (m->to.n > m->g->first[from] && m->to.v[m->to.n - 1] == to)
		return;
	if (m->to.n >= EDGES_MAX)
		m->full = true;
	else
		array_push(&m->to, to);
}

static bool put_edges(void *arg, const struct edge *edge, size_t n)
{
	struct making *m = arg;

	for (size_t i = 0; i < n; i++) {
		__builtin_prefetch(&m->g->set[edge[i].to >> 6]);
		__builtin_prefetch(&m->g->rank[edge[i].to >> 6]);
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t to = graph_node(m->g, edge[i].to);

		if (to != GRAPH_NONE)
			put_edge(m, edge[i].nth, to);
	}
	return !m->full;
}

static void count_nodes(const struct heap *heap, const uint64_t *set, struct graph *g)
{
	size_t words = ((size_t)heap->nchunks + 63) / 64;

	g->set = set;
	g->rank = mem_alloc(words + 1, sizeof(*g->rank));
	for (size_t i = 0; i < words; i++) {
		g->rank[i] = g->n;
		g->n += bit_count(set[i]);
	}
}

bool graph_make(const struct core *core, const struct heap *heap, const uint64_t *set,
                struct graph *out, struct err *err)
{
	struct graph g = { 0 };
	struct making m = { .g = &g };

	count_nodes(heap, set, &g);
	g.first = mem_alloc((size_t)g.n + 1, sizeof(*g.first));
	edges_scan(core, heap, set, put_edges, &m);
	while (m.counted <= g.n)
		g.first[m.counted++] = (uint32_t)m.to.n;
	g.to = m.to.v;
	if (m.full) {
		graph_free(&g);
		return err_set(err,
		               "the blocks have more than %u pointers to each other, too many "
		               "to follow all of them",
		               EDGES_MAX);
	}
	*out = g;
	return true;
}

void graph_free(struct graph *g)
{
	mem_free(g->first);
	mem_free(g->to);
	mem_free(g->rank);
	*g = (struct graph){ 0 };
}

void graph_reverse(const struct graph *g, const uint64_t *keep, struct graph *out)
{
	struct graph r = { .n = g->n };
	uint64_t sum = 0;

	r.first = mem_alloc((size_t)r.n + 1, sizeof(*r.first));
	for (uint64_t e = 0; e < graph_edges(g); e++)
		r.first[g->to[e]] += !keep || bit_get(keep, g->to[e]);
	for (uint32_t v = 0; v < r.n; v++) { /* where each one's edges end */
		sum += r.first[v];
		r.first[v] = (uint32_t)sum;
	}
	r.first[r.n] = (uint32_t)sum;
	r.to = mem_alloc(sum ? sum : 1, sizeof(*r.to));
	for (uint32_t v = g->n; v-- > 0;)
		for (uint32_t e = g->first[v + 1]; e-- > g->first[v];)
			if (!keep || bit_get(keep, g->to[e]))
				r.to[--r.first[g->to[e]]] = v;
	*out = r;
}
