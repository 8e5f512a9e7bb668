#include "analyzer/reuse.h"

#define ENOUGH    32  /* pairs, and comparisons by chance, before a class tells for itself */
#define EXPECTED  5.0 /* pairs of a pattern, at least, to tell from */
#define UNLIKE    0.5 /* of two blocks picked at random so many must differ */
#define FIRST_TWO 3u  /* the lanes of the first two words */

struct chance {
	double pairs, compared; /* numbers */
	double same;            /* share of blocks that look like any other */
	double reused;          /* share of pairs, at most; negative: it does not tell */
};

/* Newton's way; n >= 1. */
static double root(double n)
{
	double x = n;

	for (unsigned i = 0; i < 64 && x * x > n * 1.0001; i++)
		x = (x + n / x) / 2;
	return x;
}

static double most_reused(const struct size_class *c, const struct reuse *r, const struct chance *k)
{
	double least = -1;

	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		double expected = k->pairs * c->alike[p] / k->compared;
		double n = (double)r->pairs[p], share;

		if (expected < EXPECTED)
			continue;
		share = (n + 3 * root(n + 1)) / expected; /* what n may be by chance */
		if (least < 0 || share < least)
			least = share;
	}
	return least > 1 ? 1 : least;
}

static struct chance chance_of(const struct size_class *c, const struct reuse *r)
{
	struct chance k = { .reused = -1 };

	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		k.pairs += (double)r->pairs[p];
		k.compared += c->alike[p];
	}
	if (k.compared > 0)
		k.same = c->alike[IMPRINT_SAME] / k.compared;
	if (k.pairs >= ENOUGH && k.compared >= ENOUGH && k.same <= 1 - UNLIKE)
		k.reused = most_reused(c, r, &k);
	return k;
}

/* Of all classes that tell; negative: none does. */
static double pooled_share(const struct classes *classes, const struct reuse *reuse)
{
	double pairs = 0, reused = 0;

	for (size_t i = 0; i < classes->n; i++) {
		struct chance k = chance_of(&classes->v[i], &reuse[i]);

		if (k.reused < 0)
			continue;
		pairs += k.pairs;
		reused += k.pairs * k.reused;
	}
	return pairs > 0 ? reused / pairs : -1;
}

/* Where contents do not tell: as in other classes, or as many as went altogether. */
static double share_without(const struct reuse *r, const struct chance *k, double pooled)
{
	double gone = r->old > 0 ? 1 - k->pairs / (double)r->old : 0;

	return gone > 0.5 && gone > pooled ? gone : pooled;
}

static void judge(const struct size_class *c, struct reuse *r, double pooled)
{
	struct chance k = chance_of(c, r);
	double without = share_without(r, &k, pooled);

	r->survivors = r->others = 0;
	r->wrong = k.reused < 0 && without < 0 ? -1 : 0;
	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		double n = (double)r->pairs[p], wrong;

		if (!r->pairs[p])
			continue;
		if (k.reused < 0)
			wrong = without > 0 ? without * n : 0;
		else /* half a comparison more than there was: none seen is not none */
			wrong = k.reused * k.pairs * (c->alike[p] + 0.5) / (k.compared + 1);
		r->replaced[p] = wrong * 2 >= n || !(p & FIRST_TWO);
		if (r->replaced[p]) {
			r->others += r->pairs[p];
			continue;
		}
		r->survivors += r->pairs[p];
		if (r->wrong >= 0)
			r->wrong += wrong;
	}
}

void reuse_judge(const struct classes *classes, struct reuse *reuse)
{
	double pooled = pooled_share(classes, reuse);

	for (size_t i = 0; i < classes->n; i++)
		judge(&classes->v[i], &reuse[i], pooled);
}
