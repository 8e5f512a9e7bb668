/*
 * sample: draws the sample of a profile (profile.h) and learns on the way how often two blocks of
 * one size look alike by chance. One pass over the index of used blocks; only sampled ones are
 * looked into. It knows nothing of other snapshots.
 */
#ifndef ANALYZER_DIFF_SAMPLE_H
#define ANALYZER_DIFF_SAMPLE_H

#include "analyzer/analysis.h"
#include "analyzer/diff/profile.h"

/* Fills in the profile's classes and their levels, of the sizes in count[0..n), each once. */
void sample_classes(struct profile *profile, struct size_count *count, size_t n);
/* Is the block in the sample? */
bool sample_has(const struct profile *profile, const struct block *block);

/*
 * After the groups, which may come with classes. Leaves profile->sampled false where the core does
 * not tell its instance.
 */
void sample_take(struct profile *profile, struct analysis *a);

#endif
