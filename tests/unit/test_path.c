/*
 * Paths and referrers on heaps made by hand: random graphs, judged by a plain breadth-first search
 * over an adjacency list that shares nothing with the product; graphs too wide for a frontier's
 * list; a chain too long to be kept whole.
 */
#include "analyzer/reach/path.h"
#include "analyzer/reach/referrer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEAP  UINT64_C(0x555500000000)
#define ROOTS UINT64_C(0x7f0000000000)
#define FAR   1000000000u

struct edge {
	uint32_t from, to; /* from == nodes: the root */
	int interior;
};

struct fake {
	struct core core;
	struct heap heap;
	struct roots roots;
	struct root root;
	struct segment seg[2];
	struct span span;
	struct block *node;
	uint32_t n;
	uint8_t *mem, *rootmem;
	uint64_t rootsize;
	uint32_t *filled, rootfilled; /* words of a node that are taken */
	struct edge *edge;
	size_t nedges, cap;
	uint64_t *head; /* bits: definite leaks */
};

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* n used blocks; words(i) pointer words each, and room for rootwords in the only root. */
static void fake_make(struct fake *f, uint32_t n, uint32_t (*words)(uint32_t), uint32_t rootwords)
{
	uint64_t size = 0;

	memset(f, 0, sizeof(*f));
	f->n = n;
	f->node = calloc(n, sizeof(*f->node));
	f->filled = calloc(n, sizeof(*f->filled));
	for (uint32_t i = 0; i < n; i++) {
		uint64_t chunk = (words(i) * 8 + 8 + 15) & ~15ull;

		if (chunk < 32)
			chunk = 32;
		f->node[i] = (struct block){ .addr = HEAP + size + 16, .size = chunk - 8, .id = i };
		size += chunk;
	}
	f->mem = calloc(1, size + 16);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t head = (f->node[i].size + 8) | 1;

		memcpy(f->mem + (f->node[i].addr - 8 - HEAP), &head, 8);
	}
	f->rootsize = rootwords * 8;
	f->rootmem = calloc(1, f->rootsize);
	f->seg[0] = (struct segment){ .start = HEAP,
		                      .end = HEAP + size + 16,
		                      .saved_end = HEAP + size + 16,
		                      .meant_end = HEAP + size + 16,
		                      .run_end = HEAP + size + 16,
		                      .mem = f->mem,
		                      .flags = SEG_R | SEG_W,
		                      .file = -1 };
	f->seg[1] = (struct segment){ .start = ROOTS,
		                      .end = ROOTS + f->rootsize,
		                      .saved_end = ROOTS + f->rootsize,
		                      .meant_end = ROOTS + f->rootsize,
		                      .run_end = ROOTS + f->rootsize,
		                      .mem = f->rootmem,
		                      .flags = SEG_R | SEG_W,
		                      .file = -1 };
	f->core.machine = machine_of(MACHINE_X86_64);
	f->core.seg = f->seg;
	f->core.nseg = 2;
	f->core.page_size = 4096;
	f->span = (struct span){ .start = HEAP,
		                 .end = HEAP + size,
		                 .own_start = HEAP,
		                 .own_end = HEAP + size + 16,
		                 .mem = f->mem,
		                 .nchunks = n,
		                 .ncells = size / 1024 + 1,
		                 .size_at = 8,
		                 .kind = SPAN_BRK };
	span_form(&f->span, 8, 16);
	f->span.cell = calloc(f->span.ncells, sizeof(*f->span.cell));
	for (uint32_t i = 0; i < n; i++)
		span_set(&f->span, f->node[i].addr - 16);
	assert_int_equal(span_rank(&f->span), n);
	f->heap = (struct heap){ .span = &f->span, .nspans = 1, .align = 16, .nchunks = n };
	f->heap.used = calloc(n / 64 + 1, 8);
	f->heap.internal = calloc(n / 64 + 1, 8);
	memset(f->heap.used, 0xff, (n / 64 + 1) * 8);
	f->heap.slot = calloc(1u << 21, sizeof(*f->heap.slot));
	for (uint64_t k = HEAP >> 26; k <= (HEAP + size) >> 26; k++)
		f->heap.slot[k] = 1;
	f->head = calloc(n / 64 + 1, 8);
	f->root = (struct root){ ROOTS, ROOTS + f->rootsize, ROOT_DATA, -1, NULL };
	f->roots = (struct roots){ .v = &f->root, .n = 1 };
}

static void fake_free(struct fake *f)
{
	free(f->node);
	free(f->filled);
	free(f->mem);
	free(f->rootmem);
	free(f->span.cell);
	free(f->heap.used);
	free(f->heap.internal);
	free(f->heap.slot);
	free(f->edge);
	free(f->head);
}

/* A pointer from a node (or the root: from == n) to a node; false: no room. */
static bool point(struct fake *f, uint32_t from, uint32_t to, int interior)
{
	uint64_t value = f->node[to].addr + (interior ? 8 : 0);
	uint8_t *at;

	if (from == f->n) {
		if (f->rootfilled * 8 >= f->rootsize)
			return false;
		at = f->rootmem + f->rootfilled++ * 8;
	} else {
		/* the last word lies in the next chunk's header and counts, too */
		if (f->filled[from] * 8 + 8 > f->node[from].size)
			return false;
		at = f->mem + (f->node[from].addr - HEAP) + f->filled[from]++ * 8;
	}
	memcpy(at, &value, 8);
	if (f->nedges == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 1024;
		f->edge = realloc(f->edge, f->cap * sizeof(*f->edge));
	}
	f->edge[f->nedges++] = (struct edge){ from, to, interior };
	return true;
}

/* Distance of each node from the root, by relaxing all edges until nothing changes. */
static void distances(const struct fake *f, enum path_from from, uint32_t *dist)
{
	bool strong = from == PATH_STRONG;
	bool changed = true;

	for (uint32_t i = 0; i <= f->n; i++)
		dist[i] = (from == PATH_LEAK ? i < f->n && bit_get(f->head, i) : i == f->n) ? 0
		                                                                            : FAR;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < f->nedges; i++) {
			const struct edge *e = &f->edge[i];

			if ((strong && e->interior) || dist[e->from] == FAR)
				continue;
			if (e->from < f->n && !bit_get(f->heap.used, e->from))
				continue;
			if (!bit_get(f->heap.used, e->to) || dist[e->to] <= dist[e->from] + 1)
				continue;
			dist[e->to] = dist[e->from] + 1;
			changed = true;
		}
	}
}

/* Each step's word says what the step says, and the steps hang together. */
static void check_steps(struct fake *f, const struct path *path, const struct block *target,
                        enum path_from from)
{
	uint64_t interior = 0;

	for (size_t i = 0; i < path->n; i++) {
		const struct path_step *s = &path->v[i];
		uint64_t value;

		assert_true(core_read64(&f->core, s->at, &value));
		assert_int_equal(value, s->value);
		assert_in_range(s->value, s->to.addr, s->to.addr + s->to.size - 1);
		assert_int_equal(s->interior, s->value != s->to.addr);
		assert_false(from == PATH_STRONG && s->interior);
		interior += s->interior;
		if (i == 0 && from == PATH_LEAK) {
			assert_true(bit_get(f->head, s->from.id));
		} else if (i == 0) {
			assert_null(s->from.span);
			assert_true(range_holds(ROOTS, ROOTS + f->rootsize, s->at, 8));
		} else if (i > 0 && i != path->first) {
			assert_int_equal(s->from.addr, path->v[i - 1].to.addr);
			assert_true(
				range_holds(s->from.addr, s->from.addr + s->from.size, s->at, 8));
		}
	}
	assert_int_equal(interior, path->interior);
	assert_int_equal(path->v[path->n - 1].to.addr, target->addr);
}

static void check_paths(struct fake *f, enum path_from from, const uint32_t *node, size_t n)
{
	uint32_t *dist = calloc(f->n + 1, sizeof(*dist));
	struct block *target = calloc(n, sizeof(*target));
	struct path *path = calloc(n, sizeof(*path));
	struct reach reach = { .head = f->head };
	struct pool pool = { 0 };
	size_t reached = 0;

	distances(f, from, dist);
	for (size_t i = 0; i < n; i++)
		assert_true(heap_find(&f->heap, f->node[node[i]].addr, &target[i]));
	path_find(&f->core, &f->heap, &f->roots, &reach, from, target, n, &pool, path);
	for (size_t i = 0; i < n; i++) {
		if (dist[node[i]] == FAR || dist[node[i]] == 0) {
			assert_int_equal(path[i].n, 0);
			continue;
		}
		reached++;
		assert_int_equal(path[i].length, dist[node[i]]);
		check_steps(f, &path[i], &target[i], from);
	}
	assert_true(reached > 0);
	pool_free(&pool);
	free(path);
	free(target);
	free(dist);
}

static uint32_t few_words(uint32_t i)
{
	(void)i;
	return 3 + rnd(12);
}

static void random_graphs(void **state)
{
	(void)state;
	for (seed = 1; seed < 30; seed++) {
		uint64_t run = seed;
		uint32_t n = 200 + rnd(2000), *all = calloc(n, sizeof(*all));
		struct fake f;

		fake_make(&f, n, few_words, 4);
		for (uint32_t i = 0; i < n; i++)
			all[i] = i;
		for (int i = 0; i < 3; i++)
			point(&f, n, rnd(n), rnd(3) == 0);
		for (uint32_t i = 0; i < n * 2; i++)
			point(&f, rnd(n), rnd(n), rnd(4) == 0);
		for (uint32_t i = 0; i < n / 10; i++)
			bit_clear(f.heap.used, rnd(n));
		/* at least one path of each sort */
		bit_set(f.heap.used, 0);
		point(&f, n, 0, 0);
		check_paths(&f, PATH_STRONG, all, n);
		check_paths(&f, PATH_ANY, all, n);
		for (uint32_t i = 0; i < n / 50; i++)
			bit_set(f.head, rnd(n));
		for (uint32_t i = 0; i < n / 64 + 1; i++)
			f.head[i] &= f.heap.used[i];
		check_paths(&f, PATH_LEAK, all, n);
		fake_free(&f);
		free(all);
		seed = run;
	}
}

static uint32_t wide_words(uint32_t i)
{
	return i == 0 ? 30000 : 4;
}

/* Node 0 points to 30,000 blocks, which point on: the list of a frontier has room for 5,000. */
static void wide_graph(void **state)
{
	uint32_t n = 60001, some[400];
	struct fake f;

	(void)state;
	seed = 7;
	fake_make(&f, n, wide_words, 1);
	point(&f, n, 0, 0);
	for (uint32_t i = 1; i <= 30000; i++)
		point(&f, 0, i, 0);
	for (uint32_t i = 30001; i < n; i++)
		point(&f, rnd(i - 1) + 1, i, rnd(2) == 0);
	for (size_t i = 0; i < 400; i++)
		some[i] = rnd(n);
	check_paths(&f, PATH_STRONG, some, 400);
	check_paths(&f, PATH_ANY, some, 400);
	fake_free(&f);
}

static uint32_t two_words(uint32_t i)
{
	(void)i;
	return 2;
}

static void long_chain(void **state)
{
	uint32_t n = 100000, last = n - 1;
	struct pool pool = { 0 };
	struct block target;
	struct path path;
	struct fake f;

	(void)state;
	fake_make(&f, n, two_words, 1);
	point(&f, n, 0, 0);
	for (uint32_t i = 0; i < last; i++)
		point(&f, i, i + 1, 0);
	assert_true(heap_find(&f.heap, f.node[last].addr, &target));
	path_find(&f.core, &f.heap, &f.roots, NULL, PATH_STRONG, &target, 1, &pool, &path);
	assert_int_equal(path.length, n);
	assert_int_equal(path.n, 2 * PATH_ENDS);
	assert_int_equal(path.first, PATH_ENDS);
	assert_int_equal(path.v[PATH_ENDS - 1].to.addr, f.node[PATH_ENDS - 1].addr);
	assert_int_equal(path.v[PATH_ENDS].to.addr, f.node[n - PATH_ENDS].addr);
	check_steps(&f, &path, &target, PATH_STRONG);
	pool_free(&pool);
	fake_free(&f);
}

static void referrers_of_random_graphs(void **state)
{
	(void)state;
	for (seed = 100; seed < 110; seed++) {
		uint64_t run = seed;
		uint32_t n = 300, count[300][REFERRER_KINDS] = { 0 };
		struct referrers *t = calloc(n, sizeof(*t));
		struct fake f;

		fake_make(&f, n, few_words, 20);
		for (uint32_t i = 0; i < 15; i++)
			point(&f, n, rnd(n), rnd(2));
		for (uint32_t i = 0; i < 1500; i++)
			point(&f, rnd(n), rnd(n), rnd(2));
		for (uint32_t i = 0; i < 30; i++)
			bit_clear(f.heap.used, rnd(n));
		for (size_t i = 0; i < f.nedges; i++) {
			const struct edge *e = &f.edge[i];

			count[e->to][e->from == n                    ? REFERRER_ROOT
			             : e->from == e->to              ? REFERRER_SELF
			             : bit_get(f.heap.used, e->from) ? REFERRER_BLOCK
			                                             : REFERRER_STALE]++;
		}
		for (uint32_t i = 0; i < n; i++) {
			t[i].start = f.node[i].addr;
			t[i].end = f.node[i].addr + f.node[i].size;
		}
		referrers_find(&f.core, &f.heap, &f.roots, NULL, 3, t, n);
		for (uint32_t i = 0; i < n; i++) {
			for (int k = 0; k < REFERRER_KINDS; k++) {
				size_t kept = count[i][k] < 3 ? count[i][k] : 3;

				assert_int_equal(t[i].count[k], count[i][k]);
				assert_int_equal(t[i].kept[k].n, kept);
			}
		}
		referrers_free(t, n);
		fake_free(&f);
		free(t);
		seed = run;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_graphs),
		cmocka_unit_test(wide_graph),
		cmocka_unit_test(long_chain),
		cmocka_unit_test(referrers_of_random_graphs),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
