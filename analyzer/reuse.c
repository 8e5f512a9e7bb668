#include "analyzer/reuse.h"

#define ENOUGH    32  /* pairs, and comparisons by chance, before a class tells for itself */
#define UNLIKE    0.5 /* of two blocks picked at random so many must differ */
#define EXPECTED  5.0 /* pairs of a pattern, at least, to tell a bound from */
#define ROUNDS    60  /* of expectation and maximization */
#define FIRST_TWO 3u  /* the lanes of the first two words */

/* What is believed of survivors before one is seen: 20 pairs of which one differs in a lane. */
#define PRIOR_PAIRS 20.0
#define PRIOR_SAME  19.0

struct mixture {
	double u[IMPRINT_LANES], s[IMPRINT_LANES]; /* chance that a lane agrees */
	double strangers[IMPRINT_PATTERNS];        /* chance of a pattern in two different blocks */
	double survivors;                          /* share */
};

static double product(const double *chance, unsigned pattern)
{
	double all = 1;

	for (unsigned l = 0; l < IMPRINT_LANES; l++)
		all *= pattern >> l & 1 ? chance[l] : 1 - chance[l];
	return all;
}

/*
 * Lanes do not agree independently of each other: blocks of one type agree in several. What was
 * seen counts, and where little was, as if so many more had been seen that are independent.
 */
static void learn_patterns(const struct size_class *c, double compared, struct mixture *m)
{
	double more = compared / 4 > PRIOR_PAIRS ? compared / 4 : PRIOR_PAIRS;

	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++)
		m->strangers[p] = (c->alike[p] + more * product(m->u, p)) / (compared + more);
}

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
	learn_patterns(c, compared, m);
}

/* The likelihood that a pair of this pattern is a reused one. */
static double likelihood(const struct mixture *m, unsigned pattern)
{
	double survived = m->survivors * product(m->s, pattern);
	double reused = (1 - m->survivors) * m->strangers[pattern];

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

/* Newton's way; n >= 1. */
static double root(double n)
{
	double x = n;

	for (unsigned i = 0; i < 64 && x * x > n * 1.0001; i++)
		x = (x + n / x) / 2;
	return x;
}

/*
 * The most reused pairs there may be: of each pattern so many more, and by chance a few, as
 * strangers have it.
 */
static double most_reused(const struct reuse *r, const struct mixture *m)
{
	double most = r->total;

	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		double n = (double)r->pairs[p];

		if (m->strangers[p] * r->total >= EXPECTED) {
			double all = (n + 3 * root(n + 1)) / m->strangers[p];

			most = all < most ? all : most;
		}
	}
	return most;
}

static void count(const struct size_class *c, const struct reuse *r, double *pairs,
                  double *compared)
{
	*pairs = *compared = 0;
	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		*pairs += (double)r->pairs[p];
		*compared += c->alike[p];
	}
}

static bool is_enough(const struct size_class *c, const struct reuse *r)
{
	double pairs, compared;

	count(c, r, &pairs, &compared);
	return pairs >= ENOUGH && compared >= ENOUGH;
}

/* Fills in reused, total and share. */
static void learn(const struct size_class *c, struct reuse *r)
{
	double compared, reused = 0, most;
	struct mixture m;

	count(c, r, &r->total, &compared);
	r->share = -1;
	if (!is_enough(c, r) || c->alike[IMPRINT_SAME] > compared * (1 - UNLIKE))
		return;
	learn_chance(c, compared, &m);
	for (unsigned i = 0; i < ROUNDS; i++)
		improve(r, &m);
	most = most_reused(r, &m);
	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		double n = (double)r->pairs[p], at_most = most * m.strangers[p];

		r->reused[p] = likelihood(&m, p);
		if (at_most > r->reused[p] * n) /* what may be reuse is not called survival */
			r->reused[p] = at_most < n ? at_most / n : 1;
		reused += n * r->reused[p];
	}
	r->share = reused / r->total;
}

/* ---- sizes that are too rare to tell by themselves ---- */

static bool is_near(const struct size_class *a, const struct size_class *b)
{
	return (a->low | 1) >> 1 < (b->low | 1) && (b->low | 1) >> 1 < (a->low | 1);
}

/* All rare classes of about this size as one: within a factor of two. */
static void pool_near(const struct classes *classes, const struct reuse *reuse, size_t i,
                      struct size_class *c, struct reuse *r)
{
	*c = (struct size_class){ .low = classes->v[i].low };
	*r = (struct reuse){ 0 };
	for (size_t k = 0; k < classes->n; k++) {
		if (is_enough(&classes->v[k], &reuse[k]) ||
		    !is_near(&classes->v[i], &classes->v[k]))
			continue;
		for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
			c->alike[p] += classes->v[k].alike[p];
			r->pairs[p] += reuse[k].pairs[p];
		}
	}
}

static void learn_rare(const struct classes *classes, struct reuse *reuse, size_t i)
{
	struct reuse *own = &reuse[i], near;
	double reused = 0;
	struct size_class c;

	if (own->total <= 0)
		return;
	pool_near(classes, reuse, i, &c, &near);
	learn(&c, &near);
	if (near.share < 0)
		return;
	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++) {
		own->reused[p] = near.reused[p];
		reused += (double)own->pairs[p] * own->reused[p];
	}
	own->share = reused / own->total;
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
	for (size_t i = 0; i < classes->n; i++) {
		if (!is_enough(&classes->v[i], &reuse[i]))
			learn_rare(classes, reuse, i);
	}
	pooled = pooled_share(classes, reuse);
	for (size_t i = 0; i < classes->n; i++)
		judge(&reuse[i], pooled);
}
