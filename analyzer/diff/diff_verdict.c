#include "analyzer/diff/diff_verdict.h"
#include "analyzer/report/text.h"

#include <math.h>

#define WORTH_IT    4096 /* bytes of growth that a verdict is made of, */
#define WORTH_SHARE 1000 /* and 1 / so much of what is in use */

const char *signed_bytes(struct pool *pool, double bytes)
{
	char text[TEXT_NUMBER];
	double size = bytes < 0 ? -bytes : bytes;

	text_bytes(text, size < 9e18 ? (uint64_t)(size + 0.5) : (uint64_t)9e18);
	return pool_printf(pool, "%s%s", bytes >= 0.5 ? "+" : bytes <= -0.5 ? "-" : "", text);
}

const char *signed_count(struct pool *pool, int64_t n)
{
	char text[TEXT_NUMBER];

	text_count(text, n < 0 ? (uint64_t)-n : (uint64_t)n);
	return pool_printf(pool, "%s%s", n > 0 ? "+" : n < 0 ? "-" : "", text);
}

/* Kinds of mappings for people; others are their own names. */
static const struct {
	const char *kind, *text;
} mapping_names[] = {
	{ "anonymous", "anonymous memory outside malloc" },
	{ "stack", "thread stacks" },
	{ "shared", "shared memory" },
	{ "file", "mapped files" },
	{ "none", "address space without access" },
	{ "guard", "guards of stacks" },
	{ "text", "code of modules" },
	{ "rodata", "read-only data of modules" },
	{ "data", "data of modules" },
	{ "bss", "zeroed data of modules" },
};

static const char *mapping_what(const struct growth *g, struct pool *pool)
{
	const char *text = g->name;

	for (size_t i = 0; i < sizeof(mapping_names) / sizeof(*mapping_names); i++) {
		if (!strcmp(mapping_names[i].kind, g->name))
			text = mapping_names[i].text;
	}
	return g->path ? pool_printf(pool, "%s: %s", text, g->path) : text;
}

const char *growth_what(const struct growth *g, struct pool *pool)
{
	const struct report_finding *f = g->group;
	const char *text, *where;

	if (g->name) {
		text = mapping_what(g, pool);
		return growth_by_bytes(g) ? text : pool_printf(pool, "%s: resident part", text);
	}
	if (!f)
		return "free blocks that malloc keeps";
	text = f->type ? f->type : "blocks";
	if (f->size != ABSENT)
		text = pool_printf(pool, "%s B %s", text_count_in(pool, f->size), text);
	where = f->site.function ? f->site.function : g->holder ? g->holder : f->owner;
	if (where)
		text = pool_printf(pool, "%s, %s %s", text,
		                   f->site.function ? "allocated in" : "held by", where);
	if (strcmp(f->kind, "possible") || (f->interior && !strcmp(f->interior, "structural")))
		return text;
	return pool_printf(pool, "%s (possible)", text);
}

/* All growths of one sort together: a leak may be of many sizes. */
struct sort {
	const struct growth *first; /* the steadiest */
	size_t n;
	double steady, bytes, per_hour;
};

static double change_of(const struct growth *g)
{
	return growth_by_bytes(g) ? (double)g->bytes : (double)g->retained;
}

static bool one_sort(enum growth_kind a, enum growth_kind b)
{
	return a == b || (a <= GROWTH_GROWING_LEAK && b <= GROWTH_GROWING_LEAK);
}

static struct sort sort_of(const struct diff *d, enum growth_kind kind)
{
	struct sort s = { 0 };

	for (size_t i = 0; i < d->growths.n; i++) {
		const struct growth *g = &d->growths.v[i];

		if (!one_sort(g->kind, kind) || g->steady <= 0)
			continue;
		s.first = s.first ? s.first : g;
		s.n++;
		s.steady += g->steady;
		s.bytes += change_of(g);
		s.per_hour += g->per_hour; /* NAN stays NAN */
	}
	return s;
}

/* What a verdict is made of; first NULL: nothing grows that is worth it. */
static struct sort most_of(const struct diff *d)
{
	uint64_t in_use = total_bytes(&d->snapshot[d->n - 1].report, TOTAL_IN_USE);
	double least = WORTH_IT;
	struct sort most = { 0 };

	if (in_use != ABSENT && (double)in_use / WORTH_SHARE > least)
		least = (double)in_use / WORTH_SHARE;
	for (enum growth_kind k = GROWTH_GROWING_LEAK; k <= GROWTH_MAPPING; k++) {
		struct sort s = sort_of(d, k);

		if (s.steady >= least && s.steady > most.steady)
			most = s;
	}
	return most;
}

const char *diff_verdict_code(const struct diff *d)
{
	struct sort most = most_of(d);

	if (d->same == SAME_NOTHING)
		return "different";
	return most.first ? growth_kind_name(most.first->kind) : "steady";
}

static const char *span_text(const struct diff *d, struct pool *pool)
{
	if (!d->hours)
		return "";
	return pool_printf(pool, " in %s", when_span(pool, d->hours[d->n - 1] * 3600));
}

static const char *rate_text(double per_hour, struct pool *pool)
{
	return isnan(per_hour) ? ""
	                       : pool_printf(pool, ", %s an hour", signed_bytes(pool, per_hour));
}

/* "80 B blocks, +1 MiB", or of several: "47 groups of blocks, +11 MiB (most: 80 B blocks, +1 MiB)"
 */
static const char *subject(const struct diff *d, const struct sort *s, struct pool *pool)
{
	const char *first = pool_printf(pool, "%s, %s", growth_what(s->first, pool),
	                                signed_bytes(pool, change_of(s->first)));
	const char *when = d->same == SAME_PROCESS ? span_text(d, pool) : "";

	if (s->first->steady * 2 >= s->steady)
		return pool_printf(pool, "%s%s%s", first, when,
		                   rate_text(s->first->per_hour, pool));
	return pool_printf(pool, "%s %s, %s%s%s; the largest: %s", text_count_in(pool, s->n),
	                   s->first->name ? "kinds" : "groups of blocks",
	                   signed_bytes(pool, s->bytes), when, rate_text(s->per_hour, pool), first);
}

static const char *growing(const struct diff *d, const struct sort *s, struct pool *pool)
{
	static const char *const begins[] = {
		[GROWTH_NEW_LEAK] = "A leak has begun",
		[GROWTH_GROWING_LEAK] = "A leak is growing",
		[GROWTH_REACHABLE] = "Memory that is still in use is growing",
		[GROWTH_FRAGMENTATION] = "Memory that is free, and that malloc keeps, is growing",
		[GROWTH_MAPPING] = "Memory outside malloc is growing",
	};
	const char *text = pool_printf(pool, "%s: %s.", begins[s->first->kind],
	                               subject(d, s, pool));

	if (s->first->kind == GROWTH_REACHABLE)
		text = pool_printf(pool,
		                   "%s It may be a cache that fills, or a queue without a "
		                   "bound%s",
		                   text,
		                   d->n == 2 ? ": a third snapshot tells whether it levels off."
		                             : "; it has not levelled off.");
	return text;
}

static const char *different(const struct diff *d, struct pool *pool)
{
	static const char *const texts[] = {
		[SAME_BUILD] = "two processes of one build",
		[SAME_PROGRAM] = "two builds of one program",
		[SAME_NOTHING] = "of different programs",
	};

	if (d->same == SAME_PROCESS)
		return "";
	return pool_printf(pool,
	                   " They are not snapshots of one process (%s): findings are matched by "
	                   "fingerprint, and a difference need not be growth.",
	                   texts[d->same]);
}

static const char *in_all(const struct diff *d, struct pool *pool)
{
	const struct report *first = &d->snapshot[0].report, *last = &d->snapshot[d->n - 1].report;
	uint64_t from = total_bytes(first, TOTAL_IN_USE), to = total_bytes(last, TOTAL_IN_USE);
	uint64_t r = total_bytes(first, TOTAL_RESIDENT), now = total_bytes(last, TOTAL_RESIDENT);

	if (from == ABSENT || to == ABSENT || r == ABSENT || now == ABSENT)
		return "";
	return pool_printf(pool, " In all, blocks in use: %s, now %s; resident memory: %s, now %s.",
	                   signed_bytes(pool, (double)to - (double)from), text_bytes_in(pool, to),
	                   signed_bytes(pool, (double)now - (double)r), text_bytes_in(pool, now));
}

static const char *until(const struct diff *d, struct pool *pool)
{
	const char *limit = text_bytes_in(pool, d->limit);

	if (!d->limit)
		return "";
	if (!isnan(d->limit_hours) && d->limit_hours <= 0)
		return pool_printf(pool, " The limit of %s has been reached.", limit);
	if (!isnan(d->limit_hours))
		return pool_printf(pool, " At the last rate %s are resident in %s.", limit,
		                   when_span(pool, d->limit_hours * 3600));
	return pool_printf(pool, " When %s are reached cannot be told: %s.", limit,
	                   d->hours ? "resident memory did not grow lately" : d->untimed);
}

/* Leaks that were none: the program freed them after all. */
static const char *disproved(const struct diff *d, struct pool *pool)
{
	struct tally t = { 0 };

	for (size_t i = 0; i + 1 < d->n; i++) {
		t.blocks += d->survival[i].disproved.blocks;
		t.bytes += d->survival[i].disproved.bytes;
	}
	if (!t.blocks)
		return "";
	return pool_printf(pool,
	                   " %s%s, called leaked in one snapshot, were freed or changed by the "
	                   "next: the program has pointers to them that are not stored as such.",
	                   d->survival[0].estimated ? "About " : "",
	                   text_plural(pool, t.blocks, "block", "blocks"));
}

const char *diff_verdict_text(const struct diff *d, struct pool *pool)
{
	struct sort most = most_of(d);
	const char *first = "Nothing grows that would be worth a word.";

	if (most.first && d->same == SAME_PROCESS)
		first = growing(d, &most, pool);
	else if (most.first)
		first = pool_printf(pool, "The newest has more: %s.", subject(d, &most, pool));
	return pool_printf(pool, "%s%s%s%s%s", first, different(d, pool), in_all(d, pool),
	                   until(d, pool), disproved(d, pool));
}
