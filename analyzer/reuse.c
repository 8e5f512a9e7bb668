#include "analyzer/reuse.h"

#define ENOUGH    32  /* pairs, and comparisons by chance, before a class tells for itself */
#define UNLIKE    0.5 /* of two blocks picked at random so many must differ */
#define ROUNDS    60  /* of expectation and maximization */
#define FIRST_TWO 3u  /* the lanes of the first two words */

/* What is believed of survivors before one is seen: 20 pairs of which one differs in a lane. */
#define PRIOR_PAIRS 20.0
#define PRIOR_SAME  19.0

struct mixture {
	double u[IMPRINT_LANES], s[IMPRINT_LANES];
	double survivors; /* share */
};

static void learn_chance(const struct size_class *c, double compared, struct mixture *m)
{
	for (unsigned l = 0; l < IMPRINT_LANES; l++) {
		double same = 0;

		for (unsigned p = 0; p < IMPRINT_PATTERNS; p++)
			same += p >> l & 1 ? c->alike[p] : 0;
		/* never none or all: so many comparisons cannot tell that */
		m->u[l] = (same + 0.5) / (compared + 1);
		m->s[l] = PRIOR_SAME / PRIOR_PAIRS;
	}
	m->survivors = 0.5;
}

/* The likelihood that a pair of this pattern is a reused one. */
static double likelihood(const struct mixture *m, unsigned pattern)
{
	double survived = m->survivors, reused = 1 - m->survivors;

	for (unsigned l = 0; l < IMPRINT_LANES; l++) {
		survived *= pattern >> l & 1 ? m->s[l] : 1 - m->s[l];
		reused *= pattern >> l & 1 ? m->u[l] : 1 - m->u[l];
	}
	return survived + reused > 0 ? reused / (survived + reused) : 0.5;
}

/* One round: how likely each pattern is, and what follows for s and the share. */
static void improve(const struct reuse *r, struct mixture *m)
{
	double same[IMPRINT_LANES] = { 0 }, survivors = 0;

	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		double n = r->pairs[p] ? (double)r->pairs[p] * (1 - likelihood(m, p)) : 0;

		survivors += n;
		for (unsigned l = 0; n > 0 && l < IMPRINT_LANES; l++)
			same[l] += p >> l & 1 ? n : 0;
	}
	for (unsigned l = 0; l < IMPRINT_LANES; l++) {
		m->s[l] = (same[l] + PRIOR_SAME) / (survivors + PRIOR_PAIRS);
		if (m->s[l] < m->u[l]) /* survivors never differ more than strangers do */
			m->s[l] = m->u[l];
	}
	m->survivors = (survivors + 0.5) / (r->total + 1);
}

/* Fills in reused, total and share. */
static void learn(const struct size_class *c, struct reuse *r)
{
	double compared = 0, reused = 0;
	struct mixture m;

	r->total = 0;
	r->share = -1;
	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		r->total += (double)r->pairs[p];
		compared += c->alike[p];
	}
	if (r->total < ENOUGH || compared < ENOUGH ||
	    c->alike[IMPRINT_SAME] > compared * (1 - UNLIKE))
		return;
	learn_chance(c, compared, &m);
	for (unsigned i = 0; i < ROUNDS; i++)
		improve(r, &m);
	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		r->reused[p] = likelihood(&m, p);
		reused += (double)r->pairs[p] * r->reused[p];
	}
	r->share = reused / r->total;
}

/* Of all classes that tell; negative: none does. */
static double pooled_share(const struct classes *classes, const struct reuse *reuse)
{
	double pairs = 0, reused = 0;

	for (size_t i = 0; i < classes->n; i++) {
		if (reuse[i].share < 0)
			continue;
		pairs += reuse[i].total;
		reused += reuse[i].total * reuse[i].share;
	}
	return pairs > 0 ? reused / pairs : -1;
}

/* Where contents do not tell: as in other classes, or as many as went altogether. */
static double share_without(const struct reuse *r, double pooled)
{
	double gone = r->old > 0 ? 1 - r->total / (double)r->old : 0;

	return gone > 0.5 && gone > pooled ? gone : pooled;
}

static void judge(struct reuse *r, double pooled)
{
	double without = share_without(r, pooled);

	r->survivors = r->others = 0;
	r->wrong = r->share < 0 && without < 0 ? -1 : 0;
	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		double reused = r->share < 0 ? without : r->reused[p];

		if (!r->pairs[p])
			continue;
		r->replaced[p] = reused > 0.5 || !(p & FIRST_TWO);
		if (r->replaced[p]) {
			r->others += r->pairs[p];
			continue;
		}
		r->survivors += r->pairs[p];
		if (r->wrong >= 0 && reused > 0)
			r->wrong += reused * (double)r->pairs[p];
	}
}

void reuse_judge(const struct classes *classes, struct reuse *reuse)
{
	double pooled;

	for (size_t i = 0; i < classes->n; i++)
		learn(&classes->v[i], &reuse[i]);
	pooled = pooled_share(classes, reuse);
	for (size_t i = 0; i < classes->n; i++)
		judge(&reuse[i], pooled);
}
