/*
 * Sites of findings: samples of each finding's blocks are judged together. What it takes depends on
 * how many findings there are and on the program's code, not on how large the heap is: one pass
 * over the index, for blocks of the findings' verdicts, and no more than SAMPLES of a finding's
 * blocks are looked at.
 */
#include "analyzer/site/origin.h"
#include "analyzer/site/site.h"
#include "analyzer/site/owner.h"

#include <stdlib.h>

#define SAMPLES     48
#define FINDINGS    256 /* that are judged: the largest */
#define SURE_ENOUGH 0.2 /* share from which a candidate is worth naming */

struct sampled {
	struct report_finding *finding;
	struct block block[SAMPLES];
	size_t n;
	uint64_t seen;
	struct block example;
	bool shared; /* another finding is of this verdict, size and type, too */
	bool picked; /* block is what was picked of it: all are its */
};

struct sampling {
	struct analysis *a;
	struct report *report;
	struct sampled *v;
	size_t n;
};

static bool is_of(const struct sampling *s, const struct sampled *f, const struct block *b)
{
	const struct type *type = types_of(analysis_types(s->a), b->id);
	const char *name = f->finding->type;

	if (f->picked || (f->finding->size != ABSENT && b->size != f->finding->size) ||
	    strcmp(reach_name(reach_of(analysis_reach(s->a), b->id)), f->finding->reach) != 0)
		return false;
	return type && name ? !strcmp(type->name, name) : !type && !name;
}

/* What blocks of both are told by is the same: then only those like the example are its. */
static bool same_kind(const struct report_finding *a, const struct report_finding *b)
{
	if (a->size != b->size || strcmp(a->reach, b->reach) != 0)
		return false;
	return a->type && b->type ? !strcmp(a->type, b->type) : !a->type && !b->type;
}

/* What was picked when groups were made, and so is of this finding alone. */
static void take_picks(const struct heap *heap, struct sampled *f)
{
	for (size_t i = 0; i < f->finding->npicks && f->n < SAMPLES; i++) {
		struct block *b = &f->block[f->n];

		f->n += heap_find(heap, f->finding->pick[i], b) && b->id < heap->nchunks;
	}
	f->picked = f->n > 0;
}

static void find_shared(struct sampling *s)
{
	for (size_t i = 0; i < s->n; i++) {
		heap_find(analysis_heap(s->a), s->v[i].finding->example, &s->v[i].example);
		take_picks(analysis_heap(s->a), &s->v[i]);
		for (size_t j = 0; j < s->n && !s->v[i].shared && !s->v[i].picked; j++)
			s->v[i].shared = i != j && same_kind(s->v[i].finding, s->v[j].finding);
	}
}

static void take(struct sampled *f, const struct block *b)
{
	uint64_t pick = f->seen++;

	if (pick >= SAMPLES)
		pick = (pick * UINT64_C(0x9e3779b97f4a7c15) >> 20) % f->seen;
	else
		f->n++;
	if (pick < SAMPLES)
		f->block[pick] = *b;
}

static int by_size(const void *a, const void *b)
{
	const struct sampled *x = a, *y = b;

	if (x->finding->size != y->finding->size)
		return x->finding->size < y->finding->size ? -1 : 1;
	return x->finding < y->finding ? -1 : x->finding > y->finding;
}

/* The verdicts that the findings are of: bits by enum reach_class. */
static unsigned verdicts(const struct sampling *s)
{
	unsigned classes = 0;

	for (size_t i = 0; i < s->n; i++)
		for (unsigned c = 0; c < REACH_CLASSES; c++)
			if (!strcmp(s->v[i].finding->reach, reach_name(c)))
				classes |= 1u << c;
	return classes;
}

static void sample(struct sampling *s)
{
	const struct heap *heap = analysis_heap(s->a);
	uint64_t *bits = reach_bits(analysis_reach(s->a), verdicts(s));
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next_set(heap, bits, &it, &b)) {
		size_t i = first_behind(s->v, s->n, finding->size, b.size - 1);

		for (; i < s->n && s->v[i].finding->size == b.size; i++)
			if (is_of(s, &s->v[i], &b))
				take(&s->v[i], &b);
		for (i = s->n; i-- > 0 && s->v[i].finding->size == ABSENT;)
			if (is_of(s, &s->v[i], &b))
				take(&s->v[i], &b);
	}
	mem_lazy_free(bits, heap->bits_bytes);
}

static void put_likely(struct report *r, struct sites *sites, const struct site_guess *g,
                       struct report_finding *f)
{
	const struct site *s = &g->list[0];

	f->site = (struct report_site){ pool_copy(&r->pool, s->function),
		                        pool_copy(&r->pool, s->file),
		                        pool_copy(&r->pool, s->module), s->line, s->offset };
	f->site_confidence = s->confidence;
	f->site_method = s->method;
	f->site_text = f->site_name = pool_copy(&r->pool, site_text(sites, s));
}

/* What is not clear is told as a list of what it may be. */
static void put_candidates(struct report *r, struct sites *sites, const struct site_guess *g,
                           struct report_finding *f)
{
	const char *text = NULL;

	for (unsigned i = 0; i < g->n && f->ncandidates < REPORT_CANDIDATES; i++) {
		const char *name = pool_copy(&r->pool, site_text(sites, &g->list[i]));

		if (g->list[i].confidence < SURE_ENOUGH)
			break;
		f->site_candidate[f->ncandidates++] = name;
		text = text ? pool_printf(&r->pool, "%s or %s", text, name) : name;
	}
	if (text)
		f->site_text = pool_printf(&r->pool, "perhaps %s", text);
}

/* ---- whose the blocks are that tell no site ---- */

/* Of a large heap only leaked ones' holders are looked for, which are leaked, too. */
static bool wants_owner(const struct sampling *s, const struct sampled *f)
{
	if (f->finding->site_method || !f->n || !strcmp(f->finding->reach, "definite"))
		return false;
	return sites_whole(s->a) || !strcmp(f->finding->reach, "indirect");
}

static void put_owner(struct report *r, const struct owner *found, struct report_finding *f)
{
	struct report_owner *to = pool_alloc(&r->pool, sizeof(*to));
	struct owner owner = owner_copy(found, &r->pool);
	const char *held;

	*to = owner.who;
	f->owned = to;
	f->owner = owner.text;
	held = pool_printf(&r->pool, "%sheld by %s", to->share < OWNER_NEARLY ? "mostly " : "",
	                   f->owner);
	f->site_text = f->site_text ? pool_printf(&r->pool, "%s; %s", f->site_text, held) : held;
}

static void find_owners(struct sampling *s, struct sites *sites)
{
	struct owners *owners = NULL;
	ARRAY(uint32_t) ids = { 0 };
	struct owner owner;

	for (size_t i = 0; i < s->n; i++)
		for (size_t j = 0; wants_owner(s, &s->v[i]) && j < s->v[i].n; j++)
			array_push(&ids, s->v[i].block[j].id);
	if (ids.n) {
		owners = owners_make(s->a, sites);
		owners_seek(owners, ids.v, ids.n);
	}
	for (size_t i = 0; ids.n && i < s->n; i++) {
		const struct sampled *f = &s->v[i];

		if (wants_owner(s, f) && owners_of(owners, f->shared ? &f->example : f->block,
		                                   f->shared ? 1 : f->n, &owner))
			put_owner(s->report, &owner, s->v[i].finding);
	}
	owners_free(owners);
	array_free(&ids);
}

static void judge(struct sampling *s)
{
	struct sites *sites;

	sites_make(s->a, &sites);
	sites_many(sites);
	for (size_t i = 0; i < s->n; i++) {
		const struct sampled *f = &s->v[i];
		struct site_guess g;

		if (!f->n || !sites_of_group(sites, f->shared ? &f->example : f->block,
		                             f->shared ? 1 : f->n, &g))
			continue;
		if (g.likely)
			put_likely(s->report, sites, &g, s->v[i].finding);
		else
			put_candidates(s->report, sites, &g, s->v[i].finding);
	}
	find_owners(s, sites);
	sites_warn(sites, s->report);
	report_warn_files(s->report, s->a);
	sites_free(sites);
}

void report_add_sites(struct report *report, struct analysis *a)
{
	struct sampling s = { .a = a, .report = report };

	if (origins_all(analysis_origins(a)))
		return;
	s.v = mem_alloc(FINDINGS, sizeof(*s.v));
	for (size_t i = 0; i < report->findings.n && s.n < FINDINGS; i++)
		if (report->findings.v[i].reach && !report->findings.v[i].site_method)
			s.v[s.n++].finding = &report->findings.v[i];
	if (s.n) {
		qsort(s.v, s.n, sizeof(*s.v), by_size);
		find_shared(&s);
		sample(&s);
		judge(&s);
	}
	mem_free(s.v);
}
