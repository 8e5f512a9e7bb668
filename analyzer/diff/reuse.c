#include "analyzer/diff/reuse.h"

#define ENOUGH    32  /* pairs, and comparisons by chance, before a class tells for itself */
#define UNLIKE    0.5 /* of two blocks picked at random so many must differ */
#define EXPECTED  5.0 /* pairs of a pattern, at least, to tell a bound from */
#define ROUNDS    60  /* of expectation and maximization */
#define FIRST_TWO 3u  /* the lanes of the first two words */

/* What is believed of survivors before one is seen: 20 pairs of which one differs in a lane. */
#define PRIOR_PAIRS 20.0
#define PRIOR_SAME  19.0
#define SAME_LEAST  0.5 /* what changes more often is no survivor */

/* And of blocks that took another's place: nine in ten have other targets, and other holders. */
#define PRIOR_TIES   2.0
#define HOLDERS_MOST 0.95 /* where most of them kept theirs, holders do not tell */

struct mixture {
	unsigned lanes;                        /* of which pairs tell */
	double u[REUSE_LANES], s[REUSE_LANES]; /* chance that a lane agrees */
	double any[IMPRINT_PATTERNS];          /* chance of contents in two blocks of the size */
	double near[IMPRINT_PATTERNS];         /* ... of one type */
	double typed;     /* share of reused ones that are of the type before */
	double survivors; /* share */
};

/* Of lanes [first, end) alone. */
static double product(const double *chance, unsigned pattern, unsigned first, unsigned end)
{
	double all = 1;

	for (unsigned l = first; l < end; l++)
		all *= pattern >> l & 1 ? chance[l] : 1 - chance[l];
	return all;
}

static double by_contents(const struct mixture *m, unsigned pattern)
{
	unsigned p = pattern & IMPRINT_SAME;

	return (1 - m->typed) * m->any[p] + m->typed * m->near[p];
}

static double by_strangers(const struct mixture *m, unsigned pattern)
{
	return by_contents(m, pattern) * product(m->u, pattern, IMPRINT_LANES, m->lanes);
}

/*
 * Lanes do not agree independently of each other: blocks of one type agree in several. What was
 * seen counts, and where little was, as if so many more had been seen that are independent.
 */
static void learn_patterns(const uint32_t *seen, double compared, const double *u, double *chance)
{
	double more = compared / 4 > PRIOR_PAIRS ? compared / 4 : PRIOR_PAIRS;

	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++)
		chance[p] = (seen[p] + more * product(u, p, 0, IMPRINT_LANES)) / (compared + more);
}

/* Chance that each lane agrees: never none or all, which so many comparisons cannot tell. */
static void learn_lanes(const uint32_t *seen, double compared, double *u)
{
	for (unsigned l = 0; l < IMPRINT_LANES; l++) {
		double same = 0;

		for (unsigned p = 0; p < IMPRINT_PATTERNS; p++)
			same += p >> l & 1 ? seen[p] : 0;
		u[l] = (same + 0.5) / (compared + 1);
	}
}

static void learn_chance(const struct kin *c, double compared, struct mixture *m)
{
	double near[IMPRINT_LANES], n = 0;

	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++)
		n += c->near[p];
	learn_lanes(c->alike, compared, m->u);
	learn_patterns(c->alike, compared, m->u, m->any);
	learn_lanes(n > 0 ? c->near : c->alike, n > 0 ? n : compared, near);
	learn_patterns(n > 0 ? c->near : c->alike, n > 0 ? n : compared, near, m->near);
	for (unsigned l = IMPRINT_LANES; l < REUSE_LANES; l++)
		m->u[l] = PRIOR_TIES / PRIOR_PAIRS;
	for (unsigned l = 0; l < REUSE_LANES; l++)
		m->s[l] = PRIOR_SAME / PRIOR_PAIRS;
	m->survivors = m->typed = 0.5;
}

/* The likelihood that a pair of this pattern is a reused one. */
static double likelihood(const struct mixture *m, unsigned pattern)
{
	double survived = m->survivors * product(m->s, pattern, 0, m->lanes);
	double reused = (1 - m->survivors) * by_strangers(m, pattern);

	return survived + reused > 0 ? reused / (survived + reused) : 0.5;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* One round: how likely each pattern is, and what follows for s, the ties' u and the share. */
static void improve(const struct reuse *r, struct mixture *m)
{
	double same[REUSE_LANES] = { 0 }, other[REUSE_LANES] = { 0 }, survivors = 0, typed = 0;

	for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
		double reused = r->pairs[p] ? (double)r->pairs[p] * likelihood(m, p) : 0;
		double n = (double)r->pairs[p] - reused;

		if (!r->pairs[p])
			continue;
		survivors += n;
		typed += reused * m->typed * m->near[p & IMPRINT_SAME] / by_contents(m, p);
		for (unsigned l = 0; l < m->lanes; l++) {
			same[l] += p >> l & 1 ? n : 0;
			other[l] += p >> l & 1 ? reused : 0;
		}
	}
	for (unsigned l = IMPRINT_LANES; l < m->lanes; l++)
		m->u[l] = least((other[l] + PRIOR_TIES) / (r->total - survivors + PRIOR_PAIRS),
		                1u << l == REUSE_HOLDERS ? HOLDERS_MOST : 1);
	m->typed = (typed + 10) / (r->total - survivors + 20);
	for (unsigned l = 0; l < m->lanes; l++) {
		m->s[l] = (same[l] + PRIOR_SAME) / (survivors + PRIOR_PAIRS);
		if (m->s[l] < SAME_LEAST)
			m->s[l] = SAME_LEAST;
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

	for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
		double n = (double)r->pairs[p], chance = by_strangers(m, p);

		if (chance * r->total >= EXPECTED) {
			double all = (n + 3 * root(n + 1)) / chance;

			most = all < most ? all : most;
		}
	}
	return most;
}

static void count(const struct kin *c, const struct reuse *r, double *pairs, double *compared)
{
	*pairs = *compared = 0;
	for (unsigned p = 0; p < REUSE_PATTERNS; p++)
		*pairs += (double)r->pairs[p];
	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++)
		*compared += c->alike[p];
}

static bool is_enough(const struct kin *c, const struct reuse *r)
{
	double pairs, compared;

	count(c, r, &pairs, &compared);
	return pairs >= ENOUGH && compared >= ENOUGH;
}

/* Fills in reused, total and share. */
static void learn(const struct kin *c, struct reuse *r)
{
	double compared, reused = 0, most;
	struct mixture m;

	count(c, r, &r->total, &compared);
	r->share = -1;
	if (!is_enough(c, r) || (!r->ties && c->alike[IMPRINT_SAME] > compared * (1 - UNLIKE)))
		return;
	m.lanes = r->ties ? REUSE_LANES : IMPRINT_LANES;
	learn_chance(c, compared, &m);
	for (unsigned i = 0; i < ROUNDS; i++)
		improve(r, &m);
	most = most_reused(r, &m);
	for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
		double n = (double)r->pairs[p], at_most = most * by_strangers(&m, p);
		double likely = likelihood(&m, p);

		if (at_most > likely * n) /* what may be reuse is not called survival */
			likely = at_most < n ? at_most / n : 1;
		reused += n * likely;
		r->reused[p] = (float)likely;
	}
	r->share = reused / r->total;
}

/* ---- sizes that are too rare to tell by themselves ---- */

static bool is_near(const struct kin *a, const struct kin *b)
{
	return (a->low | 1) >> 1 < (b->low | 1) && (b->low | 1) >> 1 < (a->low | 1);
}

/* All rare classes of about this size as one: within a factor of two. */
static void pool_near(const struct kin *kin, size_t n, const struct reuse *reuse, size_t i,
                      struct kin *c, struct reuse *r)
{
	*c = (struct kin){ .low = kin[i].low };
	*r = (struct reuse){ .ties = reuse[i].ties };
	for (size_t k = 0; k < n; k++) {
		if (is_enough(&kin[k], &reuse[k]) || !is_near(&kin[i], &kin[k]))
			continue;
		for (unsigned p = 0; p < IMPRINT_PATTERNS; p++)
			c->alike[p] += kin[k].alike[p], c->near[p] += kin[k].near[p];
		for (unsigned p = 0; p < REUSE_PATTERNS; p++)
			r->pairs[p] += reuse[k].pairs[p];
	}
}

static void learn_rare(const struct kin *kin, size_t n, struct reuse *reuse, size_t i)
{
	struct reuse *own = &reuse[i], near;
	double reused = 0;
	struct kin c;

	if (own->total <= 0)
		return;
	pool_near(kin, n, reuse, i, &c, &near);
	learn(&c, &near);
	if (near.share < 0)
		return;
	for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
		own->reused[p] = near.reused[p];
		reused += (double)own->pairs[p] * own->reused[p];
	}
	own->share = reused / own->total;
}

/* Of all classes that tell; negative: none does. */
static double pooled_share(size_t n, const struct reuse *reuse)
{
	double pairs = 0, reused = 0;

	for (size_t i = 0; i < n; i++) {
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

/* Whatever the others of its kin do. */
static bool is_another(const struct reuse *r, unsigned pattern)
{
	bool changed = (pattern & IMPRINT_SAME) != IMPRINT_SAME;

	return !(pattern & FIRST_TWO) || (r->ties && changed && !(pattern & REUSE_HOLDERS));
}

static void judge(struct reuse *r, double pooled)
{
	double without = share_without(r, pooled);

	r->survivors = r->others = 0;
	r->wrong = r->share < 0 && without < 0 ? -1 : 0;
	for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
		double reused = r->share < 0 ? without : r->reused[p];

		if (!r->pairs[p])
			continue;
		r->replaced[p] = reused > 0.5 || is_another(r, p);
		if (r->replaced[p]) {
			r->others += r->pairs[p];
			continue;
		}
		r->survivors += r->pairs[p];
		if (r->wrong >= 0 && reused > 0)
			r->wrong += reused * (double)r->pairs[p];
	}
}

void reuse_judge(const struct kin *kin, size_t n, struct reuse *reuse)
{
	double pooled;

	for (size_t i = 0; i < n; i++)
		learn(&kin[i], &reuse[i]);
	for (size_t i = 0; i < n; i++) {
		if (!is_enough(&kin[i], &reuse[i]))
			learn_rare(kin, n, reuse, i);
	}
	pooled = pooled_share(n, reuse);
	for (size_t i = 0; i < n; i++)
		judge(&reuse[i], pooled);
}
