/*
 * holder: what keeps growing memory alive: for a growing group some of its new blocks are picked,
 * and the roots from which the shortest chains of pointers lead to them are named. One search over
 * the newest core answers for all groups. It knows nothing of rates.
 */
#ifndef ANALYZER_DIFF_HOLDER_H
#define ANALYZER_DIFF_HOLDER_H

#include "analyzer/diff/growth.h"

#define HOLDER_GROUPS 5  /* growths that are looked at, the steadiest first */
#define HOLDER_BLOCKS 32 /* of each */
#define HOLDER_KEPT   40 /* groups of a profile */

/*
 * Sets holder and holder_share of growths of reachable (and possible) groups. newest: a core whose
 * analysis is open; last: what became of its blocks, by id.
 */
void holders_find(struct snapshot *newest, const struct survival *last, struct growths *growths);

/*
 * For a report with a profile that is saved, of which nobody knows yet what will grow: sets owner
 * of the profile's largest groups.
 */
void holders_keep(struct report *report, struct analysis *a);

#endif
