/* explain: the likely site of blocks, and the evidence for it. */
#include "analyzer/explain/explain.h"

#include "analyzer/site/site.h"

#include <math.h>
#include <stdlib.h>

#define TELLING 1.2 /* a ratio this near to 1 says nothing */

static int by_weight(const void *a, const void *b)
{
	const struct score_reason *x = a, *y = b;
	double u = fabs(x->weight), v = fabs(y->weight);

	if (u > v || u < v)
		return u > v ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static const char *reason_text(const struct score_reason *r, struct pool *pool)
{
	const char *where = r->at_offset ? pool_printf(pool, "%u bytes into it, it ", r->offset)
	                                 : "it ";
	const char *of = r->share >= 0 ? pool_printf(pool, " (of %.0f%% of the blocks like it)",
	                                             100 * r->share)
	                               : "";

	return pool_printf(pool, "%s%s%s", where, r->what, of);
}

static void put_reasons(struct sites *sites, const struct block *b, struct pool *pool,
                        struct explain_site *to)
{
	struct score_reason reason[SCORE_REASONS];
	size_t n = sites_reasons(sites, b, reason);

	qsort(reason, n, sizeof(*reason), by_weight);
	to->reason = pool_alloc(pool, (n + 1) * sizeof(*to->reason));
	for (size_t i = 0; i < n; i++) {
		double ratio = exp(reason[i].weight);

		if (ratio < TELLING && ratio > 1 / TELLING)
			continue;
		to->reason[to->nreasons].ratio = ratio;
		to->reason[to->nreasons++].text = reason_text(&reason[i], pool);
	}
}

static void one(struct sites *sites, struct explanation *e, struct pool *pool)
{
	const struct site_guess *g = sites_of(sites, &e->place.block);
	struct explain_site *to;

	if (!g)
		return;
	e->site = to = pool_alloc(pool, sizeof(*to));
	to->likely = g->likely;
	to->confidence = g->list[0].confidence;
	to->method = g->list[0].method;
	to->fits = g->fits;
	to->site = (struct report_site){ pool_copy(pool, g->list[0].function),
		                         pool_copy(pool, g->list[0].file),
		                         pool_copy(pool, g->list[0].module), g->list[0].line,
		                         g->list[0].offset };
	to->name = pool_alloc(pool, SITE_LIST * sizeof(*to->name));
	to->share = pool_alloc(pool, SITE_LIST * sizeof(*to->share));
	for (unsigned i = 0; i < g->n; i++) {
		to->name[to->nnames] = pool_copy(pool, site_text(sites, &g->list[i]));
		to->share[to->nnames++] = g->list[i].confidence;
	}
	put_reasons(sites, &e->place.block, pool, to);
}

static bool has_none(const struct explanation *e)
{
	return e->place.kind == PLACE_BLOCK && e->place.block.state == BLOCK_USED && !e->origin &&
	       !(e->site && e->site->likely);
}

static void find_owners(struct analysis *a, struct sites *sites, struct explanation *v, size_t n,
                        struct pool *pool)
{
	struct owners *owners = owners_make(a, sites);
	ARRAY(uint32_t) ids = { 0 };
	struct owner owner;

	for (size_t i = 0; i < n; i++)
		if (has_none(&v[i]))
			array_push(&ids, v[i].place.block.id);
	if (ids.n)
		owners_seek(owners, ids.v, ids.n);
	for (size_t i = 0; i < n; i++)
		if (has_none(&v[i]) && owners_of(owners, &v[i].place.block, 1, &owner)) {
			struct owner *to = pool_alloc(pool, sizeof(*to));

			*to = owner_copy(&owner, pool);
			v[i].owner = to;
		}
	array_free(&ids);
	owners_free(owners);
}

void explain_sites(struct analysis *a, struct explanation *v, size_t n, struct pool *pool)
{
	struct sites *sites = NULL;

	for (size_t i = 0; i < n; i++) {
		if (v[i].place.kind != PLACE_BLOCK || v[i].place.block.state != BLOCK_USED ||
		    v[i].origin)
			continue;
		if (!sites)
			sites_make(a, &sites);
		one(sites, &v[i], pool);
	}
	if (sites)
		find_owners(a, sites, v, n, pool);
	sites_free(sites);
}
