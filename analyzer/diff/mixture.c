#include "analyzer/diff/mixture.h"

#include <math.h>

#define ENOUGH   32  /* pairs, and comparisons by chance, before a class tells for itself */
#define UNLIKE   0.5 /* of two blocks picked at random so many must differ */
#define EXPECTED 5.0 /* pairs of a pattern, at least, to tell a bound from */
#define ROUNDS   60  /* of expectation and maximization */

#define SAME_LEAST  0.5  /* what changes more often is no survivor */
#define SAME_RARELY 0.05 /* ... where their holders tell survivors, and contents do not */

#define HOLDERS_MOST 0.95  /* where most of them kept theirs, holders do not tell */
#define AGAIN        0.002 /* of blocks in the place of another: made anew with the same contents */

struct mixture {
	unsigned lanes;                        /* of which pairs tell */
	double u[REUSE_LANES], s[REUSE_LANES]; /* chance that a lane agrees */
	double any[IMPRINT_PATTERNS];          /* chance of contents in two blocks of the size */
	double near[IMPRINT_PATTERNS];         /* ... of one type */
	double typed;     /* share of reused ones that are of the type before */
	double survivors; /* share */
	bool tells;       /* contents part survivors from others: what ties tell can be learned */
};

struct share { /* pairs, and of them those in which each lane agrees */
	double survivors, reused, same[REUSE_LANES], reused_same[REUSE_LANES];
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
	double chance = (1 - m->typed) * m->any[p] + m->typed * m->near[p];

	return (1 - AGAIN) * chance + (p == IMPRINT_SAME ? AGAIN : 0);
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
	double more = compared / 4 > MIXTURE_PRIOR ? compared / 4 : MIXTURE_PRIOR;

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
	for (unsigned l = 0; l < IMPRINT_LANES; l++)
		m->s[l] = MIXTURE_PRIOR_SAME / MIXTURE_PRIOR;
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

/*
 * Of targets and holders. Where contents do not tell which pairs are which, only those whose
 * contents changed do for reused ones, and survivors are held to have kept both.
 */
static void improve_ties(struct mixture *m, const struct tie_chances *ties, const struct share *all,
                         const struct share *changed)
{
	const struct share *other = m->tells ? all : changed;

	for (unsigned l = IMPRINT_LANES; l < m->lanes; l++) {
		m->u[l] = least((other->reused_same[l] + MIXTURE_PRIOR * ties->u[l]) /
		                        (other->reused + MIXTURE_PRIOR),
		                1u << l == REUSE_HOLDERS ? HOLDERS_MOST : 1);
		m->s[l] = (all->same[l] + MIXTURE_PRIOR * ties->s[l]) /
		          (all->survivors + MIXTURE_PRIOR);
		if (!m->tells && m->s[l] < MIXTURE_PRIOR_SAME / MIXTURE_PRIOR)
			m->s[l] = MIXTURE_PRIOR_SAME / MIXTURE_PRIOR;
		if (!m->tells && 1u << l == REUSE_TARGETS &&
		    all->same[l] + all->reused_same[l] >=
		            all->survivors + all->reused) /* as in blocks that have none */
			m->u[l] = m->s[l];
	}
}

static void add_share(struct share *share, unsigned lanes, unsigned pattern, double survivors,
                      double reused)
{
	share->survivors += survivors;
	share->reused += reused;
	for (unsigned l = 0; l < lanes; l++) {
		share->same[l] += pattern >> l & 1 ? survivors : 0;
		share->reused_same[l] += pattern >> l & 1 ? reused : 0;
	}
}

/* One round: how likely each pattern is, and what follows for s, the ties' u and the share. */
static void improve(const struct reuse *r, const struct tie_chances *ties, struct mixture *m)
{
	struct share all = { 0 }, changed = { 0 };
	double typed = 0;

	for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
		double reused = r->pairs[p] ? (double)r->pairs[p] * likelihood(m, p) : 0;
		double n = (double)r->pairs[p] - reused;

		if (!r->pairs[p])
			continue;
		typed += reused * m->typed * m->near[p & IMPRINT_SAME] / by_contents(m, p);
		add_share(&all, m->lanes, p, n, reused);
		if ((p & IMPRINT_SAME) != IMPRINT_SAME)
			add_share(&changed, m->lanes, p, n, reused);
	}
	m->typed = (typed + 10) / (all.reused + 20);
	for (unsigned l = 0; l < IMPRINT_LANES; l++)
		m->s[l] = (all.same[l] + MIXTURE_PRIOR_SAME) / (all.survivors + MIXTURE_PRIOR);
	improve_ties(m, ties, &all, &changed);
	for (unsigned l = 0; l < m->lanes; l++) {
		double at_least = m->tells ? SAME_LEAST : SAME_RARELY;

		if (m->s[l] < at_least)
			m->s[l] = at_least;
		if (m->s[l] < m->u[l]) /* survivors never differ more than strangers do */
			m->s[l] = m->u[l];
	}
	m->survivors = (all.survivors + 0.5) / (r->total + 1);
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
			double all = (n + 3 * sqrt(n + 1)) / chance;

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

bool mixture_enough(const struct kin *c, const struct reuse *r)
{
	double pairs, compared;

	count(c, r, &pairs, &compared);
	return pairs >= ENOUGH && compared >= ENOUGH;
}

/* Do two blocks of the kin look different, as a rule? */
static bool tells(const struct kin *c)
{
	double compared = 0, near = 0;

	for (unsigned p = 0; p < IMPRINT_PATTERNS; p++)
		compared += c->alike[p], near += c->near[p];
	return c->alike[IMPRINT_SAME] <= compared * (1 - UNLIKE) &&
	       c->near[IMPRINT_SAME] <= near * (1 - UNLIKE);
}

/* Blocks that are gone, or whose holders are: where none is, nothing says that any was freed. */
static double traces(const struct reuse *r)
{
	double gone = (double)r->old > r->total ? (double)r->old - r->total : 0;

	for (unsigned p = 0; p < REUSE_HOLDERS; p++)
		gone += (double)r->pairs[p];
	return gone;
}

void mixture_learn(const struct kin *c, struct reuse *r, const struct tie_chances *ties)
{
	double compared, reused = 0, most;
	struct mixture m = { .lanes = ties ? REUSE_LANES : IMPRINT_LANES, .tells = tells(c) };

	count(c, r, &r->total, &compared);
	r->share = -1;
	r->tells = m.tells;
	if (!mixture_enough(c, r) || (!ties && !m.tells))
		return;
	learn_chance(c, compared, &m);
	for (unsigned l = IMPRINT_LANES; l < m.lanes; l++)
		m.u[l] = ties->u[l], m.s[l] = ties->s[l];
	if (!m.tells)
		m.survivors = 1 - (traces(r) + 1) / (traces(r) + r->total + 2);
	for (unsigned i = 0; i < ROUNDS; i++)
		improve(r, ties, &m);
	most = most_reused(r, &m);
	for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
		double n = (double)r->pairs[p], at_most = most * by_strangers(&m, p);
		double likely = likelihood(&m, p);

		if (at_most > likely * n &&
		    (m.tells || traces(r) > 0)) /* what may be reuse is not called survival */
			likely = at_most < n ? at_most / n : 1;
		reused += n * likely;
		r->reused[p] = (float)likely;
	}
	r->share = reused / r->total;
}
