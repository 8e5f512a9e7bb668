/*
 * tie: which blocks of the newer of two snapshots of one process still have a holder: a word that
 * points to their start in both, at the same address. A block that was freed and given out again
 * has others, but for a holder that was given the new block in place of the old one. It looks at
 * used blocks and at the roots that are memory, stacks left out, and knows nothing of contents.
 */
#ifndef ANALYZER_DIFF_TIE_H
#define ANALYZER_DIFF_TIE_H

#include "analyzer/diff/pointers.h"

struct ties {
	uint64_t *held; /* bit by id of the newer heap: a word points to its start */
	uint64_t *kept; /* ... and did so in the older one */
	uint64_t bytes; /* of each: mem_lazy */
};

/*
 * other: bit by id of the newer heap: blocks that are known to be new. ask: as pointers_scan has
 * it, where the pointers are not kept. The caller ends with ties_free.
 */
void ties_find(const struct pointers *pointers, const uint64_t *other, struct pointers_ask ask,
               struct ties *out);
void ties_free(struct ties *ties);

/* Nothing speaks for its being another block: a holder stayed, or it has none. */
static inline bool tie_holds(const struct ties *ties, uint32_t id)
{
	return bit_get(ties->kept, id) || !bit_get(ties->held, id);
}

#endif
