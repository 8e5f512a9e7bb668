/*
 * census: the groups of a profile where there are too many blocks to tell the type of each: leaked
 * ones as everywhere; the others by verdict and size alone, counted in one pass, with the type that
 * nine in ten of a sample of theirs are of. It knows no other snapshot.
 */
#ifndef ANALYZER_DIFF_CENSUS_H
#define ANALYZER_DIFF_CENSUS_H

#include "analyzer/analysis.h"
#include "analyzer/diff/profile.h"

#define CENSUS_FROM (UINT32_C(1) << 20) /* used blocks: from so many on there are too many */

/*
 * Fills in classes with their levels, and analysis.types for the leaked blocks and the sampled
 * ones. Adds the groups to `all`, whose pool has what they point to.
 */
void census_take(struct report *all, struct profile *profile, struct analysis *a);

#endif
