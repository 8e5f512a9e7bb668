/*
 * referrer: who points to a few addresses: every aligned word of saved memory and every register is
 * looked at once, for all of them together. Words that keep nothing alive (in free chunks, in the
 * unused part of a stack, in malloc's own structures, in read-only memory) are told apart, not
 * dropped: they explain a dangling pointer. It knows no names.
 */
#ifndef ANALYZER_REACH_REFERRER_H
#define ANALYZER_REACH_REFERRER_H

#include "analyzer/reach/reach.h"

enum referrer_kind {
	REFERRER_ROOT,  /* a register, a word in a root's range, or in a part of the heap that could
	                 * not  be walked: it may be a block */
	REFERRER_BLOCK, /* a word in a used block */
	REFERRER_SELF,  /* a word in the target itself */
	REFERRER_STALE, /* a word that does not count */
	REFERRER_KINDS
};

struct referrer {
	uint32_t reg; /* index into roots.reg, or REFERRER_MEMORY */
	vaddr at;     /* of the word; 0: a register */
	uint64_t value;
	bool interior; /* not the target's first byte */
	struct block
		holder; /* REFERRER_BLOCK, SELF; STALE where a chunk holds it; else span NULL */
};
#define REFERRER_MEMORY UINT32_MAX

struct referrers {
	vaddr start, end; /* the target: values in [start, end) */
	uint64_t count[REFERRER_KINDS];
	uint64_t leaked; /* of count[REFERRER_BLOCK]: in blocks that are leaked themselves */
	ARRAY(struct referrer)
	kept[REFERRER_KINDS]; /* the first of each; registers, then by address */
};

/*
 * Finds the referrers of target[0..n): start and end are set by the caller, sorted, not
 * overlapping; the rest is filled in. At most `most` of each kind are kept. reach may be NULL:
 * leaked stays 0. The caller ends with referrers_free.
 */
void referrers_find(const struct core *core, const struct heap *heap, const struct roots *roots,
                    const struct reach *reach, uint64_t most, struct referrers *target, size_t n);
void referrers_free(struct referrers *target, size_t n);

#endif
