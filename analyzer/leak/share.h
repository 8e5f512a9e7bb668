/*
 * share: of the leaked blocks that several heads hold, how much each group of heads holds, and on
 * how many heads that hangs. A block counts for each group that leads to it.
 */
#ifndef ANALYZER_LEAK_SHARE_H
#define ANALYZER_LEAK_SHARE_H

#include "analyzer/leak/group.h"
#include "analyzer/reach/held.h"

/*
 * Fills in shared and sharers of v[0 .. n), of which none is known yet, and counts all heads that
 * share something. group: by node, the index in v of each head. The groups that hold most come
 * first, and when they have taken 16 steps for each edge the rest stays unknown. Memory: 12 bytes a
 * leaked block, 4 for each pointer to a shared one.
 */
void shares_find(const struct heap *heap, const struct held *held, const uint32_t *group,
                 struct group *v, size_t n, uint64_t *sharers);

#endif
