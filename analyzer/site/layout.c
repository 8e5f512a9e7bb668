/*
 * Are the words of the blocks what the site's struct has there: pointers where it has pointers,
 * numbers where it has numbers? And are those filled that the site fills? Compared with what other
 * blocks of the size have at the same places.
 */
#include "analyzer/site/score.h"

#include <math.h>

#define CLASSES    2000 /* of all, that are the background */
#define WORDS      4    /* of each */
#define PSEUDO     20.0 /* words that the background begins with */
#define TRUST      0.55 /* fields of a struct depend on each other: each counts for less */
#define TAIL_LEAST 8    /* bytes of a header */
#define TAIL_TEXT  1.2
#define TAIL_OTHER (-0.6)
#define WORST      (-8.0)
#define BEST       6.0

/* What is no pointer to a block and no number below 2^16: may it be an address, of a stack, say? */
#define WORD_ADDRESS WORD_KINDS
#define SEEN         (WORD_KINDS + 1)

/* How often is a field of this kind seen so? Fields that were freed and used again differ. */
static const double field[WORDKIND_KINDS][SEEN] = {
	/*                      zero  small start inner static text other address */
	[WORDKIND_POINTER] = { 0.33, 0.02, 0.34, 0.16, 0.10, 0.006, 0.006, 0.04 },
	[WORDKIND_FUNCTION] = { 0.32, 0.01, 0.01, 0.01, 0.62, 0.01, 0.01, 0.01 },
	[WORDKIND_NUMBER] = { 0.30, 0.44, 0.015, 0.015, 0.01, 0.02, 0.19, 0.01 },
	[WORDKIND_NUMBERS] = { 0.25, 0.50, 0.01, 0.01, 0.01, 0.02, 0.19, 0.01 },
	[WORDKIND_FLOAT] = { 0.30, 0.02, 0.01, 0.01, 0.01, 0.02, 0.62, 0.01 },
	[WORDKIND_TEXT] = { 0.25, 0.08, 0.01, 0.01, 0.01, 0.43, 0.20, 0.01 },
};

/* Of any block, as the background begins. */
static const double any[SEEN] = { 0.30, 0.24, 0.18, 0.04, 0.06, 0.06, 0.10, 0.02 };

static unsigned seen_as(const struct site_classes *classes, uint64_t word)
{
	enum site_word kind = site_word_kind(classes, word);

	return kind == WORD_OTHER && word >> 47 == 0 && word >> 32 != 0 ? WORD_ADDRESS : kind;
}

static void count(const struct site_classes *classes, const struct class_sample *s, double weight,
                  double words[WORDKINDS][SEEN])
{
	for (unsigned i = 0; s->mem && i < WORDKINDS && 8 * (i + 1) <= s->len; i++)
		words[i][seen_as(classes, load64(s->mem + 8 * i))] += weight;
}

/* Whether pointers lead to starts, as a rule, or behind headers is the program's manner. */
static double expected(const struct scorer *scorer, unsigned is, unsigned k)
{
	const double *of = scorer->background;
	double pointers = of[WORD_START] + of[WORD_INTERIOR] + of[WORD_STATIC];

	if (is != WORDKIND_POINTER || (k != WORD_START && k != WORD_INTERIOR && k != WORD_STATIC))
		return field[is][k];
	return 0.3 * field[is][k] + 0.7 * 0.6 * of[k] / pointers;
}

/* What words of all kinds of blocks are, each kind once. */
static void make_background(struct scorer *scorer)
{
	const struct site_classes *c = scorer->classes;
	double words[WORDKINDS][SEEN] = { 0 }, n = PSEUDO;
	size_t step = scorer->nsized / CLASSES + 1;

	for (size_t i = 0; i < scorer->nsized; i += step)
		if (c->v[scorer->by_size[i]].nsamples)
			count(c, &c->v[scorer->by_size[i]].sample[0], 1, words);
	for (unsigned k = 0; k < SEEN; k++)
		scorer->background[k] = PSEUDO * any[k];
	for (unsigned i = 0; i < WORDS; i++) {
		for (unsigned k = 0; k < SEEN; k++) {
			scorer->background[k] += words[i][k];
			n += words[i][k];
		}
	}
	for (unsigned k = 0; k < SEEN; k++)
		scorer->background[k] /= n;
}

const struct class_words *scorer_words(struct scorer *scorer, uint32_t class)
{
	const struct site_class *c = &scorer->classes->v[class];
	struct class_words *w = &scorer->words;

	if (scorer->background[0] <= 0)
		make_background(scorer);
	if (scorer->words_of == class + 1)
		return w;
	memset(w, 0, sizeof(*w));
	scorer->words_of = class + 1;
	w->n = c->size / 8 < WORDKINDS ? (unsigned)(c->size / 8) : WORDKINDS;
	for (unsigned i = 0; i < c->nsamples; i++)
		count(scorer->classes, &c->sample[i], 1.0 / c->nsamples, w->own);
	return w;
}

/* Of one struct, once or (an array of it) as often as there is room: its elements are alike, and
 * count as one. */
static double match_type(const struct scorer *scorer, const struct class_words *w,
                         const uint8_t *kind, unsigned period)
{
	double sum = 0;

	for (unsigned i = 0; i < w->n; i++) {
		unsigned is = period ? kind[i % period] : kind[i];
		double llr = 0;

		if (is == WORDKIND_UNKNOWN)
			continue;
		for (unsigned k = 0; k < SEEN; k++)
			if (w->own[i][k] > 0)
				llr += w->own[i][k] *
				       log(expected(scorer, is, k) / scorer->background[k]);
		sum += TRUST * llr;
	}
	if (period && w->n > period)
		sum *= (double)period / w->n;
	return sum < WORST ? WORST : sum > BEST ? BEST : sum;
}

/* What the widths of its stores tell. */
static void fields_by_width(const struct site_entry *site, const struct site_store *store,
                            uint8_t kind[WORDKINDS])
{
	memset(kind, WORDKIND_UNKNOWN, WORDKINDS);
	for (uint32_t i = 0; i < site->nstores; i++) {
		const struct site_store *s = &store[i];
		uint32_t at = s->offset / 8;

		if (s->late || at >= WORDKINDS || s->moved || s->kind == STORE_ZERO ||
		    (s->kind == STORE_CONST && !s->value))
			continue;
		if (s->width == 4 || s->width == 2)
			kind[at] = kind[at] == WORDKIND_UNKNOWN || kind[at] == WORDKIND_NUMBERS
			                   ? WORDKIND_NUMBERS
			                   : WORDKIND_KINDS;
		else
			kind[at] = WORDKIND_KINDS; /* not told */
	}
	for (unsigned i = 0; i < WORDKINDS; i++)
		if (kind[i] == WORDKIND_KINDS)
			kind[i] = WORDKIND_UNKNOWN;
}

static double match_widths(struct scorer *scorer, uint32_t class, const struct site_entry *site,
                           const struct site_store *store)
{
	uint8_t kind[WORDKINDS];
	double llr;

	if (!site->nstores)
		return 0;
	fields_by_width(site, store, kind);
	llr = match_type(scorer, scorer_words(scorer, class), kind, 0);
	if (fabs(llr) > 0.5)
		scorer_reason(scorer, llr, "has numbers where the site stores small ones", NULL,
		              -1);
	return llr;
}

double match_layout(struct scorer *scorer, uint32_t class, const struct site_entry *site,
                    const struct site_store *store, const struct site_kind *kind)
{
	const struct class_words *w;
	double best = 0;

	if (!kind->n)
		return match_widths(scorer, class, site, store);
	w = scorer_words(scorer, class);
	for (unsigned i = 0; i < kind->n; i++) {
		unsigned period = site->size == SITE_AFFINE && !site->add && site->scale % 8 == 0
		                          ? (unsigned)(site->scale / 8)
		                          : 0;
		double llr = match_type(scorer, w, kind->word[i], period < WORDKINDS ? period : 0);

		best = !i || llr > best ? llr : best;
	}
	if (!kind->here) /* it may be none of them */
		best = best > 0 ? best * 0.8 : best * 0.6;
	if (fabs(best) > 0.5)
		scorer_reason(scorer, best, "has numbers and pointers where the site's struct does",
		              NULL, -1);
	return best;
}

/* Where the bytes begin that the site copies behind a header, as many as it was told; 0: nowhere.
 */
static uint32_t tail_of(const struct site_entry *site, const struct site_store *store)
{
	if (site->size != SITE_AFFINE || site->scale != 1 || !(site->flags & SITE_BYTES))
		return 0;
	for (uint32_t i = site->nstores; i-- > 0;) {
		if (store[i].late || store[i].offset > site->add)
			continue;
		/* a field, or several things: none behind it is copied, and it is no tail */
		if (store[i].offset < TAIL_LEAST || store[i].width != 1 || store[i].moved)
			return 0;
		if (store[i].kind == STORE_OTHER &&
		    (!i || store[i - 1].offset < store[i].offset || store[i - 1].width == 1))
			return store[i].offset;
	}
	return 0;
}

/* Bytes of so many are text, more often than not. */
double match_tail(struct scorer *scorer, uint32_t class, const struct site_entry *site,
                  const struct site_store *store)
{
	const struct site_class *c = &scorer->classes->v[class];
	uint32_t from = tail_of(site, store);
	unsigned seen = 0, text = 0;
	uint64_t length;
	double llr;

	for (unsigned i = 0; from && i < c->nsamples; i++) {
		const struct class_sample *s = &c->sample[i];

		if (!s->mem || s->len <= from)
			continue;
		seen++;
		text += site_text_at(scorer->core, s->mem + from, s->len - from, &length);
	}
	if (!seen)
		return 0;
	llr = TAIL_TEXT * text / seen + TAIL_OTHER * (seen - text) / seen;
	scorer_reason(scorer, llr, "is text where the site copies bytes", &from,
	              (double)text / seen);
	return llr;
}
