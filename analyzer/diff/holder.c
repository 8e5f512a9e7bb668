#include "analyzer/diff/holder.h"
#include "analyzer/diff/group_index.h"
#include "analyzer/reach/path.h"
#include "analyzer/process/place.h"

struct pick { /* of one growth, or of a group that may grow */
	struct growth *growth;
	enum reach_class reach;
	uint32_t group; /* of the newest profile */
	unsigned level; /* of the sample */
	bool cohort;    /* of blocks that were new in the snapshot before; else of new ones */
	struct block block[HOLDER_BLOCKS];
	size_t n;
	const char *holder; /* of most of them; NULL: there is none */
	double share;       /* of them */
};

static unsigned level_for(uint64_t blocks)
{
	unsigned level = 0;

	while (blocks >> level > HOLDER_BLOCKS)
		level++;
	return level;
}

/* Does a path of this sort lead to its blocks? */
static bool is_held(const struct report_finding *f, enum path_from from, enum reach_class *reach)
{
	*reach = REACH_REACHABLE;
	if (f->reach && from == PATH_ANY && !strcmp(f->reach, reach_name(REACH_POSSIBLE)))
		*reach = REACH_POSSIBLE;
	return f->reach && !strcmp(f->reach, reach_name(*reach));
}

/* The growths that are worth a look. */
static size_t choose(const struct profile *p, const struct group_index *index,
                     enum path_from from, struct growths *growths, struct pick *pick)
{
	size_t n = 0;

	for (size_t i = 0; i < growths->n && n < HOLDER_GROUPS; i++) {
		struct growth *g = &growths->v[i];
		const struct report_finding *f = g->group;
		uint64_t blocks = g->cohort.blocks ? g->cohort.blocks : g->fresh.blocks;
		enum reach_class reach;

		if (!f || !is_held(f, from, &reach) || !blocks ||
		    (g->steady <= 0 && g->kind != GROWTH_LEVELLED_OFF))
			continue;
		pick[n] = (struct pick){ .growth = g, .reach = reach };
		pick[n].cohort = g->cohort.blocks != 0;
		pick[n].group = group_index_find(index, reach, f->size, f->type);
		pick[n].level = level_for(blocks);
		n += pick[n].group < p->groups.n;
	}
	return n;
}

static void draw(struct snapshot *newest, const struct survival *last,
                 const struct group_index *index, struct pick *pick, size_t n)
{
	const struct heap *heap = analysis_heap(&newest->a);
	const struct reach *reach = analysis_reach(&newest->a);
	const struct types *types = analysis_types(&newest->a);
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next_set(heap, heap->used, &it, &b)) {
		bool fresh = bit_get(last->fresh, b.id), cohort = bit_get(last->cohort_bits, b.id);
		enum reach_class class;
		const struct type *type;
		uint32_t group;

		if (!fresh && !cohort)
			continue;
		class = reach_of(reach, b.id);
		type = types_of(types, b.id);
		group = group_index_find(index, class, b.size, type ? type->name : NULL);
		for (size_t i = 0; i < n; i++) {
			struct pick *p = &pick[i];

			if (p->reach == class && p->group == group &&
			    (p->cohort ? cohort : fresh) && p->n < HOLDER_BLOCKS &&
			    profile_samples(b.addr, p->level))
				p->block[p->n++] = b;
		}
	}
}

/* Name of the root that a chain begins with; NULL: there is none. */
static const char *name_of(struct places *places, const struct path *path, struct pool *pool)
{
	struct place place;

	if (!path->n || path->v[0].from.span)
		return NULL;
	if (!path->v[0].at)
		return "a register";
	place_find(places, path->v[0].at, &place);
	if ((place.kind == PLACE_MODULE || place.kind == PLACE_TLS) && place.symbol.name)
		return place.symbol.name;
	return place_text(places, &place, pool);
}

/* The commonest of the names, and how many of n it has. */
static const char *commonest(const char *const *name, size_t n, size_t *most)
{
	const char *best = NULL;

	*most = 0;
	for (size_t i = 0; i < n; i++) {
		size_t same = 0;

		for (size_t k = 0; name[i] && k < n; k++)
			same += name[k] && !strcmp(name[i], name[k]);
		if (same > *most || (same && same == *most && strcmp(name[i], best) < 0)) {
			*most = same;
			best = name[i];
		}
	}
	return best;
}

/* Who holds most of the blocks; NULL: no one does. */
static const char *holder_of(struct places *places, const struct pick *pick,
                             const struct path *path, struct pool *pool, double *share)
{
	const char *name[HOLDER_BLOCKS] = { NULL }, *best;
	size_t most;

	for (size_t i = 0; i < pick->n; i++)
		name[i] = name_of(places, &path[i], pool);
	best = commonest(name, pick->n, &most);
	*share = pick->n ? (double)most / (double)pick->n : 0;
	return best && most * 2 >= pick->n ? pool_printf(pool, "%s", best) : NULL;
}

static void find_paths(struct holders *h, const struct block *block, size_t n, struct pool *pool,
                       struct path *path)
{
	struct analysis *a = h->a;

	hand_wait(&h->hand);
	if (h->search)
		path_search_find(h->search, block, n, pool, path);
	else
		path_find(a->core, analysis_heap(a), analysis_roots(a), NULL, h->from, block, n,
		          pool, path);
}

static void search(struct holders *h, struct pick *pick, size_t n, struct pool *names)
{
	struct block *block = mem_alloc(n * HOLDER_BLOCKS, sizeof(*block));
	struct path *path = mem_alloc(n * HOLDER_BLOCKS, sizeof(*path));
	struct pool pool = { 0 };
	struct places places;
	size_t all = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < pick[i].n; k++)
			block[all++] = pick[i].block[k];
	}
	find_paths(h, block, all, &pool, path);
	places_open(h->a, &places);
	all = 0;
	for (size_t i = 0; i < n; i++) {
		pick[i].holder = holder_of(&places, &pick[i], path + all, names, &pick[i].share);
		all += pick[i].n;
	}
	places_close(&places);
	pool_free(&pool);
	mem_free(path);
	mem_free(block);
}

void holders_find(struct holders *h, const struct survival *last, struct growths *growths)
{
	const struct profile *p = h->newest->report.profile;
	struct pick *pick = mem_alloc(HOLDER_GROUPS, sizeof(*pick));
	struct group_index index;
	size_t n;

	group_index_make(p, &index);
	n = choose(p, &index, h->from, growths, pick);
	if (n) {
		draw(h->newest, last, &index, pick, n);
		search(h, pick, n, &growths->pool);
	}
	for (size_t i = 0; i < n; i++) {
		pick[i].growth->holder = pick[i].holder;
		pick[i].growth->holder_share = pick[i].share;
	}
	group_index_free(&index);
	mem_free(pick);
}

static enum path_from from_of(const struct report_leaks *leaks)
{
	return leaks->possible.bytes > leaks->reachable.bytes ? PATH_ANY : PATH_STRONG;
}

static void search_all(void *of)
{
	struct holders *h = of;
	struct analysis *a = h->a;

	h->search = path_search_run(a->core, analysis_heap(a), analysis_roots(a), h->from);
}

void holders_begin(struct snapshot *newest, struct holders *out)
{
	*out = (struct holders){ .newest = newest, .a = &newest->a };
	out->from = from_of(&newest->report.leaks);
	analysis_roots(&newest->a); /* made here: two threads may read, but not make them */
	if (analysis_threads(&newest->a) > 1)
		hand_start(&out->hand, search_all, out);
}

void holders_end(struct holders *holders)
{
	hand_wait(&holders->hand);
	path_search_free(holders->search);
	*holders = (struct holders){ 0 };
}

/* ---- of a profile ---- */

static size_t choose_groups(const struct profile *p, const struct group_index *index,
                            enum path_from from, struct pick *pick, uint8_t *pick_of)
{
	size_t n = 0;

	for (size_t i = 0; i < p->groups.n && n < HOLDER_KEPT; i++) {
		const struct report_finding *f = &p->groups.v[i];
		uint32_t group;

		if (!is_held(f, from, &pick[n].reach))
			continue;
		group = group_index_find(index, pick[n].reach, f->size, f->type);
		if (group >= p->groups.n || pick_of[group])
			continue;
		pick[n].group = group;
		pick[n].level = level_for(f->blocks);
		pick_of[group] = (uint8_t)++n;
	}
	return n;
}

static void draw_groups(struct analysis *a, const struct group_index *index,
                        const uint8_t *pick_of, struct pick *pick)
{
	const struct heap *heap = analysis_heap(a);
	const struct reach *reach = analysis_reach(a);
	const struct types *types = analysis_types(a);
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next_set(heap, heap->used, &it, &b)) {
		const struct type *type = types_of(types, b.id);
		uint32_t group = group_index_find(index, reach_of(reach, b.id), b.size,
		                                  type ? type->name : NULL);
		struct pick *p = group != PROFILE_NO_GROUP && pick_of[group]
		                         ? &pick[pick_of[group] - 1]
		                         : NULL;

		if (p && p->n < HOLDER_BLOCKS && profile_samples(b.addr, p->level))
			p->block[p->n++] = b;
	}
}

void holders_keep(struct report *report, struct analysis *a)
{
	struct profile *p = report->profile;
	struct holders h = { .a = a, .from = from_of(&report->leaks) };
	struct pick *pick = mem_alloc(HOLDER_KEPT + 1, sizeof(*pick));
	uint8_t *pick_of = mem_alloc(p->groups.n + 1, sizeof(*pick_of));
	struct group_index index;
	size_t n;

	group_index_make(p, &index);
	n = choose_groups(p, &index, h.from, pick, pick_of);
	if (n) {
		draw_groups(a, &index, pick_of, pick);
		search(&h, pick, n, &report->pool);
	}
	for (size_t i = 0; i < n; i++)
		p->groups.v[pick[i].group].owner = pick[i].holder;
	group_index_free(&index);
	mem_free(pick_of);
	mem_free(pick);
}
