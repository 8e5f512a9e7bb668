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
static bool is_held(const struct report_finding *f, bool inside, enum reach_class *reach)
{
	*reach = REACH_REACHABLE;
	if (f->reach && inside && !strcmp(f->reach, reach_name(REACH_POSSIBLE)))
		*reach = REACH_POSSIBLE;
	return f->reach && !strcmp(f->reach, reach_name(*reach));
}

/* The growths that are worth a look. */
static size_t choose(const struct profile *p, const struct group_index *index, bool inside,
                     struct growths *growths, struct pick *pick)
{
	size_t n = 0;

	for (size_t i = 0; i < growths->n && n < HOLDER_GROUPS; i++) {
		struct growth *g = &growths->v[i];
		const struct report_finding *f = g->group;
		uint64_t blocks = g->cohort.blocks ? g->cohort.blocks : g->fresh.blocks;
		enum reach_class reach;

		if (!f || !is_held(f, inside, &reach) || !blocks ||
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

/* The root that a block hangs on. */
struct held_by {
	bool known;
	vaddr at; /* its word; 0: a register */
};

/*
 * The root's name. coarse: of what has no name of its own, the stack without its frame, and the
 * mapping without the place in it.
 */
static const char *name_of(struct places *places, const struct held_by *root, bool coarse,
                           struct pool *pool)
{
	struct place place;

	if (!root->known)
		return NULL;
	if (!root->at)
		return "a register";
	place_find(places, root->at, &place);
	if ((place.kind == PLACE_MODULE || place.kind == PLACE_TLS) && place.symbol.name)
		return place.symbol.name;
	if (coarse && place.kind == PLACE_STACK)
		place.function = NULL;
	if (coarse && place.kind == PLACE_MAPPING) {
		place.at = place.segment->start;
		place.python.size = 0;
	}
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

/* Who holds most of the blocks, of which these are the roots; NULL: no one does. */
static void decide(struct places *places, const struct held_by *root, struct pick *pick,
                   struct pool *pool)
{
	const char *name[HOLDER_BLOCKS], *best = NULL;
	struct pool names = { 0 };
	size_t most = 0;

	for (int coarse = 0; coarse < 2 && (!coarse || most * 2 < pick->n); coarse++) {
		for (size_t i = 0; i < pick->n; i++)
			name[i] = name_of(places, &root[i], coarse, &names);
		best = commonest(name, pick->n, &most);
	}
	pick->share = pick->n ? (double)most / (double)pick->n : 0;
	pick->holder = best && most * 2 >= pick->n ? pool_printf(pool, "%s", best) : NULL;
	pool_free(&names);
}

/* Of roots that last: what a function or a register has of a block at the moment explains less, and
 * is another one in the next moment. */
static struct roots lasting_of(const struct roots *roots)
{
	struct roots lasting = *roots;

	lasting.v = mem_alloc(roots->n + 1, sizeof(*lasting.v));
	lasting.n = lasting.nregs = 0;
	for (size_t i = 0; i < roots->n; i++)
		if (roots->v[i].kind != ROOT_STACK)
			lasting.v[lasting.n++] = roots->v[i];
	return lasting;
}

/* Sets root of those blocks that have none yet. False: some still have none. */
static bool follow_back(struct analysis *a, const struct roots *roots, bool inside,
                        const struct block *block, size_t n, struct held_by *root)
{
	struct block *left = mem_alloc(n + 1, sizeof(*left));
	struct path *path = mem_alloc(n + 1, sizeof(*path));
	struct pool pool = { 0 };
	size_t nleft = 0, at = 0, found = 0;

	for (size_t i = 0; i < n; i++)
		if (!root[i].known)
			left[nleft++] = block[i];
	path_find(a->core, analysis_heap(a), roots, NULL, inside ? PATH_ANY : PATH_STRONG, left,
	          nleft, &pool, path);
	for (size_t i = 0; i < n; i++) {
		const struct path *p = root[i].known ? NULL : &path[at++];

		if (p && p->n && !p->v[0].from.span) {
			root[i] = (struct held_by){ true, p->v[0].at };
			found++;
		}
	}
	mem_free(left);
	mem_free(path);
	pool_free(&pool);
	return found == nleft;
}

static void search(struct analysis *a, bool inside, struct pick *pick, size_t n, struct pool *names)
{
	struct block *block = mem_alloc(n * HOLDER_BLOCKS, sizeof(*block));
	struct held_by *root = mem_alloc(n * HOLDER_BLOCKS, sizeof(*root));
	struct roots lasting = lasting_of(analysis_roots(a));
	struct places places;
	size_t all = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < pick[i].n; k++)
			block[all++] = pick[i].block[k];
	}
	if (!follow_back(a, &lasting, inside, block, all, root))
		follow_back(a, analysis_roots(a), inside, block, all, root);
	mem_free(lasting.v);
	places_open(a, &places);
	all = 0;
	for (size_t i = 0; i < n; i++) {
		decide(&places, root + all, &pick[i], names);
		all += pick[i].n;
	}
	places_close(&places);
	mem_free(root);
	mem_free(block);
}

/* Are blocks that are only possible worth a look, too? More of them are there than reachable ones.
 */
static bool look_inside(const struct report *report)
{
	return report->leaks.possible.bytes > report->leaks.reachable.bytes;
}

void holders_find(struct snapshot *newest, const struct survival *last, struct growths *growths)
{
	bool inside = look_inside(&newest->report);
	const struct profile *p = newest->report.profile;
	struct pick *pick = mem_alloc(HOLDER_GROUPS, sizeof(*pick));
	struct group_index index;
	size_t n;

	group_index_make(p, &index);
	n = choose(p, &index, inside, growths, pick);
	if (n) {
		draw(newest, last, &index, pick, n);
		search(&newest->a, inside, pick, n, &growths->pool);
	}
	for (size_t i = 0; i < n; i++) {
		pick[i].growth->holder = pick[i].holder;
		pick[i].growth->holder_share = pick[i].share;
	}
	group_index_free(&index);
	mem_free(pick);
}

/* ---- of a profile ---- */

static size_t choose_groups(const struct profile *p, const struct group_index *index, bool inside,
                            struct pick *pick, uint8_t *pick_of)
{
	size_t n = 0;

	for (size_t i = 0; i < p->groups.n && n < HOLDER_KEPT; i++) {
		const struct report_finding *f = &p->groups.v[i];
		uint32_t group;

		if (!is_held(f, inside, &pick[n].reach))
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

static void draw_groups(struct analysis *a, const struct group_index *index, const uint8_t *pick_of,
                        struct pick *pick)
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
	bool inside = look_inside(report);
	struct pick *pick = mem_alloc(HOLDER_KEPT + 1, sizeof(*pick));
	uint8_t *pick_of = mem_alloc(p->groups.n + 1, sizeof(*pick_of));
	struct group_index index;
	size_t n;

	group_index_make(p, &index);
	n = choose_groups(p, &index, inside, pick, pick_of);
	if (n) {
		draw_groups(a, &index, pick_of, pick);
		search(a, inside, pick, n, &report->pool);
	}
	for (size_t i = 0; i < n; i++)
		p->groups.v[pick[i].group].owner = pick[i].holder;
	group_index_free(&index);
	mem_free(pick_of);
	mem_free(pick);
}
