/*
 * marker: what mark.c (following pointers one by one) and sweep.c (passing over the heap in address
 * order) share. Private to the two.
 */
#ifndef ANALYZER_MARKER_H
#define ANALYZER_MARKER_H

#include "analyzer/mark.h"

#define STACK    32768 /* chunks */
#define POINTERS 64    /* waiting for an index cell */
#define TARGETS  32    /* waiting for their bits */
#define BLOCKS   16    /* waiting for their content */
#define BATCH    256   /* words of a sweep that are resolved together */
#define CELL     1024  /* bytes of heap whose chunk starts one index cell has, at most */

struct pointer {
	vaddr v;
	const struct span *span;
};

/* A block that a pointer was resolved to; its bits are on their way. */
struct target {
	vaddr chunk;
	uint32_t id;
	bool exact;
};

struct chunk {
	vaddr at;
	uint32_t id;
};

struct marker {
	const struct core *core;
	const struct heap *heap;
	vaddr lo, hi;      /* user addresses of the heap lie in [lo, hi) */
	uint64_t mask;     /* of a word: what of it is an address */
	unsigned width;    /* bytes of a word: 8 or 4 */
	unsigned grain;    /* bytes of a granule, to which blocks are aligned: 16 or 8 */
	unsigned apart;    /* not 0: in some span blocks end before the next header (span.apart) */
	uint64_t *left;    /* to be visited in this pass: bit by id */
	uint64_t *touched; /* by interior pointers, where those do not hold; else NULL */
	uint64_t *found; /* while sweeping: bit by id; those that are left too are to be scanned */
	struct tally *sum;
	uint64_t unread;     /* bytes */
	struct chunk *stack; /* to be scanned, while they are few */
	size_t depth;
	bool sweeping; /* they are many: in found instead */
	bool shared;   /* a parallel sweep: others change the bitmaps too */
	unsigned threads;
	struct sweeper *sweeper; /* threads of them */
	struct pointer pointer[POINTERS];
	unsigned first_pointer, npointers;
	struct target target[TARGETS];
	unsigned first_target, ntargets;
	struct chunk block[BLOCKS];
	unsigned first_block, nblocks;
	uint64_t word[BATCH + 260]; /* while sweeping: in [lo, hi), to be resolved */
	size_t nwords;
};

static inline bool bit_load(const uint64_t *bits, uint32_t id)
{
	return __atomic_load_n(&bits[id >> 6], __ATOMIC_RELAXED) >> (id & 63) & 1;
}

/* Words that may be pointers, from p; what they hold is scanned later. */
void mark_words(struct marker *m, const uint8_t *p, uint64_t bytes);

/* resolve.c: what the words that wait point to becomes found, or touched. */
void resolve_words(struct marker *m);
/* Scans all that is found and left, and what that leads to, until little or nothing is. */
void sweep_all(struct marker *m);

struct sweeper *sweepers_new(unsigned threads);
void sweepers_free(struct sweeper *sweeper);

#endif
