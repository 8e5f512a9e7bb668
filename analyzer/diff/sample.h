/*
 * sample: draws the sample of a profile (profile.h) and learns on the way how often two blocks of
 * one size look alike by chance. One pass over the index of used blocks; only sampled ones are
 * looked into. It knows nothing of other snapshots.
 */
#ifndef ANALYZER_DIFF_SAMPLE_H
#define ANALYZER_DIFF_SAMPLE_H

#include "analyzer/analysis.h"
#include "analyzer/diff/profile.h"

/* After the groups. Leaves profile->sampled false where the core does not tell its instance. */
void sample_take(struct profile *profile, struct analysis *a);

#endif
