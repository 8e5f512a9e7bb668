/*
 * Rows of all snapshots are gathered in one array, sorted by what they are, and each run of equal
 * ones becomes a growth.
 */
#include "analyzer/diff/growth.h"

#include <math.h>
#include <stdlib.h>

#define LEVELLED  10                    /* the last pace is less than 1 / 10 of the one before */
#define CHURNED   10                    /* the change is less than 1 / 10 of what there is */
#define LITTLE    (UINT64_C(64) << 10)  /* bytes outside of blocks that are not worth a word */
#define LARGE     (UINT64_C(128) << 10) /* bytes: malloc's threshold for mmap */
#define UNTOUCHED 16                    /* address space that is not resident counts so much less */

struct row {
	const char *key[3]; /* what makes it the same in all snapshots */
	size_t snapshot;
	struct growth_point point;
	const struct report_finding *group;
	uint32_t index;        /* of group in its profile */
	enum growth_kind kind; /* GROWTH_REACHABLE, GROWTH_FRAGMENTATION, GROWTH_MAPPING */
};

typedef ARRAY(struct row) rows;

/* ---- gathering ---- */

/* Where a core lacks roots, nothing is called leaked: what is elsewhere has not become possible. */
static bool has_verdicts(const struct series *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->snapshot[i].report.leaks.withheld)
			return false;
	}
	return true;
}

static bool is_varied(const struct report_finding *g)
{
	return g->size == ABSENT;
}

/* Groups of a type and verdict whose blocks are of several sizes in one of the snapshots. */
struct varied {
	ARRAY(const struct report_finding *) list;
	bool verdicts; /* those count */
	bool coarse;   /* a snapshot knows no types of what is in use */
	bool by_size;  /* the types of what is in use are those of a sample: profile.h */
};

static bool has_varied(const struct varied *varied, const struct report_finding *g)
{
	for (size_t i = 0; g->type && i < varied->list.n; i++) {
		const struct report_finding *f = varied->list.v[i];

		if (!strcmp(f->type, g->type) && (!varied->verdicts || !strcmp(f->reach, g->reach)))
			return true;
	}
	return false;
}

static bool all_whole(const struct series *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!s->snapshot[i].whole)
			return false;
	}
	return true;
}

static void find_varied(const struct series *s, struct varied *varied)
{
	varied->verdicts = has_verdicts(s);
	varied->coarse = !all_whole(s);
	for (size_t i = 0; i < s->n; i++) {
		const struct profile *p = s->snapshot[i].report.profile;

		varied->by_size = varied->by_size || p->by_size;
		for (size_t k = 0; k < p->groups.n; k++) {
			const struct report_finding *g = &p->groups.v[k];

			if (is_varied(g) && g->type && !has_varied(varied, g))
				array_push(&varied->list, g);
		}
	}
}

/*
 * What grows by realloc has another size each time: large blocks of a type are one thing. So are
 * all of a type where they have several sizes in one of the snapshots: which of them were there
 * first is chance.
 */
static const char *name_in_process(const struct varied *varied, const struct report_finding *g,
                                   struct pool *pool)
{
	const char *type = g->type ? g->type : "";

	if (is_varied(g) && !g->type)
		return g->fingerprint;
	if (has_varied(varied, g))
		return pool_printf(pool, "any %s", type);
	return g->size >= LARGE ? pool_printf(pool, "large %s", type)
	                        : pool_printf(pool, "%llu %s", (unsigned long long)g->size, type);
}

/*
 * Of what is in use a report without a profile knows sizes, and no types: so do the others then.
 */
static void leave_out_type(struct row *row, struct pool *pool)
{
	struct report_finding *g = pool_alloc(pool, sizeof(*g));

	*g = *row->group;
	g->type = g->owner = NULL;
	row->group = g;
	row->key[1] = pool_printf(pool, "%llu", (unsigned long long)g->size);
}

static void gather_groups(const struct series *s, size_t snapshot, const struct varied *varied,
                          struct pool *pool, rows *all)
{
	const struct profile *p = s->snapshot[snapshot].report.profile;

	for (uint32_t i = 0; i < p->groups.n; i++) {
		const struct report_finding *g = &p->groups.v[i];
		struct row row = { .key = { "group", g->fingerprint,
			                    varied->verdicts ? g->reach : "" },
			           .snapshot = snapshot,
			           .group = g,
			           .index = i,
			           .kind = GROWTH_REACHABLE };

		/* counted as what definite ones hold */
		if (varied->verdicts && !strcmp(g->reach, "indirect"))
			continue;
		if (s->one_process)
			row.key[1] = name_in_process(varied, g, pool);
		if (!is_varied(g) && (!varied->verdicts || strcmp(g->reach, "definite") != 0)) {
			if (varied->coarse)
				leave_out_type(&row, pool);
			else if (varied->by_size && s->one_process)
				row.key[1] = pool_printf(pool, "%llu", (unsigned long long)g->size);
		}
		row.point = (struct growth_point){ g->blocks, g->bytes, g->bytes };
		if (varied->verdicts && g->retained_bytes != ABSENT)
			row.point.retained = g->retained_bytes;
		array_push(all, row);
	}
}

static void gather_mapping(rows *all, size_t snapshot, const char *name, const char *path,
                           struct growth_point point)
{
	struct row row = { .key = { "mapping", name, path ? path : "" },
		           .snapshot = snapshot,
		           .point = point,
		           .kind = GROWTH_MAPPING };

	if (point.bytes != ABSENT && point.retained != ABSENT)
		array_push(all, row);
}

static void gather_mappings(const struct snapshot *s, size_t snapshot, bool fine, rows *all)
{
	const struct report_memory *m = &s->report.memory;
	const struct profile *p = s->report.profile;

	for (size_t i = 0; fine && i < p->mappings.n; i++) {
		const struct profile_mapping *row = &p->mappings.v[i];

		gather_mapping(all, snapshot, row->kind, row->path,
		               (struct growth_point){ row->count, row->mapped, row->resident });
	}
	if (fine || !s->report.has_memory)
		return;
	gather_mapping(all, snapshot, "anonymous", NULL,
	               (struct growth_point){ ABSENT, m->space.anonymous, m->anonymous });
	gather_mapping(all, snapshot, "shared", NULL,
	               (struct growth_point){ ABSENT, m->space.shared, m->shared });
	gather_mapping(all, snapshot, "stack", NULL,
	               (struct growth_point){ ABSENT, m->space.stacks, m->stacks });
	gather_mapping(all, snapshot, "file", NULL,
	               (struct growth_point){ ABSENT, m->space.files, m->files });
}

/* Free and held; what is at the top of the heap is there to be used next, and no fragment. */
static void gather_free(const struct snapshot *s, size_t snapshot, bool fine, rows *all)
{
	const struct report_memory *m = &s->report.memory;
	uint64_t free_held = m->free_held, top = fine ? s->report.profile->top : 0;
	struct row row = { .key = { "free", "", "" },
		           .snapshot = snapshot,
		           .kind = GROWTH_FRAGMENTATION };

	if (!s->report.has_memory || free_held == ABSENT)
		return;
	free_held = free_held > top ? free_held - top : 0;
	row.point = (struct growth_point){ m->free_blocks, free_held, free_held };
	array_push(all, row);
}

static int compare_keys(const struct row *x, const struct row *y)
{
	for (size_t i = 0; i < 3; i++) {
		int order = strcmp(x->key[i], y->key[i]);

		if (order)
			return order;
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = compare_keys(x, y);

	if (order)
		return order;
	if (x->snapshot != y->snapshot)
		return x->snapshot < y->snapshot ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* ---- one growth ---- */

static void add_tally(struct tally *to, const struct tally *more)
{
	to->blocks += more->blocks;
	to->bytes += more->bytes;
}

/* What became of its blocks, from the last interval and the one before. */
static void match(const struct series *s, const struct row *row, struct growth *g)
{
	size_t last = s->n - 2; /* interval */
	/* may move when it grows */
	bool large = row->group && row->group->size >= LARGE && !is_varied(row->group);

	if (!s->survival[last].known || !row->group)
		return;
	if (row->snapshot == s->n - 1) {
		const struct survival_group *after = &s->survival[last].after[row->index];

		g->matched = true;
		add_tally(&g->kept, &after->kept);
		add_tally(&g->fresh, &after->fresh);
		if (!large) {
			add_tally(&g->cohort, &after->cohort);
			add_tally(&g->unsure, &after->unsure);
		}
	} else if (!large && last > 0 && row->snapshot == s->n - 2 && s->survival[last - 1].known) {
		add_tally(&g->young, &s->survival[last - 1].after[row->index].fresh);
	}
}

/* Of those that were young what became is known. */
static void leave_out_unsure(struct growth *g)
{
	if (g->unsure.blocks < g->young.blocks && g->unsure.bytes < g->young.bytes) {
		g->young.blocks -= g->unsure.blocks;
		g->young.bytes -= g->unsure.bytes;
	} else {
		g->young = (struct tally){ 0 };
	}
}

static double pace(const struct series *s, int64_t bytes, size_t i, size_t k)
{
	return (double)bytes / (s->hours ? s->hours[k] - s->hours[i] : (double)(k - i));
}

static int64_t between(const struct growth *g, size_t i, size_t k)
{
	return (int64_t)(g->at[k].retained - g->at[i].retained);
}

/* It went up, and lately it did hardly so. */
static bool has_levelled(const struct series *s, const struct growth *g)
{
	size_t last = s->n - 1;
	int64_t early = between(g, 0, last - 1);

	return last > 1 && early > 0 &&
	       pace(s, g->last_retained, last - 1, last) * LEVELLED < pace(s, early, 0, last - 1);
}

static bool has_churned(const struct growth *g, size_t last)
{
	int64_t most = (int64_t)(g->at[last].bytes / CHURNED);

	return g->matched && g->fresh.blocks > g->kept.blocks && g->bytes <= most &&
	       g->bytes >= -most;
}

static enum growth_kind kind_of(const struct series *s, const struct row *row,
                                const struct growth *g)
{
	bool leak = row->group && !strcmp(row->group->kind, "leak") && has_verdicts(s);

	if (has_churned(g, s->n - 1))
		return GROWTH_CHURN;
	if (g->retained < 0 || (!g->retained && g->bytes < 0))
		return GROWTH_SHRINKING;
	if (leak)
		return g->at[0].blocks ? GROWTH_GROWING_LEAK : GROWTH_NEW_LEAK;
	return has_levelled(s, g) ? GROWTH_LEVELLED_OFF : row->kind;
}

static double steady_of(const struct series *s, const struct growth *g)
{
	size_t last = s->n - 1;
	double all = (double)g->retained, lately;

	if (!g->group && g->name) /* a mapping: retained is what is resident */
		all += (double)g->bytes / UNTOUCHED;
	if (g->kind == GROWTH_CHURN)
		return 0;
	if (g->kind == GROWTH_SHRINKING || last < 2)
		return all;
	lately = pace(s, g->last_retained, last - 1, last) *
	         (s->hours ? s->hours[last] : (double)last);
	if (lately < all)
		all = lately > 0 ? lately : 0;
	if (g->young.bytes) /* what was born and died again is no growth */
		all *= (double)g->cohort.bytes / (double)g->young.bytes;
	return all;
}

static void rate(const struct series *s, struct growth *g)
{
	size_t last = s->n - 1;

	g->blocks = g->at[0].blocks == ABSENT ? 0 : (int64_t)(g->at[last].blocks - g->at[0].blocks);
	g->bytes = (int64_t)(g->at[last].bytes - g->at[0].bytes);
	g->retained = between(g, 0, last);
	g->last_retained = between(g, last - 1, last);
	g->per_hour = g->last_per_hour = NAN;
}

bool growth_by_bytes(const struct growth *g)
{
	return g->name && g->bytes;
}

static void rate_by_time(const struct series *s, struct growth *g)
{
	size_t last = s->n - 1;
	const struct growth_point *at = g->at;
	bool mapping = growth_by_bytes(g);

	if (!s->hours)
		return;
	g->per_hour = pace(s, mapping ? g->bytes : g->retained, 0, last);
	g->last_per_hour = pace(
		s, mapping ? (int64_t)(at[last].bytes - at[last - 1].bytes) : g->last_retained,
		last - 1, last);
}

static bool is_worth_it(const struct growth *g)
{
	if (g->kind == GROWTH_CHURN)
		return true;
	if (!g->group) {
		int64_t bytes = g->bytes ? g->bytes : g->retained;

		return bytes >= (int64_t)LITTLE || bytes <= -(int64_t)LITTLE;
	}
	return g->bytes || g->retained || g->blocks;
}

/* The biggest of the newest snapshot. */
static const struct row *newest_of(const struct row *row, size_t n)
{
	const struct row *newest = &row[n - 1];

	while (newest > row && newest[-1].snapshot == newest->snapshot)
		newest--;
	return newest;
}

/* row[0..n): the same thing in one snapshot or several. */
static void fold(const struct series *s, const struct row *row, size_t n, struct growths *out,
                 size_t *cap)
{
	struct growth_point *at = pool_alloc(&out->pool, s->n * sizeof(*at));
	const struct row *newest = newest_of(row, n);
	struct growth g = { .at = at, .group = newest->group };

	for (size_t i = 0; i < n; i++) {
		struct growth_point *p = &at[row[i].snapshot];

		p->blocks = row[i].point.blocks == ABSENT ? ABSENT
		                                          : p->blocks + row[i].point.blocks;
		p->bytes += row[i].point.bytes;
		p->retained += row[i].point.retained;
		match(s, &row[i], &g);
	}
	leave_out_unsure(&g);
	if (newest->kind == GROWTH_MAPPING) {
		g.name = newest->key[1];
		g.path = *newest->key[2] ? newest->key[2] : NULL;
	}
	rate(s, &g);
	rate_by_time(s, &g);
	g.kind = kind_of(s, newest, &g);
	if (!is_worth_it(&g))
		return;
	g.steady = steady_of(s, &g);
	if (out->n == *cap) {
		*cap = *cap ? *cap * 2 : 64;
		out->v = mem_grow(out->v, *cap, sizeof(*out->v));
	}
	out->v[out->n++] = g;
}

static int by_steady(const void *a, const void *b)
{
	const struct growth *x = a, *y = b;
	const char *xs = x->group ? x->group->signature : x->name ? x->name : "";
	const char *ys = y->group ? y->group->signature : y->name ? y->name : "";
	int order;

	if (x->steady > y->steady || x->steady < y->steady)
		return x->steady > y->steady ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->retained != y->retained)
		return x->retained > y->retained ? -1 : 1;
	order = strcmp(xs ? xs : "", ys ? ys : "");
	return order ? order : strcmp(x->path ? x->path : "", y->path ? y->path : "");
}

void growths_find(const struct series *series, struct growths *out)
{
	bool fine = all_whole(series);
	size_t cap = 0, next;
	struct varied varied = { 0 };
	rows all = { 0 };

	*out = (struct growths){ 0 };
	find_varied(series, &varied);
	for (size_t i = 0; i < series->n; i++) {
		gather_groups(series, i, &varied, &out->pool, &all);
		gather_mappings(&series->snapshot[i], i, fine, &all);
		gather_free(&series->snapshot[i], i, fine, &all);
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_key);
	for (size_t i = 0; i < all.n; i = next) {
		for (next = i + 1; next < all.n && !compare_keys(&all.v[i], &all.v[next]);)
			next++;
		fold(series, &all.v[i], next - i, out, &cap);
	}
	array_free(&varied.list);
	array_free(&all);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_steady);
}

void growths_free(struct growths *growths)
{
	mem_free(growths->v);
	pool_free(&growths->pool);
	*growths = (struct growths){ 0 };
}
