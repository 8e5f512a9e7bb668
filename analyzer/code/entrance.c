#include "analyzer/code/entrance.h"

#include <stdlib.h>

#define VISITS_MOST 300 /* functions that are looked at for one entrance */
#define DEPTH_MOST  12  /* of calls */
#define REACH_MOST  64  /* sites of one entrance: the nearest */
#define USES_MOST   32  /* calls of one entrance in one module: more tell nothing */

/* ---- what a library's functions come to ---- */

struct edge {
	uint32_t from, to; /* functions */
};

struct walk {
	const struct functions *functions;
	ARRAY(struct edge) edge;
	uint32_t *site; /* by function: 1 + the first of its sites in `next` */
	uint32_t *next; /* by site: 1 + another one of its function */
	uint32_t *seen; /* by function: the walk that was there last */
	uint32_t *queue;
	uint8_t *depth; /* by function */
	ARRAY(struct site_reached) reached;
	uint32_t id;
};

static void add_edge(struct walk *w, uint64_t from, uint64_t to)
{
	const struct function *f = function_at(w->functions, from);
	const struct function *g = f ? function_at(w->functions, to) : NULL;

	if (!g || g == f || g->start != to)
		return;
	array_push(&w->edge, ((struct edge){ (uint32_t)(f - w->functions->v),
	                                     (uint32_t)(g - w->functions->v) }));
}

/* Every byte that a call or a jump to the start of a function may begin at. */
static void find_edges(struct walk *w)
{
	for (size_t c = 0; c < w->functions->ncode; c++) {
		const struct function_range *code = &w->functions->code[c];
		uint64_t size = code->end - code->start;

		for (uint64_t i = 0; size >= 6 && i <= size - 6; i++) {
			const uint8_t *p = code->bytes + i;
			unsigned skip = (*p & 0xfe) == 0xe8                   ? 1
			                : *p == 0x0f && (p[1] & 0xf0) == 0x80 ? 2
			                                                      : 0;
			int32_t distance;

			if (!skip)
				continue;
			memcpy(&distance, p + skip, sizeof(distance));
			add_edge(w, code->start + i,
			         code->start + i + skip + 4 + (uint64_t)(int64_t)distance);
		}
	}
}

static int by_from(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

/* A block that is neither returned nor kept anywhere does not outlive its call. */
static bool outlives(const struct site_entry *e)
{
	return !(e->flags & SITE_WRAPPER) &&
	       (e->ntags || e->flags & (SITE_RETURNED | SITE_INSIDE | SITE_INNER));
}

static void sort_sites(struct walk *w, const struct site_index *index)
{
	for (size_t i = index->n; i-- > 0;) {
		const struct function *f = function_at(w->functions, index->v[i].function);
		uint32_t *first;

		if (!f || !outlives(&index->v[i]))
			continue;
		first = &w->site[f - w->functions->v];
		w->next[i] = *first;
		*first = (uint32_t)i + 1;
	}
}

static void take_sites(struct walk *w, uint32_t function, size_t first)
{
	for (uint32_t i = w->site[function]; i && w->reached.n - first < REACH_MOST;
	     i = w->next[i - 1])
		array_push(&w->reached, ((struct site_reached){ i - 1, w->depth[function] }));
}

static void step_from(struct walk *w, uint32_t f, uint32_t *n)
{
	size_t e = first_where(k, 0, w->edge.n, w->edge.v[k].from >= f);

	for (; e < w->edge.n && w->edge.v[e].from == f; e++) {
		uint32_t to = w->edge.v[e].to;

		if (w->seen[to] == w->id || *n == VISITS_MOST || w->depth[f] == DEPTH_MOST)
			continue;
		w->seen[to] = w->id;
		w->depth[to] = (uint8_t)(w->depth[f] + 1);
		w->queue[(*n)++] = to;
	}
}

/* Breadth first: what is near is likelier than what all of a library may come to. */
static void walk_from(struct walk *w, uint32_t start)
{
	size_t first = w->reached.n;
	uint32_t n = 1;

	w->queue[0] = start;
	w->seen[start] = ++w->id;
	w->depth[start] = 0;
	for (uint32_t i = 0; i < n && w->reached.n - first < REACH_MOST; i++) {
		take_sites(w, w->queue[i], first);
		step_from(w, w->queue[i], &n);
	}
}

/* By name; those of one name are taken once. */
static void walk_all(struct walk *w, struct site_index *out)
{
	const struct functions *f = w->functions;
	struct site_allocator known;

	out->entrance = mem_alloc(f->ndefined + 1, sizeof(*out->entrance));
	for (size_t i = 0; i < f->ndefined; i++) {
		const struct function *at = function_at(f, f->defined[i].at);
		size_t first = w->reached.n;

		if (!at || at->start != f->defined[i].at ||
		    site_allocator_known(f->defined[i].name, &known) ||
		    (out->nentrances &&
		     !strcmp(out->entrance[out->nentrances - 1].name, f->defined[i].name)))
			continue;
		walk_from(w, (uint32_t)(at - f->v));
		if (w->reached.n == first)
			continue;
		out->entrance[out->nentrances++] = (struct site_entrance){
			pool_copy(&out->pool, f->defined[i].name), (uint32_t)first,
			(uint32_t)(w->reached.n - first)
		};
	}
	out->reached = w->reached.v;
	out->nreached = w->reached.n;
}

void reach_entrances(const struct functions *functions, struct site_index *out)
{
	struct walk w = { .functions = functions };

	w.site = mem_alloc(functions->n + 1, sizeof(*w.site));
	w.next = mem_alloc(out->n + 1, sizeof(*w.next));
	w.seen = mem_alloc(functions->n + 1, sizeof(*w.seen));
	w.queue = mem_alloc(VISITS_MOST, sizeof(*w.queue));
	w.depth = mem_alloc(functions->n + 1, 1);
	find_edges(&w);
	if (w.edge.n)
		qsort(w.edge.v, w.edge.n, sizeof(*w.edge.v), by_from);
	sort_sites(&w, out);
	walk_all(&w, out);
	array_free(&w.edge);
	mem_free(w.site);
	mem_free(w.next);
	mem_free(w.seen);
	mem_free(w.queue);
	mem_free(w.depth);
}

/* ---- where a module calls others' entrances ---- */

static bool is_entrance(const struct site_others *others, const char *name, size_t *index)
{
	*index = first_where(k, 0, others->nentrances, strcmp(others->entrance[k], name) >= 0);
	return *index < others->nentrances && !strcmp(others->entrance[*index], name);
}

/* The name of what is called at these bytes; NULL: no call of an import. */
static const char *called(const struct functions *functions, const struct scan_set *set,
                          const uint8_t *p, uint64_t at, unsigned *length)
{
	int32_t distance;
	uint64_t to;

	*length = *p == 0xe8 ? 5 : 6;
	if (*p != 0xe8 && !(*p == 0xff && p[1] == 0x15))
		return NULL;
	memcpy(&distance, p + *length - 4, sizeof(distance));
	to = at + *length + (uint64_t)(int64_t)distance;
	if (!scan_has(set, to))
		return NULL;
	return *p == 0xe8 ? flow_stub(functions, to) : function_slot(functions, to);
}

typedef ARRAY(struct site_use) use_list;

static void add_use(const struct functions *functions, uint64_t call, uint32_t name, use_list *list)
{
	const struct function *f = function_at(functions, call - 1);

	array_push(list, ((struct site_use){ call, f ? f->start : 0, name, 0 }));
}

static void find_uses(const struct functions *functions, const struct scan_set *set,
                      const struct site_others *others, struct site_index *out)
{
	uint8_t *n = mem_alloc(others->nentrances + 1, 1);
	use_list uses = { 0 };

	for (size_t c = 0; c < functions->ncode && set->n; c++) {
		const struct function_range *code = &functions->code[c];
		uint64_t size = code->end - code->start;

		for (uint64_t i = 0; size >= 6 && i <= size - 6; i++) {
			unsigned length;
			size_t k;
			const char *name = called(functions, set, code->bytes + i, code->start + i,
			                          &length);

			if (!name || !is_entrance(others, name, &k) || n[k] > USES_MOST)
				continue;
			if (n[k]++ < USES_MOST)
				add_use(functions, code->start + i + length, (uint32_t)k, &uses);
		}
	}
	out->use = uses.v;
	for (size_t i = 0; i < uses.n; i++) {
		uses.v[i].same = n[uses.v[i].name];
		if (uses.v[i].same <= USES_MOST)
			out->use[out->nuses++] = uses.v[i];
	}
	mem_free(n);
}

/* What a use is of, in words of the index's own. */
static void name_uses(const struct site_others *others, struct site_index *out)
{
	out->name = mem_alloc(out->nuses + 1, sizeof(*out->name));
	for (size_t i = 0; i < out->nuses; i++) {
		const char *name = others->entrance[out->use[i].name];
		size_t k = 0;

		while (k < out->nnames && strcmp(out->name[k], name) != 0)
			k++;
		if (k == out->nnames)
			out->name[out->nnames++] = pool_copy(&out->pool, name);
		out->use[i].name = (uint32_t)k;
	}
}

void reach_uses(const struct functions *functions, const struct site_others *others,
                struct site_index *out)
{
	struct scan_set set = { 0 };
	size_t k;

	for (size_t i = 0; i < functions->nslots; i++)
		if (is_entrance(others, functions->slot[i].name, &k))
			scan_add(&set, functions->slot[i].at);
	scan_stubs(functions, &set);
	find_uses(functions, &set, others, out);
	name_uses(others, out);
	scan_free(&set);
}
