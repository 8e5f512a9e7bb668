/*
 * mixture: pairs of blocks of one kin taken for a mixture of survivors and of reused ones, and how
 * likely each set of agreeing lanes is the one or the other: see reuse.h. It decides nothing.
 */
#ifndef ANALYZER_DIFF_MIXTURE_H
#define ANALYZER_DIFF_MIXTURE_H

#include "analyzer/diff/reuse.h"

/* What is believed before a pair is seen: so many pairs; of survivors a lane differs in one of
 * them; of blocks that took another's place nine in ten have other targets, and other holders. */
#define MIXTURE_PRIOR      20.0
#define MIXTURE_PRIOR_SAME 19.0
#define MIXTURE_PRIOR_TIES 2.0

/* How often targets and holders stayed, in all kin whose contents tell. */
struct tie_chances {
	double u[REUSE_LANES], s[REUSE_LANES]; /* of reused ones, of survivors */
};

/* Is enough known of it to tell for itself? */
bool mixture_enough(const struct kin *kin, const struct reuse *reuse);

/*
 * Fills in reuse's private part: reused, total, share (negative: it does not tell), tells. ties:
 * NULL: of contents alone, and the sets of lanes of pairs have no others.
 */
void mixture_learn(const struct kin *kin, struct reuse *reuse, const struct tie_chances *ties);

#endif
