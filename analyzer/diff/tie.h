/*
 * tie: which blocks of the newer of two snapshots of one process are held as they were: a word that
 * points to their start in both, at the same address, in a root, in a block that survived, or in
 * one that may have and is held so itself. In a queue whose elements are freed and made again in
 * the same places, all of them point to each other as before, and nobody to them. It looks at used
 * blocks and at roots that are memory, and knows nothing of contents.
 */
#ifndef ANALYZER_DIFF_TIE_H
#define ANALYZER_DIFF_TIE_H

#include "analyzer/diff/pointers.h"

struct ties {
	uint64_t *held; /* bit by id of the newer heap: a word points to its start */
	uint64_t *kept; /* ... as in the older one */
	uint64_t bytes; /* of each: mem_lazy */
};

/*
 * Bits by id of the newer heap. sure: blocks that are known to have survived; other: blocks that
 * are known to be new. ask: as pointers_scan has it, where the pointers are not kept. The caller
 * ends with ties_free.
 */
void ties_find(const struct pointers *pointers, const uint64_t *sure, const uint64_t *other,
               const uint64_t *many, struct pointers_ask ask, struct ties *out);
void ties_free(struct ties *ties);

#endif
