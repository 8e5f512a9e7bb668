#include "analyzer/diff/mixture.h"

#define FIRST_TWO 3u /* the lanes of the first two words */

#define SURE  0.002 /* where contents changed: a survivor by contents alone */
#define DOUBT 0.02  /* what is less likely a reused one than this is called a survivor */
/* Of those that are called survivors, as is expected; if fewer are, DOUBT may be more. */
#define WRONG 0.003
#define STEPS 1000

/* Where contents leave no more survivors wrong, and no more pairs in doubt, ties need not tell. */
#define SETTLED 0.001
#define UNSURE  0.005

/* ---- what contents alone tell ---- */

static void learn_contents(const struct kin *c, struct reuse *r)
{
	struct reuse alone = { 0 };

	for (unsigned p = 0; p < REUSE_PATTERNS; p++)
		alone.pairs[p & IMPRINT_SAME] += r->pairs[p];
	mixture_learn(c, &alone, NULL);
	r->total = alone.total;
	r->contents_share = alone.share;
	memcpy(r->contents, alone.reused, sizeof(r->contents));
}

static bool is_settled(const struct reuse *r)
{
	double told = 0, wrong = 0, unsure = 0;

	for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
		unsure += r->says[p] == REUSE_UNCERTAIN ? (double)r->pairs[p] : 0;
		if (r->says[p] != REUSE_SURVIVED)
			continue;
		told += (double)r->pairs[p];
		wrong += (double)r->pairs[p] * r->contents[p & IMPRINT_SAME];
	}
	return r->contents_share >= 0 && wrong <= told * SETTLED && unsure <= told * UNSURE;
}

void reuse_first(const struct kin *kin, size_t n, struct reuse *reuse)
{
	for (size_t i = 0; i < n; i++) {
		struct reuse *r = &reuse[i];

		learn_contents(&kin[i], r);
		for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
			double reused = r->contents_share < 0 ? 0.5 : r->contents[p & IMPRINT_SAME];
			bool changed = (p & IMPRINT_SAME) != IMPRINT_SAME;

			r->says[p] = reused >= 1 - DOUBT || !(p & FIRST_TWO) ? REUSE_REPLACED
			             : reused <= (changed ? SURE : DOUBT)    ? REUSE_SURVIVED
			                                                     : REUSE_UNCERTAIN;
		}
		r->settled = r->hasty && is_settled(r);
	}
}

static void learn_ties(size_t n, const struct reuse *reuse, const struct reuse_seen *seen,
                       struct tie_chances *out)
{
	double same[REUSE_LANES] = { 0 }, other[REUSE_LANES] = { 0 }, survivors = 0, reused = 0;

	for (unsigned p = 0; p < REUSE_PATTERNS; p += IMPRINT_PATTERNS) {
		unsigned ties = p >> IMPRINT_LANES;

		survivors += seen->pairs[0][ties];
		reused += seen->pairs[1][ties];
		for (unsigned l = IMPRINT_LANES; l < REUSE_LANES; l++) {
			same[l] += p >> l & 1 ? seen->pairs[0][ties] : 0;
			other[l] += p >> l & 1 ? seen->pairs[1][ties] : 0;
		}
	}
	for (size_t i = 0; i < n; i++) {
		const struct reuse *r = &reuse[i];

		for (unsigned p = 0; !r->settled && r->contents_share >= 0 && p < REUSE_PATTERNS;
		     p++) {
			double pairs = (double)r->pairs[p], part = r->contents[p & IMPRINT_SAME];
			bool survived = part <= DOUBT, replaced = part >= 1 - DOUBT;

			survivors += survived ? pairs : 0;
			reused += replaced ? pairs : 0;
			for (unsigned l = IMPRINT_LANES; l < REUSE_LANES; l++) {
				same[l] += survived && p >> l & 1 ? pairs : 0;
				other[l] += replaced && p >> l & 1 ? pairs : 0;
			}
		}
	}
	for (unsigned l = IMPRINT_LANES; l < REUSE_LANES; l++) {
		out->s[l] = (same[l] + MIXTURE_PRIOR_SAME) / (survivors + MIXTURE_PRIOR);
		out->u[l] = (other[l] + MIXTURE_PRIOR_TIES) / (reused + MIXTURE_PRIOR);
		if (out->u[l] > out->s[l])
			out->u[l] = out->s[l];
	}
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
		if (reuse[k].settled || mixture_enough(&kin[k], &reuse[k]) ||
		    !is_near(&kin[i], &kin[k]))
			continue;
		for (unsigned p = 0; p < IMPRINT_PATTERNS; p++)
			c->alike[p] += kin[k].alike[p], c->near[p] += kin[k].near[p];
		for (unsigned p = 0; p < REUSE_PATTERNS; p++)
			r->pairs[p] += reuse[k].pairs[p];
	}
}

static void learn_rare(const struct kin *kin, size_t n, struct reuse *reuse, size_t i,
                       const struct tie_chances *ties)
{
	struct reuse *own = &reuse[i], near;
	double reused = 0;
	struct kin c;

	if (own->total <= 0)
		return;
	pool_near(kin, n, reuse, i, &c, &near);
	mixture_learn(&c, &near, ties);
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

static bool has_changed(const struct reuse *r)
{
	for (unsigned p = 0; p < REUSE_PATTERNS; p++)
		if (r->pairs[p] &&
		    ((p & IMPRINT_SAME) != IMPRINT_SAME || (r->ties && !(p & REUSE_HOLDERS))))
			return true;
	return false;
}

/*
 * Where contents do not tell: as in other classes, or as many as went altogether; next to none
 * where none went, and all that are left are as they were.
 */
static double share_without(const struct reuse *r, double pooled)
{
	double gone = r->old > 0 ? 1 - r->total / (double)r->old : 0;

	if (pooled >= 0 && gone <= 0 && !has_changed(r))
		pooled = pooled < 1 / (r->total + 2) ? pooled : 1 / (r->total + 2);
	return gone > 0.5 && gone > pooled ? gone : pooled;
}

/* The likelihood of reuse where nothing is known of the kin but its share: by ties alone. */
static double by_ties(const struct reuse *r, const struct tie_chances *ties, unsigned pattern,
                      double share)
{
	double reused = share, survived = 1 - share;

	for (unsigned l = IMPRINT_LANES; r->ties && l < REUSE_LANES; l++) {
		reused *= pattern >> l & 1 ? ties->u[l] : 1 - ties->u[l];
		survived *= pattern >> l & 1 ? ties->s[l] : 1 - ties->s[l];
	}
	return reused + survived > 0 ? reused / (reused + survived) : share;
}

/* Of what contents settled no more is to be learned; ties tell where they left a doubt. */
static void take_contents(struct reuse *r, const struct tie_chances *ties)
{
	r->share = r->contents_share;
	for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
		double reused = r->contents[p & IMPRINT_SAME];

		r->reused[p] = (float)(r->says[p] == REUSE_UNCERTAIN ? by_ties(r, ties, p, reused)
		                                                     : reused);
	}
}

static enum reuse_says say(const struct reuse *r, unsigned pattern, double reused, double doubt)
{
	bool changed = (pattern & IMPRINT_SAME) != IMPRINT_SAME;
	bool moved = !r->tells && !(pattern & REUSE_TARGETS);
	bool alike = r->ties && !r->tells && !changed && !moved; /* but for who holds it */

	if ((reused > 0.5 && !alike) || !(pattern & FIRST_TWO) ||
	    (r->ties && changed && !(pattern & REUSE_HOLDERS)))
		return REUSE_REPLACED;
	if (reused > doubt || (r->ties && moved))
		return REUSE_UNCERTAIN;
	return REUSE_SURVIVED;
}

/* Of pairs of a pattern: negative: nothing tells. */
static double reused_of(const struct reuse *r, const struct tie_chances *ties, double pooled,
                        unsigned pattern)
{
	double without = share_without(r, pooled);

	if (r->share >= 0)
		return r->reused[pattern];
	return without >= 0 ? by_ties(r, ties, pattern, without) : -1;
}

/*
 * What is likelier a reused one than this is not called a survivor: so that of all that are no more
 * are wrong than WRONG.
 */
static double find_doubt(size_t n, const struct reuse *reuse, const struct tie_chances *ties,
                         double pooled)
{
	double pairs[STEPS + 1] = { 0 }, wrong[STEPS + 1] = { 0 }, all = 0, bad = 0;
	unsigned step = 0;

	for (size_t i = 0; i < n; i++) {
		for (unsigned p = 0; !reuse[i].settled && p < REUSE_PATTERNS; p++) {
			double reused, count = (double)reuse[i].pairs[p];

			if (!reuse[i].pairs[p])
				continue;
			reused = reused_of(&reuse[i], ties, pooled, p);
			if (reused < 0 || reused > 0.5 || say(&reuse[i], p, 0, 1) != REUSE_SURVIVED)
				continue;
			pairs[(unsigned)(reused * 2 * STEPS)] += count;
			wrong[(unsigned)(reused * 2 * STEPS)] += reused * count;
		}
	}
	for (; step < STEPS; step++) {
		all += pairs[step];
		bad += wrong[step];
		if (bad > all * WRONG)
			break;
	}
	return step > DOUBT * 2 * STEPS ? (double)step / (2 * STEPS) : DOUBT;
}

static void judge(struct reuse *r, const struct tie_chances *ties, double pooled, double doubt)
{
	r->survivors = r->others = r->unsure = 0;
	r->wrong = r->share < 0 && share_without(r, pooled) < 0 ? -1 : 0;
	for (unsigned p = 0; p < REUSE_PATTERNS; p++) {
		double reused = reused_of(r, ties, pooled, p);

		if (!r->pairs[p])
			continue;
		if (!r->settled || r->says[p] == REUSE_UNCERTAIN)
			r->says[p] = (uint8_t)say(r, p, reused, doubt);
		r->others += r->says[p] == REUSE_REPLACED ? r->pairs[p] : 0;
		r->unsure += r->says[p] == REUSE_UNCERTAIN ? r->pairs[p] : 0;
		if (r->says[p] != REUSE_SURVIVED)
			continue;
		r->survivors += r->pairs[p];
		if (r->wrong >= 0)
			r->wrong += reused * (double)r->pairs[p];
	}
}

void reuse_judge(const struct kin *kin, size_t n, const struct reuse_seen *seen,
                 struct reuse *reuse)
{
	struct tie_chances chances = { 0 };
	const struct tie_chances *ties = n && reuse[0].ties ? &chances : NULL;
	double pooled, doubt;

	if (ties)
		learn_ties(n, reuse, seen, &chances);
	for (size_t i = 0; i < n; i++) {
		if (reuse[i].settled)
			take_contents(&reuse[i], ties);
		else
			mixture_learn(&kin[i], &reuse[i], ties);
	}
	for (size_t i = 0; i < n; i++) {
		if (!reuse[i].settled && !mixture_enough(&kin[i], &reuse[i]))
			learn_rare(kin, n, reuse, i, ties);
	}
	pooled = pooled_share(n, reuse);
	doubt = find_doubt(n, reuse, &chances, pooled);
	for (size_t i = 0; i < n; i++)
		judge(&reuse[i], &chances, pooled, doubt);
}
