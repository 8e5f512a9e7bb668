#include "analyzer/site_score.h"

#include <math.h>
#include <stdlib.h>

#define ROUNDS      3
#define LIBRARY     (-2.0) /* a function of the C++ library that others call by a pointer */
#define UNKNOWN     -1.5   /* logarithm: that it is none of the sites */
#define UNDECIDED   0.1    /* share of the likeliest below which a class tells nothing */
#define TEMPERATURE 0.7    /* evidence is not independent: sums say too much */

const struct site_entry *scorer_site(const struct scorer *scorer, uint32_t site,
                                     const struct score_module **module)
{
	size_t lo = 0, hi = scorer->nmodules;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (scorer->module[mid].first <= site)
			lo = mid;
		else
			hi = mid;
	}
	*module = &scorer->module[lo];
	return &scorer->module[lo].index.v[site - scorer->module[lo].first];
}

double scorer_share(const struct scorer *scorer, const struct block *block, uint32_t site)
{
	uint32_t class = scorer->round ? site_class_of(scorer->classes, block) : CLASS_NONE;
	const struct class_scores *s = class == CLASS_NONE ? NULL : &scorer->of[class];

	if (!s || !s->n || s->top[0].share < UNDECIDED)
		return 1;
	for (unsigned i = 0; i < s->n; i++)
		if (s->top[i].site == site)
			return s->top[i].share / s->top[0].share;
	return 0;
}

static double score_site(struct scorer *scorer, uint32_t class, const struct score_module *m,
                         uint32_t site, double size)
{
	const struct site_entry *e = &m->index.v[site];
	unsigned n = scorer->classes->v[class].nsamples;
	double pooled = 1 + 0.15 * log2(n > 1 ? n : 1), content;

	scorer_reason(scorer, log(size), "has a size that the site asks for", NULL, -1);
	content = match_stores(scorer, class, m, e) + match_text(scorer, class, e);
	if (e->flags & SITE_LIBRARY)
		content += LIBRARY;
	return m->prior + log(size) + content * pooled + match_refs(scorer, class, m, site);
}

static void insert(struct class_scores *s, uint32_t site, double score)
{
	unsigned i;

	if (s->n == SCORE_TOP && s->top[SCORE_TOP - 1].score >= score)
		return;
	i = s->n < SCORE_TOP ? s->n++ : SCORE_TOP - 1;
	while (i > 0 && s->top[i - 1].score < score) {
		s->top[i] = s->top[i - 1];
		i--;
	}
	s->top[i] = (struct score_top){ site, score, 0 };
}

static void score_class(struct scorer *scorer, uint32_t class, struct class_scores *out)
{
	const struct site_class *c = &scorer->classes->v[class];
	double best = UNKNOWN, sum = 0;
	ARRAY(double) all = { 0 };

	*out = (struct class_scores){ 0 };
	for (size_t i = 0; i < scorer->nmodules; i++) {
		const struct score_module *m = &scorer->module[i];

		for (uint32_t j = 0; j < m->index.n; j++) {
			double size, score;

			if (m->index.v[j].flags & SITE_WRAPPER)
				continue;
			size = fit_size(&m->index.v[j], c->size);
			if (size <= 0)
				continue;
			score = score_site(scorer, class, m, j, size);
			array_push(&all, score);
			best = score > best ? score : best;
			insert(out, m->first + j, score);
		}
	}
	for (size_t i = 0; i < all.n; i++)
		sum += exp((all.v[i] - best) * TEMPERATURE);
	out->fits = (uint32_t)all.n;
	array_free(&all);
	out->unknown = exp((UNKNOWN - best) * TEMPERATURE);
	sum += out->unknown;
	out->unknown /= sum;
	for (unsigned i = 0; i < out->n; i++)
		out->top[i].share = exp((out->top[i].score - best) * TEMPERATURE) / sum;
}

static int by_size(const void *a, const void *b, void *arg)
{
	const struct site_class *v = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (v[x].size != v[y].size)
		return v[x].size < v[y].size ? -1 : 1;
	if (v[x].key != v[y].key)
		return v[x].key < v[y].key ? -1 : 1;
	return x < y ? -1 : x > y;
}

void scorer_run(struct scorer *scorer)
{
	size_t n = scorer->classes->n;
	struct class_scores *next = mem_alloc(n + 1, sizeof(*next));

	scorer->of = mem_alloc(n + 1, sizeof(*scorer->of));
	scorer->by_size = mem_alloc(n + 1, sizeof(*scorer->by_size));
	for (uint32_t i = 0; i < n; i++)
		scorer->by_size[i] = i;
	if (n)
		qsort_r(scorer->by_size, n, sizeof(*scorer->by_size), by_size, scorer->classes->v);
	for (scorer->round = 0; scorer->round < ROUNDS; scorer->round++) {
		struct class_scores *swap = scorer->of;

		for (uint32_t i = 0; i < n; i++)
			score_class(scorer, i, &next[i]);
		scorer->of = next;
		next = swap;
	}
	mem_free(next);
}

void scorer_free(struct scorer *scorer)
{
	mem_free(scorer->of);
	mem_free(scorer->by_size);
	scorer->of = NULL;
	scorer->by_size = NULL;
}

size_t scorer_reasons(struct scorer *scorer, uint32_t class, uint32_t site,
                      struct score_reason *reason)
{
	const struct score_module *m;
	const struct site_entry *e = scorer_site(scorer, site, &m);

	scorer->reason = reason;
	scorer->nreasons = 0;
	score_site(scorer, class, m, site - m->first, fit_size(e, scorer->classes->v[class].size));
	scorer->reason = NULL;
	return scorer->nreasons;
}
