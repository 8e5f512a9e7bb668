/*
 * Nodes are numbered in the order of a depth-first search from the entries; number 0 is what is
 * outside, which leads to all entries. In descending order each gets its semidominator: the lowest
 * number from which a way leads to it through higher ones only, found among its predecessors with
 * the help of a forest of what was already looked at, whose paths are shortened on the way. In
 * ascending order its dominator is then the first one up the search tree, from its parent, that is
 * not above that.
 *
 * Edges from lower to higher numbers count at once, whenever they come. Those from higher to lower
 * ones have to be at hand when the turn of their target comes: they are counted first, and then
 * collected for as many targets at a time as there is room for. Where there is none for the edges
 * to a single one, they are taken as they come.
 *
 * The forest forgets the search tree, which is kept in two bits a node: for each one that was
 * entered, a bit for each that was left before, 0, and one for it, 1.
 *
 * Arrays are used for several things one after the other:
 *	up    parent in the search tree, in the forest; dominator
 *	semi  node by number while searching; semidominator
 *	label where in a node the search is; edges to it, and where they are in the list; lowest
 *	      semidominator on the way to up; the search's path
 */
#include "analyzer/graph/dominator.h"

#define STEPS 16         /* edges of a node that are looked at together */
#define DONE  UINT32_MAX /* a node's edges were all looked at */
#define CLIMB 256 /* steps for each node, in all, after which it is given up */

struct finding {
	const struct dominator_graph *g;
	const uint64_t *entry;
	struct dominators d;
	uint32_t *up, *semi, *label; /* by number */
	uint64_t *tree;              /* bits */
	uint64_t bits;
	uint32_t met;
	uint32_t *list; /* sources of edges to lower numbers in [first, last] */
	uint64_t room;
	uint32_t first, last;
};

static size_t words(const struct finding *f)
{
	return ((size_t)f->g->most + 2) * sizeof(uint32_t);
}

static size_t number_bytes(const struct dominators *d)
{
	return ((size_t)d->nodes + 1) * sizeof(*d->number);
}

static size_t tree_bytes(const struct finding *f)
{
	return ((size_t)f->g->most / 32 + 2) * sizeof(uint64_t);
}

/* ---- numbers ---- */

static void enter(struct finding *f, uint32_t v, uint32_t parent)
{
	uint32_t k = ++f->met;

	f->d.number[v] = k;
	f->up[k] = parent;
	f->semi[k] = v;
	f->tree[f->bits >> 6] |= UINT64_C(1) << (f->bits & 63); /* more of them than nodes */
	f->bits++;
}

/*
 * The first node that k leads to and that was not met, and whether there is a second one, from
 * which the search goes on when it comes back: mostly there is none, and then it need not look.
 */
static uint32_t first_new(struct finding *f, uint32_t k)
{
	struct dominator_step step[STEPS];
	uint32_t found = UINT32_MAX, *at = &f->label[k];

	while (*at != DONE) {
		size_t n = f->g->next(f->g->of, f->semi[k], *at, step, STEPS);

		for (size_t i = 0; i < n; i++)
			__builtin_prefetch(&f->d.number[step[i].to]);
		*at = n < STEPS ? DONE : step[n - 1].behind;
		for (size_t i = 0; i < n; i++) {
			if (f->d.number[step[i].to] || step[i].to == found)
				continue;
			if (found != UINT32_MAX) {
				*at = step[i].at;
				return found;
			}
			found = step[i].to;
		}
		if (found != UINT32_MAX)
			break;
	}
	return found;
}

static void search(struct finding *f, uint32_t start)
{
	uint32_t k;

	enter(f, start, 0);
	for (k = f->met; k;) {
		uint32_t w = f->label[k] == DONE ? UINT32_MAX : first_new(f, k);

		if (w == UINT32_MAX) {
			k = f->up[k];
			f->bits++;
		} else if (f->met < f->g->most) {
			enter(f, w, k);
			k = f->met;
		} else {
			f->label[k] = DONE; /* more than there should be */
		}
	}
}

/* ---- edges ---- */

/* Numbers for nodes; edges of what no entry leads to go. */
static size_t translate(const struct finding *f, const struct edge *edge, size_t n,
                        struct edge *out)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&f->d.number[edge[i].to]);
	for (size_t i = 0; i < n; i++) {
		out[left].from = f->d.number[edge[i].from];
		out[left].to = f->d.number[edge[i].to];
		left += out[left].from && out[left].to && out[left].from != out[left].to;
	}
	return left;
}

static bool count_edges(void *arg, const struct edge *edge, size_t n)
{
	struct finding *f = arg;
	struct edge e[EDGES];

	n = translate(f, edge, n, e);
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(e[i].from < e[i].to ? &f->semi[e[i].to] : &f->label[e[i].to],
		                   1);
	for (size_t i = 0; i < n; i++) {
		uint32_t *semi = &f->semi[e[i].to], *count = &f->label[e[i].to];

		if (e[i].from < e[i].to)
			*semi = e[i].from < *semi ? e[i].from : *semi;
		else
			*count += *count < UINT32_MAX;
	}
	return true;
}

static bool collect_edges(void *arg, const struct edge *edge, size_t n)
{
	struct finding *f = arg;
	struct edge e[EDGES];

	n = translate(f, edge, n, e);
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&f->label[e[i].to], 1);
	for (size_t i = 0; i < n; i++) {
		uint32_t k = e[i].to;

		if (e[i].from > k && k >= f->first && k <= f->last && f->label[k] < f->room)
			f->list[f->label[k]++] = e[i].from;
	}
	return true;
}

/* ---- semidominators ---- */

/* The lowest semidominator between v, which is above `last`, and the root of its tree, which is not
 * and does not count. */
static uint32_t eval(struct finding *f, uint32_t v, uint32_t last)
{
	uint32_t best = f->label[v], u;

	while ((u = f->up[v]) > last) {
		if (f->label[u] < f->label[v])
			f->label[v] = f->label[u];
		if (f->label[v] < best)
			best = f->label[v];
		v = f->up[v] = f->up[u];
		if (v <= last)
			break;
		if (f->label[v] < best)
			best = f->label[v];
	}
	return best;
}

/* Edges to the one number whose turn it is. */
static bool take_edges(void *arg, const struct edge *edge, size_t n)
{
	struct finding *f = arg;
	struct edge e[EDGES];

	n = translate(f, edge, n, e);
	for (size_t i = 0; i < n; i++) {
		uint32_t k = e[i].to, s;

		if (k != f->first || e[i].from < k)
			continue;
		s = eval(f, e[i].from, k);
		f->semi[k] = s < f->semi[k] ? s : f->semi[k];
	}
	return true;
}

/* f->last and those below it whose edges there is room for: sets f->first, and where they go. */
static bool make_room(struct finding *f)
{
	uint64_t sum = 0;
	uint32_t k = f->last;

	for (; k && sum + f->label[k] <= f->room; k--) {
		uint32_t count = f->label[k];

		f->label[k] = (uint32_t)sum;
		sum += count;
	}
	f->first = k + 1;
	return f->first <= f->last;
}

static void find_collected(struct finding *f)
{
	uint32_t at = 0;

	f->g->scan(f->g->of, collect_edges, f);
	for (uint32_t k = f->last; k >= f->first; k--) {
		uint32_t end = f->label[k], best = f->semi[k];

		for (; at < end && best; at++) {
			uint32_t s = eval(f, f->list[at], k);

			best = s < best ? s : best;
		}
		at = end;
		f->semi[k] = f->label[k] = best;
	}
}

static void find_semi(struct finding *f)
{
	for (uint32_t k = 0; k <= f->met; k++) {
		f->semi[k] = UINT32_MAX;
		f->label[k] = 0;
	}
	for (uint32_t v = 0; v < f->g->nodes; v++)
		if (f->d.number[v] && bit_get(f->entry, v))
			f->semi[f->d.number[v]] = 0;
	f->g->scan(f->g->of, count_edges, f);
	for (f->last = f->met; f->last; f->last = f->first - 1) {
		if (make_room(f)) {
			find_collected(f);
		} else { /* too many for the list lead to this one */
			f->first = f->last;
			if (f->semi[f->last])
				f->g->scan(f->g->of, take_edges, f);
			f->label[f->last] = f->semi[f->last];
		}
	}
}

/* ---- dominators ---- */

static bool find_dominators(struct finding *f)
{
	uint64_t left = ((uint64_t)f->met + 1) * CLIMB;
	uint32_t k = 0, depth = 0, *path = f->label;

	for (uint64_t i = 0; k < f->met; i++) {
		uint32_t by;

		if (!(f->tree[i >> 6] >> (i & 63) & 1)) {
			depth--;
			continue;
		}
		by = depth ? path[depth - 1] : 0;
		path[depth++] = ++k;
		if (!f->semi[k])
			by = 0;
		for (; by > f->semi[k]; by = f->up[by])
			if (!left--)
				return false;
		f->up[k] = by;
	}
	return true;
}

static size_t list_bytes(const struct finding *f)
{
	return f->room * sizeof(*f->list) + 1;
}

/* What is wanted at random, and most often, is asked for first. */
static void take_arrays(struct finding *f, uint64_t list)
{
	struct scratch *s = f->d.scratch;

	f->room = list / sizeof(*f->list) < UINT32_MAX ? list / sizeof(*f->list) : UINT32_MAX - 1;
	f->d.number = scratch_take(s, number_bytes(&f->d));
	f->list = scratch_take(s, list_bytes(f));
	f->tree = scratch_take(s, tree_bytes(f));
	f->label = scratch_take(s, words(f));
	f->up = scratch_take(s, words(f));
	f->semi = scratch_take(s, words(f));
}

bool dominators_find(const struct dominator_graph *g, const uint64_t *entry, uint64_t list,
                     struct scratch *scratch, struct dominators *out)
{
	struct finding f = { .g = g, .entry = entry };
	bool good;

	f.d = (struct dominators){ .nodes = g->nodes, .most = g->most, .scratch = scratch };
	take_arrays(&f, list);
	for (uint32_t v = 0; v < g->nodes; v++)
		if (bit_get(entry, v) && !f.d.number[v] && f.met < g->most)
			search(&f, v);
	find_semi(&f);
	scratch_give(scratch, f.list, list_bytes(&f));
	good = find_dominators(&f);
	scratch_give(scratch, f.semi, words(&f));
	scratch_give(scratch, f.label, words(&f));
	scratch_give(scratch, f.tree, tree_bytes(&f));
	f.d.by = f.up;
	f.d.reached = f.met;
	if (good)
		*out = f.d;
	else
		dominators_free(&f.d);
	return good;
}

void dominators_free(struct dominators *d)
{
	if (d->scratch) {
		scratch_give(d->scratch, d->number, number_bytes(d));
		scratch_give(d->scratch, d->by, ((size_t)d->most + 2) * sizeof(*d->by));
	}
	*d = (struct dominators){ 0 };
}
