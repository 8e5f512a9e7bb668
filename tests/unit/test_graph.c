/*
 * Graphs of blocks, their components, what heads own, judged by definitions that are as plain as
 * can be and share nothing with the product: who leads to whom by closing a matrix, what a head
 * owns by taking it away and looking what cannot be reached any more.
 */
#include "analyzer/graph/blockgraph.h"
#include "analyzer/graph/cluster.h"
#include "tests/unit/lib/fakeheap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOST 48 /* nodes of a random graph */

static uint64_t seed = 1;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* ---- random graphs ---- */

struct naive {
	uint32_t n;
	bool edge[MOST][MOST], leads[MOST][MOST];
};

static void close_matrix(struct naive *m)
{
	memcpy(m->leads, m->edge, sizeof(m->leads));
	for (uint32_t k = 0; k < m->n; k++)
		for (uint32_t i = 0; i < m->n; i++)
			for (uint32_t j = 0; j < m->n; j++)
				m->leads[i][j] |= m->leads[i][k] && m->leads[k][j];
}

/* Sparse and dense ones, with rings, chains and loops. */
static void random_graph(struct naive *m, struct graph *g)
{
	uint32_t edges, n = 1 + rnd(MOST - 1), k = 0;

	memset(m, 0, sizeof(*m));
	m->n = n;
	edges = rnd(3) ? rnd(n * 2) : rnd(n * 6);
	for (uint32_t i = 0; i < edges; i++) {
		uint32_t from = rnd(n), to = rnd(4) ? rnd(n) : (from + 1) % n;

		m->edge[from][to] = from != to;
	}
	close_matrix(m);
	*g = (struct graph){ .n = n };
	g->first = mem_alloc(n + 1, sizeof(*g->first));
	g->to = mem_alloc((size_t)n * n, sizeof(*g->to));
	for (uint32_t i = 0; i < n; i++) {
		g->first[i] = k;
		for (uint32_t j = 0; j < n; j++)
			if (m->edge[i][j])
				g->to[k++] = j;
	}
	g->first[n] = k;
}

static bool same_component(const struct naive *m, uint32_t a, uint32_t b)
{
	return a == b || (m->leads[a][b] && m->leads[b][a]);
}

static void components(void **state)
{
	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct naive m;
		struct graph g;
		struct components c;
		uint32_t distinct = 0;

		random_graph(&m, &g);
		components_find(&g, &c);
		for (uint32_t a = 0; a < m.n; a++) {
			bool first = true;

			for (uint32_t b = 0; b < m.n; b++) {
				assert_int_equal(c.of[a] == c.of[b], same_component(&m, a, b));
				if (m.leads[a][b])
					assert_true(c.of[a] >= c.of[b]);
				first &= b >= a || c.of[a] != c.of[b];
			}
			distinct += first;
			assert_true(c.of[a] < c.n);
			if (a)
				assert_true(c.of[c.node[a - 1]] <= c.of[c.node[a]]);
		}
		assert_int_equal(distinct, c.n);
		components_free(&c);
		graph_free(&g);
	}
}

/* Heads: of each component that no other one leads to, the lowest node. */
static void choose_heads(const struct naive *m, uint64_t *heads)
{
	*heads = 0;
	for (uint32_t a = 0; a < m->n; a++) {
		bool head = true;

		for (uint32_t b = 0; b < m->n; b++)
			head &= !m->leads[b][a] || (m->leads[a][b] && b >= a);
		if (head)
			*heads |= UINT64_C(1) << a;
	}
}

/* What can be reached from the heads, `without` one of them (GRAPH_NONE: from all). */
static uint64_t reached(const struct naive *m, uint64_t heads, uint32_t without)
{
	uint64_t set = heads, before;

	if (without != GRAPH_NONE)
		set &= ~(UINT64_C(1) << without);
	do {
		before = set;
		for (uint32_t a = 0; a < m->n; a++)
			for (uint32_t b = 0; b < m->n; b++)
				if (set >> a & 1 && m->edge[a][b] && b != without)
					set |= UINT64_C(1) << b;
	} while (set != before);
	return set;
}

static void heads_own(void **state)
{
	uint64_t shared_ever = 0, owned_ever = 0;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct naive m;
		struct graph g;
		struct components c;
		struct clusters k;
		uint64_t heads, shared = 0;

		random_graph(&m, &g);
		choose_heads(&m, &heads);
		assert_int_equal(reached(&m, heads, GRAPH_NONE), UINT64_MAX >> (64 - m.n));
		components_find(&g, &c);
		clusters_find(&g, &heads, &c, &k);
		for (uint32_t v = 0; v < m.n; v++)
			shared += k.owner[v] == CLUSTER_SHARED;
		assert_int_equal(k.shared, shared);
		shared_ever += shared;
		for (uint32_t h = 0; h < m.n; h++) {
			uint64_t left = reached(&m, heads, h);

			if (!(heads >> h & 1))
				continue;
			for (uint32_t v = 0; v < m.n; v++)
				assert_int_equal(k.owner[v] == h, !(left >> v & 1));
			owned_ever += __builtin_popcountll(~left) > 1;
		}
		clusters_free(&k);
		graph_free(&g);
	}
	assert_true(shared_ever > 1000 && owned_ever > 1000);
}


/* ---- a graph, as dominator.h asks for it ---- */

static size_t next_of(void *of, uint32_t v, uint32_t at, struct dominator_step *step, size_t n)
{
	const struct graph *g = of;
	size_t i = 0;

	for (; i < n && g->first[v] + at < g->first[v + 1]; i++, at++)
		step[i] = (struct dominator_step){ g->to[g->first[v] + at], at, at + 1 };
	return i;
}

static void scan_all(void *of, edge_fn *take, void *arg)
{
	const struct graph *g = of;
	struct edge edge[EDGES];
	size_t n = 0;

	for (uint32_t v = 0; v < g->n; v++)
		for (uint32_t e = g->first[v]; e < g->first[v + 1]; e++) {
			edge[n++] = (struct edge){ v, v, g->to[e] };
			if (n == EDGES)
				take(arg, edge, n);
			n %= EDGES;
		}
	take(arg, edge, n);
}

static struct scratch scratch; /* without a bound they are in a file, where one can be made */

static bool find_dominators(struct graph *g, const uint64_t *entry, uint64_t list,
                            struct dominators *out)
{
	struct dominator_graph ask = { g, g->n, g->n, next_of, scan_all };

	return dominators_find(&ask, entry, list, &scratch, out);
}
/* What can be reached from the entries by ways that do not lead through `without`. */
static void dominates(void **state)
{
	uint64_t chains = 0;

	(void)state;
	scratch = scratch_open(0);
	for (int round = 0; round < 6000; round++) {
		struct naive m;
		struct graph g;
		struct dominators d;
		uint64_t entry = seed ^ seed << 29, all, dominated[MOST];
		uint32_t node[MOST + 1] = { GRAPH_NONE };

		random_graph(&m, &g);
		entry &= (rnd(2) ? entry >> 7 & seed : 1 | UINT64_C(1) << rnd(m.n)) &
		         UINT64_MAX >> (64 - m.n);
		all = reached(&m, entry, GRAPH_NONE);
		for (uint32_t v = 0; v < m.n; v++)
			dominated[v] = all & ~reached(&m, entry, v);
		scratch.bound = round % 32 ? UINT64_MAX : 4 * rnd(200);
		/* room for all edges, for none, for a few */
		assert_true(find_dominators(&g, &entry, round % 3 ? 4 * rnd(9) : 1 << 20, &d));
		assert_int_equal(d.reached, __builtin_popcountll(all));
		for (uint32_t v = 0; v < m.n; v++) {
			assert_int_equal(!d.number[v], !(all >> v & 1));
			node[d.number[v]] = d.number[v] ? v : GRAPH_NONE;
		}
		for (uint32_t k = 1; k <= d.reached; k++) {
			uint32_t by = node[d.by[k]], v = node[k];

			assert_true(d.by[k] < k);
			/* the immediate one is dominated by all others that dominate v */
			for (uint32_t u = 0; u < m.n; u++)
				if (u != v && dominated[u] >> v & 1)
					assert_true(by != GRAPH_NONE && dominated[u] >> by & 1);
			if (by != GRAPH_NONE) {
				assert_true(dominated[by] >> v & 1);
				chains += d.by[d.by[k]] != 0;
			}
		}
		dominators_free(&d);
		graph_free(&g);
	}
	assert_true(chains > 1000);
	scratch_close(&scratch);
}

/* A path of a million nodes, and a ring of as many: no recursion, and little memory. */
static void long_ones(void **state)
{
	const uint32_t n = 1000000;

	(void)state;
	for (int ring = 0; ring < 2; ring++) {
		struct graph g = { .n = n };
		uint64_t *heads = calloc(n / 64 + 1, 8);
		struct components c;
		struct clusters k;
		struct dominators d;

		g.first = mem_alloc(n + 1, sizeof(*g.first));
		g.to = mem_alloc(n, sizeof(*g.to));
		for (uint32_t v = 0; v <= n; v++)
			g.first[v] = v < n || ring ? v : n - 1;
		for (uint32_t v = 0; v < n; v++)
			g.to[v] = (v + 1) % n;
		components_find(&g, &c);
		assert_int_equal(c.n, ring ? 1 : n);
		bit_set(heads, 0);
		clusters_find(&g, heads, &c, &k);
		assert_int_equal(k.shared, 0);
		assert_int_equal(k.owner[n - 1], 0);
		clusters_free(&k);
		scratch = scratch_open(ring ? 0 : UINT64_MAX);
		assert_true(find_dominators(&g, heads, ring ? 0 : 1 << 20, &d));
		assert_int_equal(d.by[n], n - 1);
		dominators_free(&d);
		scratch_close(&scratch);
		graph_free(&g);
		free(heads);
	}
}

static void reversed(void **state)
{
	(void)state;
	for (int round = 0; round < 500; round++) {
		uint64_t keep = seed ^ seed << 31;
		struct naive m;
		struct graph g, r;
		uint32_t edges = 0;

		random_graph(&m, &g);
		graph_reverse(&g, round & 1 ? &keep : NULL, &r);
		for (uint32_t a = 0; a < m.n; a++) {
			for (uint32_t e = r.first[a]; e < r.first[a + 1]; e++) {
				assert_true(m.edge[r.to[e]][a]);
				if (e > r.first[a])
					assert_true(r.to[e] > r.to[e - 1]);
			}
			for (uint32_t b = 0; b < m.n; b++)
				edges += m.edge[a][b] && (!(round & 1) || keep >> b & 1);
		}
		assert_int_equal(r.first[r.n], edges);
		graph_free(&r);
		graph_free(&g);
	}
}

/* ---- graphs of blocks ---- */

#define BLOCKS 300

struct made {
	struct fakeheap f;
	struct heap *heap;
	uint64_t set[BLOCKS];
	vaddr start[BLOCKS + 8]; /* by id */
	uint64_t usable[BLOCKS + 8];
};

/* Blocks of all sizes, a word in three of which is a pointer of one kind or another. */
static void make_blocks(struct made *m)
{
	fake_open(&m->f, 1 << 20);
	for (int i = 0; i < BLOCKS; i++) {
		uint64_t size = rnd(20) ? 24 + 16 * rnd(12) : 4008;

		if (rnd(4))
			fake_leaked(&m->f, size + 8);
		else if (rnd(2))
			fake_used(&m->f, size + 8);
		else
			fake_free(&m->f, size + 8);
	}
	for (size_t i = 0; i < m->f.chunk.n; i++) {
		const struct fake_chunk *c = &m->f.chunk.v[i];

		for (uint64_t at = 16; c->used && at <= c->size; at += 8) {
			const struct fake_chunk *to = &m->f.chunk.v[rnd((uint32_t)m->f.chunk.n)];

			if (!rnd(3))
				*fake_word(&m->f, c->at + at) =
					to->at + (rnd(2) ? 16 : rnd((uint32_t)to->size + 24));
		}
	}
	m->heap = fake_walk(&m->f);
	assert_int_equal(fake_wrong(&m->f, 0, m->f.chunk.n), 0);
}

static void read_blocks(struct made *m)
{
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next(m->heap, &it, &b)) {
		if (b.id >= BLOCKS + 8)
			continue;
		m->start[b.id] = b.addr;
		m->usable[b.id] = b.size;
		if (b.state == BLOCK_USED && rnd(5))
			bit_set(m->set, b.id);
	}
}

/* The edges that block a has by the rule, one after another, compared with the graph's. */
static void check_node(struct made *m, const struct graph *g, const uint32_t *node, uint32_t a,
                       uint32_t ids)
{
	uint32_t e = g->first[node[a]], last = GRAPH_NONE;

	for (vaddr at = m->start[a]; at + 8 <= m->start[a] + m->usable[a]; at += 8) {
		uint64_t word;

		assert_true(core_read64(&m->f.tiny.core, at, &word));
		for (uint32_t b = 0; b < ids; b++) {
			if (!bit_get(m->set, b) || word < m->start[b] ||
			    word - m->start[b] >= m->usable[b])
				continue;
			if (b != a && b != last) {
				assert_true(e < g->first[node[a] + 1]);
				assert_int_equal(g->to[e++], node[b]);
			}
			last = b != a ? b : last;
		}
	}
	assert_int_equal(e, g->first[node[a] + 1]);
}

/* The same edges, kept by id: with just enough memory, not with less. */
static void check_kept(struct made *m, const struct graph *g, const uint32_t *node)
{
	uint64_t bytes = (m->heap->nchunks + 1 + graph_edges(g)) * 4;
	struct dominator_step step[4096];
	struct dominator_graph ask;
	struct blockgraph kept;

	blockgraph_make(&m->f.tiny.core, m->heap, m->set, &kept);
	assert_int_equal(blockgraph_keep(&kept, bytes / 2), 0);
	assert_int_equal(blockgraph_keep(&kept, bytes + EDGES * sizeof(uint32_t)), bytes);
	ask = blockgraph_ask(&kept, g->n);
	for (uint32_t id = 0; id < m->heap->nchunks; id++) {
		size_t n = ask.next(ask.of, id, 0, step, 4096);
		uint32_t first = bit_get(m->set, id) ? g->first[node[id]] : 0;

		assert_int_equal(n, bit_get(m->set, id) ? g->first[node[id] + 1] - first : 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(node[step[i].to], g->to[first + i]);
	}
	blockgraph_free(&kept);
}

static void blocks_as_graph(void **state)
{
	(void)state;
	for (int round = 0; round < 10; round++) {
		struct made m = { 0 };
		uint32_t node[BLOCKS + 8], n = 0, ids;
		struct graph g;
		struct err err;

		make_blocks(&m);
		read_blocks(&m);
		ids = m.heap->nchunks < BLOCKS + 8 ? m.heap->nchunks : BLOCKS + 8;
		assert_true(graph_make(&m.f.tiny.core, m.heap, m.set, &g, &err));
		for (uint32_t id = 0; id < ids; id++) {
			node[id] = bit_get(m.set, id) ? n++ : GRAPH_NONE;
			assert_int_equal(graph_node(&g, id), node[id]);
		}
		assert_int_equal(g.n, n);
		assert_true(graph_edges(&g) > n);
		for (uint32_t id = 0; id < ids; id++)
			if (node[id] != GRAPH_NONE)
				check_node(&m, &g, node, id, ids);
		assert_int_equal(ids, m.heap->nchunks);
		check_kept(&m, &g, node);
		graph_free(&g);
		fake_free_all(&m.f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(components), cmocka_unit_test(heads_own),
		cmocka_unit_test(long_ones),  cmocka_unit_test(reversed),
		cmocka_unit_test(dominates),  cmocka_unit_test(blocks_as_graph),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
