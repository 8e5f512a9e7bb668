#include "analyzer/reach/held.h"

#include <stdlib.h>

struct finding_faces {
	const struct graph *g;
	const struct components *c;
	const uint64_t *heads, *named; /* bit by node */
	ARRAY(struct held_face) face;
};

/* Which of the leaked blocks are of those with these bits by id: bits by node. */
static uint64_t *nodes_of(const struct heap *heap, const uint64_t *bits, const struct graph *g,
                          const uint64_t *set)
{
	size_t words = ((size_t)heap->nchunks + 63) / 64;
	uint64_t *nodes = mem_alloc(((size_t)g->n + 63) / 64 + 1, sizeof(*nodes));

	for (size_t i = 0; i < words; i++) {
		uint64_t some = set[i] & bits[i];

		for (; some; some &= some - 1)
			bit_set(nodes, graph_node(g, (uint32_t)(i << 6) +
			                                     (uint32_t)__builtin_ctzll(some)));
	}
	return nodes;
}

/*
 * How much a block tells of its ring: does it say what it is, then how much hangs on it, pointers
 * out of the ring first, then all of them.
 */
static uint64_t weight(const struct finding_faces *f, uint32_t v)
{
	uint64_t out = 0, all = f->g->first[v + 1] - f->g->first[v];

	for (uint32_t e = f->g->first[v]; e < f->g->first[v + 1]; e++)
		out += f->c->of[f->g->to[e]] != f->c->of[v];
	out = out < UINT32_MAX >> 1 ? out : UINT32_MAX >> 1;
	return (uint64_t)bit_get(f->named, v) << 63 | out << 32 | all;
}

/* The component of node[0 .. n), n > 1. */
static void find_face(struct finding_faces *f, const uint32_t *node, size_t n)
{
	struct held_face face = { GRAPH_NONE, GRAPH_NONE };
	uint64_t best = 0;

	for (size_t i = 0; i < n; i++)
		if (bit_get(f->heads, node[i]))
			face.head = node[i];
	if (face.head == GRAPH_NONE)
		return;
	for (size_t i = 0; i < n; i++) {
		uint64_t w = weight(f, node[i]);

		if (face.face == GRAPH_NONE || w > best || (w == best && node[i] < face.face)) {
			best = w;
			face.face = node[i];
		}
	}
	if (face.face != face.head)
		array_push(&f->face, face);
}

static int by_head(const void *a, const void *b)
{
	const struct held_face *x = a, *y = b;

	return x->head < y->head ? -1 : x->head > y->head;
}

static void find_faces(struct finding_faces *f)
{
	const uint32_t *node = f->c->node, *of = f->c->of;

	for (uint32_t i = 0, end; i < f->g->n; i = end) {
		for (end = i + 1; end < f->g->n && of[node[end]] == of[node[i]];)
			end++;
		if (end - i > 1)
			find_face(f, node + i, end - i);
	}
	if (f->face.n)
		qsort(f->face.v, f->face.n, sizeof(*f->face.v), by_head);
}

bool held_find(const struct core *core, const struct heap *heap, const struct reach *reach,
               const uint64_t *named, struct held *out, struct err *err)
{
	struct held h = { .bits_bytes = heap->bits_bytes };
	struct components c;
	struct finding_faces f = { .g = &h.graph, .c = &c };
	uint64_t *heads, *faces;

	h.set = reach_bits(reach, 1u << REACH_DEFINITE | 1u << REACH_INDIRECT);
	if (!graph_make(core, heap, h.set, &h.graph, err)) {
		held_free(&h);
		return false;
	}
	heads = nodes_of(heap, reach->head, &h.graph, h.set);
	faces = nodes_of(heap, named, &h.graph, h.set);
	f.heads = heads;
	f.named = faces;
	components_find(&h.graph, &c);
	find_faces(&f);
	mem_free(faces);
	h.face = f.face.v;
	h.nfaces = f.face.n;
	clusters_find(&h.graph, heads, &c, &h.clusters);
	mem_free(heads);
	*out = h;
	return true;
}

void held_free(struct held *h)
{
	clusters_free(&h->clusters);
	graph_free(&h->graph);
	mem_free(h->face);
	mem_lazy_free(h->set, h->bits_bytes);
	*h = (struct held){ 0 };
}

uint32_t held_face(const struct held *h, uint32_t head)
{
	const struct held_face key = { head, 0 }, *found;

	found = h->nfaces ? bsearch(&key, h->face, h->nfaces, sizeof(key), by_head) : NULL;
	return found ? found->face : head;
}
