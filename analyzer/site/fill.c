/*
 * Where a site stores what its code does not tell, there is something, as a rule; where it stores
 * nothing, and others of the size do, there is nothing, or what somebody stored later on.
 */
#include "analyzer/site/score.h"

#include <math.h>

#define OTHERS 24 /* samples of other classes of the size that are the background */
#define WORDS  64
#define TRUST  0.35 /* words of a struct are filled together */
#define MOST   1.2

enum filling {
	FILLS_NOT,   /* it stores nothing there */
	FILLS_LATER, /* one of its callers does, perhaps */
	FILLS_FLAG,  /* something so small that it is zero as often */
	FILLS,
	FILLS_TOLD, /* its code tells what: that is asked elsewhere */
	FILLS_COPY, /* from another block, and nothing after that */
};

/* How often is something there? */
static double expected(enum filling is, bool zeroed)
{
	switch (is) {
	case FILLS:
		return 0.8;
	case FILLS_FLAG:
	case FILLS_LATER:
		return 0.6;
	default:
		return zeroed ? 0.2 : 0.35;
	}
}

static bool filled(const struct class_sample *s, unsigned word)
{
	return s->mem && 8 * (word + 1) <= s->len && load64(s->mem + 8 * word);
}

static void find_others(const struct scorer *scorer, uint32_t class, struct class_fill *f)
{
	const struct site_classes *c = scorer->classes;
	uint64_t size = c->v[class].size;
	double seen = 2, n[WORDS] = { 0 };
	size_t i = first_where(k, 0, scorer->nsized, c->v[scorer->by_size[k]].size >= size);

	for (; i < scorer->nsized && c->v[scorer->by_size[i]].size == size && seen < OTHERS; i++) {
		const struct site_class *other = &c->v[scorer->by_size[i]];

		if (scorer->by_size[i] == class || !other->nsamples)
			continue;
		seen++;
		for (unsigned w = 0; w < WORDS && f->bits >> w; w++)
			n[w] += f->bits >> w & 1 && filled(&other->sample[0], w);
	}
	for (unsigned w = 0; w < WORDS; w++) {
		f->all[w] = (n[w] + 1) / seen;
		f->all[w] = f->all[w] < 0.15 ? 0.15 : f->all[w] > 0.85 ? 0.85 : f->all[w];
	}
}

/* How much it says for a site that a word is filled as often as it is. */
static double weigh(const struct class_fill *f, unsigned word, enum filling is, bool zeroed)
{
	double own = expected(is, zeroed), all = f->all[word];

	if (is != FILLS_NOT && own < all) /* what all have speaks for none */
		own = all;
	return f->own[word] * log(own / all) + (1 - f->own[word]) * log((1 - own) / (1 - all));
}

static const struct class_fill *fill_of(struct scorer *scorer, uint32_t class)
{
	const struct site_class *c = &scorer->classes->v[class];
	struct class_fill *f = &scorer->fill;

	if (f->class == class + 1)
		return f;
	*f = (struct class_fill){ .class = class + 1,
		                  .bits = site_marks_words(scorer->classes->marks, c->size) };
	for (unsigned w = 0; w < WORDS && f->bits >> w; w++)
		for (unsigned i = 0; f->bits >> w & 1 && i < c->nsamples; i++)
			f->own[w] += filled(&c->sample[i], w) / (double)c->nsamples;
	find_others(scorer, class, f);
	for (unsigned w = 0; w < WORDS && f->bits >> w; w++)
		for (unsigned i = 0; f->bits >> w & 1 && i < FILL_OWN; i++)
			f->llr[w][i] = weigh(f, w, i / 2, i & 1);
	return f;
}

static enum filling filling_of(const struct site_store *s)
{
	if (s->moved)
		return FILLS_COPY;
	if (s->kind == STORE_ZERO)
		return FILLS_NOT;
	if (s->kind != STORE_OTHER)
		return FILLS_TOLD;
	return s->late ? FILLS_LATER : s->width < 4 ? FILLS_FLAG : FILLS;
}

static void find_filling(const struct site_entry *site, const struct site_store *store,
                         uint8_t is[WORDS])
{
	for (uint32_t i = 0; i < site->nstores; i++) {
		enum filling how = filling_of(&store[i]);
		uint32_t w = store[i].offset / 8, end = (store[i].offset + store[i].width + 7) / 8;

		for (; how != FILLS_NOT && w < end && w < WORDS; w++) {
			/* what is stored once the block was copied counts for more than that */
			if (is[w] == FILLS_NOT || is[w] == FILLS_COPY ||
			    (how != FILLS_COPY && how > is[w]))
				is[w] = (uint8_t)how;
		}
	}
}

static void tell(struct scorer *scorer, double llr, enum filling is, unsigned word, double filled)
{
	const char *what = is != FILLS_NOT ? "is filled, where the site stores something"
	                   : filled < 0.5  ? "is zero where others store something, not the site"
	                                   : "is filled where others store something, not the site";
	uint32_t at = 8 * word;

	if (fabs(llr) > 0.2)
		scorer_reason(scorer, llr, what, &at,
		              is == FILLS_NOT && filled < 0.5 ? 1 - filled : filled);
}

double match_fill(struct scorer *scorer, uint32_t class, const struct score_module *module,
                  const struct site_entry *site, bool copies)
{
	bool zeroed = site->flags & SITE_ZEROED;
	const struct class_fill *f;
	uint8_t is[WORDS] = { 0 };
	double sum = 0;

	if (site->size != SITE_FIXED)
		return 0;
	f = fill_of(scorer, class);
	if (!f->bits)
		return 0;
	find_filling(site, module->index.store + site->store, is);
	for (unsigned w = 0; w < WORDS && f->bits >> w; w++) {
		double llr;

		if (!(f->bits >> w & 1) || is[w] >= FILLS_TOLD)
			continue;
		llr = f->llr[w][2 * is[w] + zeroed];
		if (llr < 0 && (is[w] == FILLS_LATER || is[w] == FILLS_FLAG || copies))
			continue;          /* not always done, or a rest of what is copied */
		llr *= copies ? 1 : TRUST; /* after a copy it stores little, and on purpose */
		tell(scorer, llr, is[w], w, f->own[w]);
		sum += llr;
	}
	if (!site->nstores && sum < 0) /* others fill it, it is not known where */
		return 0;
	return sum < -MOST ? -MOST : sum > MOST ? MOST : sum;
}
