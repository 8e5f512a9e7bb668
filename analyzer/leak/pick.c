#include "analyzer/leak/pick.h"

#include <stdlib.h>

struct ranked {
	uint64_t bytes;
	size_t group;
};

static int by_bytes(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->group < y->group ? -1 : x->group > y->group;
}

/* Room for picks in the groups that hold most. */
static void choose(struct group *v, size_t n, struct pool *pool)
{
	struct ranked *rank = mem_alloc(n + 1, sizeof(*rank));
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i].reach == REACH_DEFINITE)
			rank[most++] = (struct ranked){ v[i].own.bytes + v[i].held.bytes, i };
	if (most)
		qsort(rank, most, sizeof(*rank), by_bytes);
	for (size_t i = 0; i < most && i < PICK_GROUPS; i++) {
		struct group *g = &v[rank[i].group];

		g->pick = pool_alloc(pool, (g->own.blocks < PICKS ? g->own.blocks : PICKS) *
		                                   sizeof(*g->pick));
	}
	mem_free(rank);
}

/* The first ones, later one or another in place of one of them: the same in every run. */
static void take(struct group *g, vaddr at, uint32_t node, uint64_t seen)
{
	uint64_t i = seen;

	if (i >= PICKS)
		i = (uint64_t)node * UINT64_C(0x9e3779b97f4a7c15) % (seen + 1);
	else
		g->npicks++;
	if (i < PICKS)
		g->pick[i] = at;
}

void pick_block(struct group *g, const struct block *b, size_t *groups, struct pool *pool)
{
	if (!g->pick && g->own.blocks)
		return;
	if (!g->pick) {
		if (*groups >= PICK_PLAIN)
			return;
		++*groups;
		g->pick = pool_alloc(pool, PICKS * sizeof(*g->pick));
	}
	take(g, b->addr, b->id, g->own.blocks);
}

void picks_make(const struct heap *heap, const struct held *held, const uint32_t *group,
                struct group *v, size_t n, struct pool *pool)
{
	uint64_t *seen = mem_alloc(n + 1, sizeof(*seen));
	struct heap_iter it = { 0 };
	struct block b;

	choose(v, n, pool);
	for (uint32_t node = 0; heap_next_set(heap, held->set, &it, &b); node++) {
		struct group *g;

		if (held->clusters.owner[node] != node || held_face(held, node) != node)
			continue;
		g = &v[group[node]];
		if (g->pick)
			take(g, b.addr, node, seen[group[node]]++);
	}
	mem_free(seen);
}
