/*
 * A depth-first search that numbers nodes as it meets them and gives each the lowest number that
 * its part of the search leads back to (of[] holds both, one after the other). A node that leads to
 * no lower number than its own is the first one met of its component: all others of it wait on a
 * stack, above what was met before. Numbers of nodes that wait are lower than n less the
 * components that are done, those of components higher, so that edges into the latter are ignored
 * without asking.
 *
 * The stack grows downwards from the end of node[], and components that are done are written there
 * from its start: together they are never more than all nodes.
 */
#include "analyzer/graph/component.h"

struct step {
	uint32_t node, edge; /* the next edge to look at */
};

struct searching {
	const struct graph *g;
	uint32_t *of, *node;
	uint64_t *back;         /* bit by node: it leads to one met before it */
	uint32_t met;           /* nodes that are on the path or wait, plus one */
	uint32_t next;          /* number of the next component, counted down from n */
	uint32_t done, waiting; /* node[0 .. done), node[waiting .. n) */
	ARRAY(struct step) path;
};

static void enter(struct searching *s, uint32_t v)
{
	s->of[v] = s->met++;
	array_push(&s->path, ((struct step){ v, s->g->first[v] }));
}

static void lead_back(struct searching *s, uint32_t v, uint32_t w)
{
	if (s->of[w] < s->of[v]) {
		s->of[v] = s->of[w];
		bit_set(s->back, v);
	}
}

/* All that v leads to was met: it waits for its component, or is the last one of it. */
static void leave(struct searching *s, uint32_t v)
{
	if (bit_get(s->back, v)) {
		s->node[--s->waiting] = v;
		return;
	}
	s->met--;
	while (s->waiting < s->g->n && s->of[s->node[s->waiting]] >= s->of[v]) {
		uint32_t w = s->node[s->waiting++];

		s->of[w] = s->next;
		s->node[s->done++] = w;
		s->met--;
	}
	s->of[v] = s->next--;
	s->node[s->done++] = v;
}

static void search(struct searching *s, uint32_t start)
{
	enter(s, start);
	while (s->path.n) {
		struct step *top = &s->path.v[s->path.n - 1];
		uint32_t v = top->node, w;

		if (top->edge == s->g->first[v + 1]) {
			s->path.n--;
			leave(s, v);
			if (s->path.n)
				lead_back(s, s->path.v[s->path.n - 1].node, v);
			continue;
		}
		w = s->g->to[top->edge++];
		if (s->of[w])
			lead_back(s, v, w);
		else
			enter(s, w);
	}
}

void components_find(const struct graph *g, struct components *out)
{
	size_t bytes = ((size_t)g->n + 63) / 64 * 8;
	struct searching s = { .g = g, .met = 1, .next = g->n, .waiting = g->n };

	s.of = mem_alloc((size_t)g->n + 1, sizeof(*s.of));
	s.node = mem_alloc((size_t)g->n + 1, sizeof(*s.node));
	s.back = mem_lazy(bytes);
	for (uint32_t v = 0; v < g->n; v++)
		if (!s.of[v])
			search(&s, v);
	for (uint32_t v = 0; v < g->n; v++)
		s.of[v] = g->n - s.of[v];
	*out = (struct components){ g->n - s.next, s.of, s.node };
	array_free(&s.path);
	mem_lazy_free(s.back, bytes);
}

void components_free(struct components *c)
{
	mem_free(c->of);
	mem_free(c->node);
	*c = (struct components){ 0 };
}
