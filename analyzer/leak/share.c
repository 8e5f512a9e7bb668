/*
 * From the shared blocks that heads of one group point to, or what these own, forwards: what that
 * meets is what the group shares. From there backwards through shared blocks to all owners: these
 * are the heads that it hangs on. Marks carry the number of the search that made them, so that
 * nothing has to be cleared between two.
 */
#include "analyzer/leak/share.h"

#include <stdlib.h>

#define STEPS 16 /* for each edge, in all */

struct entry { /* a head of this group leads to this shared node, through none that is shared */
	uint32_t group, node;
};

struct search {
	const struct held *held;
	const uint32_t *owner;
	const uint64_t *size; /* of shared nodes, by rank among them */
	uint64_t *bits;       /* by node: shared */
	uint32_t *rank;       /* by word of bits */
	struct graph back;    /* edges to shared nodes, turned round */
	uint32_t *mark;       /* by node */
	uint32_t round;       /* marks are round (forwards) or round + 1 (backwards) */
	uint64_t steps;
	ARRAY(uint32_t) found;
	ARRAY(struct entry) entry;
};

static uint64_t size_of(const struct search *s, uint32_t v)
{
	uint64_t below = s->bits[v >> 6] & ~(UINT64_MAX << (v & 63));

	return s->size[s->rank[v >> 6] + bit_count(below)];
}

/* Sizes of shared blocks, in the order of nodes. */
static uint64_t *sizes_of(const struct heap *heap, const struct held *held)
{
	uint64_t *size = mem_alloc(held->clusters.shared + 1, sizeof(*size));
	struct heap_iter it = { 0 };
	struct block b;
	size_t n = 0;

	for (uint32_t v = 0; heap_next_set(heap, held->set, &it, &b); v++)
		if (held->clusters.owner[v] == CLUSTER_SHARED)
			size[n++] = b.size;
	return size;
}

static void mark_shared(struct search *s, uint32_t n)
{
	uint32_t sum = 0;

	s->bits = mem_alloc((size_t)n / 64 + 1, sizeof(*s->bits));
	s->rank = mem_alloc((size_t)n / 64 + 1, sizeof(*s->rank));
	for (uint32_t v = 0; v < n; v++)
		if (s->owner[v] == CLUSTER_SHARED)
			bit_set(s->bits, v);
	for (uint32_t i = 0; i <= n / 64; i++) {
		s->rank[i] = sum;
		sum += bit_count(s->bits[i]);
	}
}

static int by_group(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

/* Where groups enter what is shared; and on how many heads that hangs. */
static uint64_t find_entries(struct search *s, const uint32_t *group)
{
	const struct graph *g = &s->held->graph;
	uint64_t sharers = 0;

	for (uint32_t w = 0; w < g->n; w++) {
		uint32_t last = GRAPH_NONE;

		for (uint32_t e = s->back.first[w]; e < s->back.first[w + 1]; e++) {
			uint32_t o = s->owner[s->back.to[e]];

			if (o == CLUSTER_SHARED)
				continue;
			sharers += !s->mark[o];
			s->mark[o] = 1;
			if (group[o] != last)
				array_push(&s->entry, ((struct entry){ group[o], w }));
			last = group[o];
		}
	}
	if (s->entry.n)
		qsort(s->entry.v, s->entry.n, sizeof(*s->entry.v), by_group);
	return sharers;
}

static void find(struct search *s, uint32_t v, uint32_t mark)
{
	if (s->mark[v] == mark)
		return;
	s->mark[v] = mark;
	array_push(&s->found, v);
}

/* All shared nodes that those found lead to. */
static void forwards(struct search *s, struct group *group)
{
	const struct graph *g = &s->held->graph;

	group->shared = (struct tally){ 0 };
	for (size_t i = 0; i < s->found.n; i++) {
		uint32_t v = s->found.v[i];

		group->shared.blocks++;
		group->shared.bytes += size_of(s, v);
		s->steps += 1 + g->first[v + 1] - g->first[v];
		for (uint32_t e = g->first[v]; e < g->first[v + 1]; e++)
			find(s, g->to[e], s->round); /* what is shared leads to nothing else */
	}
}

/* The heads that lead to those found. */
static uint64_t backwards(struct search *s)
{
	uint32_t mark = s->round + 1;
	uint64_t heads = 0;

	for (size_t i = 0; i < s->found.n; i++)
		s->mark[s->found.v[i]] = mark;
	for (size_t i = 0; i < s->found.n; i++) {
		uint32_t v = s->found.v[i];

		s->steps += 1 + s->back.first[v + 1] - s->back.first[v];
		for (uint32_t e = s->back.first[v]; e < s->back.first[v + 1]; e++) {
			uint32_t from = s->back.to[e], o = s->owner[from];

			if (o == CLUSTER_SHARED) {
				find(s, from, mark);
			} else if (s->mark[o] != mark) {
				s->mark[o] = mark;
				heads++;
			}
		}
	}
	return heads;
}

struct ranked {
	uint64_t bytes;
	size_t first, end; /* entries */
};

static int by_bytes(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static void search_groups(struct search *s, struct group *v)
{
	uint64_t most = STEPS * (graph_edges(&s->held->graph) + s->held->graph.n);
	ARRAY(struct ranked) order = { 0 };

	for (size_t i = 0, end; i < s->entry.n; i = end) {
		const struct group *g = &v[s->entry.v[i].group];

		for (end = i + 1; end < s->entry.n && s->entry.v[end].group == s->entry.v[i].group;)
			end++;
		array_push(&order, ((struct ranked){ g->own.bytes + g->held.bytes, i, end }));
	}
	if (order.n)
		qsort(order.v, order.n, sizeof(*order.v), by_bytes);
	s->round = 2; /* 1 was find_entries' */
	for (size_t k = 0; k < order.n; k++, s->round += 2) {
		struct group *g = &v[s->entry.v[order.v[k].first].group];

		if (s->steps > most) {
			g->shared = (struct tally){ GROUP_UNKNOWN, GROUP_UNKNOWN };
			g->sharers = GROUP_UNKNOWN;
			continue;
		}
		s->found.n = 0;
		for (size_t i = order.v[k].first; i < order.v[k].end; i++)
			find(s, s->entry.v[i].node, s->round);
		forwards(s, g);
		g->sharers = backwards(s);
	}
	array_free(&order);
}

void shares_find(const struct heap *heap, const struct held *held, const uint32_t *group,
                 struct group *v, size_t n, uint64_t *sharers)
{
	struct search s = { .held = held, .owner = held->clusters.owner };
	uint64_t *size;

	*sharers = 0;
	if (!held->clusters.shared || !n)
		return;
	size = sizes_of(heap, held);
	s.size = size;
	mark_shared(&s, held->graph.n);
	graph_reverse(&held->graph, s.bits, &s.back);
	s.mark = mem_alloc(held->graph.n, sizeof(*s.mark));
	*sharers = find_entries(&s, group);
	search_groups(&s, v);
	graph_free(&s.back);
	mem_free(size);
	mem_free(s.bits);
	mem_free(s.rank);
	mem_free(s.mark);
	array_free(&s.found);
	array_free(&s.entry);
}
