/*
 * retained: what would go with a block: itself, and all that only it leads to. For a block that is
 * still in use, what no root would lead to any more without it; for a leaked one, what no head of a
 * leak would. Any pointer counts, interior ones too. It knows no names.
 */
#ifndef ANALYZER_REACH_RETAINED_H
#define ANALYZER_REACH_RETAINED_H

#include "analyzer/reach/reach.h"

#define RETAINED_MOST 16 /* blocks that are asked about in one run: each costs a pass */

/*
 * out[i] for the used blocks block[0 .. n), n <= RETAINED_MOST. Each takes as long as finding out
 * what is reachable (mark.h), and all together the memory of that.
 */
void retained_find(const struct core *core, const struct heap *heap, const struct roots *roots,
                   const struct reach *reach, unsigned threads, const struct block *block, size_t n,
                   struct tally *out);

#endif
