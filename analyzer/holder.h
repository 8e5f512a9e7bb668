/*
 * holder: what keeps growing memory alive: for a growing group some of its new blocks are picked,
 * and the roots from which the shortest chains of pointers lead to them are named. One search over
 * the newest core answers for all groups. It knows nothing of rates.
 */
#ifndef ANALYZER_HOLDER_H
#define ANALYZER_HOLDER_H

#include "analyzer/growth.h"

#define HOLDER_GROUPS 5  /* growths that are looked at, the steadiest first */
#define HOLDER_BLOCKS 32 /* of each */

/*
 * Sets holder and holder_share of growths of reachable groups. newest: a core whose analysis is
 * open; last: what became of its blocks, by id.
 */
void holders_find(struct snapshot *newest, const struct survival *last, struct growths *growths);

#endif
