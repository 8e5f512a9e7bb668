/*
 * Nodes are numbered in the order of a depth-first search from the entries; number 0 is what is
 * outside, which leads to all entries. In descending order each gets its semidominator: the lowest
 * number from which a way leads to it through higher ones only, found among its predecessors with
 * the help of a forest of what was already looked at, whose paths are compressed. In ascending
 * order its dominator is then the first one up the search tree, from its parent, that is not above
 * that.
 */
#include "analyzer/dominator.h"

struct step {
	uint32_t node, edge;
};

struct finding {
	const struct graph *g;
	const uint64_t *entry;
	struct graph back;
	uint32_t *number;             /* by node; 0: not met */
	uint32_t *node;               /* by number */
	uint32_t *parent;             /* by number: in the search tree, then in the forest */
	uint32_t *semi, *label, *dom; /* by number */
	uint32_t met;
	ARRAY(struct step) path;
	ARRAY(uint32_t) chain;
};

/* ---- numbers ---- */

static void enter(struct finding *f, uint32_t v, uint32_t parent)
{
	uint32_t k = ++f->met;

	f->number[v] = k;
	f->node[k] = v;
	f->parent[k] = parent;
	array_push(&f->path, ((struct step){ v, f->g->first[v] }));
}

static void search(struct finding *f, uint32_t start)
{
	enter(f, start, 0);
	while (f->path.n) {
		struct step *top = &f->path.v[f->path.n - 1];
		uint32_t v = top->node, w;

		if (top->edge == f->g->first[v + 1]) {
			f->path.n--;
			continue;
		}
		w = f->g->to[top->edge++];
		if (!f->number[w])
			enter(f, w, f->number[v]);
	}
}

/* ---- semidominators ---- */

/* The label with the lowest semidominator between v and the root of its tree, which is left out. */
static uint32_t eval(struct finding *f, uint32_t v, uint32_t last)
{
	uint32_t top;

	if (v < last) /* not looked at yet: a tree of its own */
		return v;
	f->chain.n = 0;
	for (top = v; f->parent[top] >= last; top = f->parent[top])
		array_push(&f->chain, top);
	while (f->chain.n) { /* from the top down */
		uint32_t x = f->chain.v[--f->chain.n], up = f->parent[x];

		if (f->semi[f->label[up]] < f->semi[f->label[x]])
			f->label[x] = f->label[up];
		f->parent[x] = f->parent[up];
	}
	return f->label[v];
}

static void find_semi(struct finding *f, uint32_t k)
{
	uint32_t v = f->node[k], best = f->parent[k];

	if (bit_get(f->entry, v))
		best = 0;
	for (uint32_t e = f->back.first[v]; best && e < f->back.first[v + 1]; e++) {
		uint32_t from = f->number[f->back.to[e]], s;

		if (!from)
			continue;
		s = f->semi[eval(f, from, k + 1)];
		if (s < best)
			best = s;
	}
	f->semi[k] = best;
}

static void find_all(struct finding *f)
{
	for (uint32_t k = 0; k <= f->met; k++) {
		f->semi[k] = f->label[k] = k;
		f->dom[k] = f->parent[k];
	}
	for (uint32_t k = f->met; k >= 1; k--)
		find_semi(f, k);
	for (uint32_t k = 1; k <= f->met; k++)
		while (f->dom[k] > f->semi[k])
			f->dom[k] = f->dom[f->dom[k]];
}

void dominators_find(const struct graph *g, const uint64_t *entry, struct dominators *out)
{
	struct finding f = { .g = g, .entry = entry };
	size_t n = (size_t)g->n + 1;

	f.number = mem_alloc(n, sizeof(*f.number));
	f.node = mem_alloc(n, sizeof(*f.node));
	f.parent = mem_alloc(n, sizeof(*f.parent));
	for (uint32_t v = 0; v < g->n; v++)
		if (bit_get(entry, v) && !f.number[v])
			search(&f, v);
	array_free(&f.path);
	graph_reverse(g, NULL, &f.back);
	f.semi = mem_alloc(n, sizeof(*f.semi));
	f.label = mem_alloc(n, sizeof(*f.label));
	f.dom = mem_alloc(n, sizeof(*f.dom));
	find_all(&f);
	for (uint32_t v = 0; v < g->n; v++) {
		uint32_t k = f.number[v];

		f.number[v] = !k ? GRAPH_NONE : f.dom[k] ? f.node[f.dom[k]] : DOMINATOR_ROOT;
	}
	for (uint32_t k = 0; k < f.met; k++)
		f.node[k] = f.node[k + 1];
	*out = (struct dominators){ g->n, f.number, f.node, f.met };
	graph_free(&f.back);
	mem_free(f.parent);
	mem_free(f.semi);
	mem_free(f.label);
	mem_free(f.dom);
	array_free(&f.chain);
}

void dominators_free(struct dominators *d)
{
	mem_free(d->by);
	mem_free(d->node);
	*d = (struct dominators){ 0 };
}
