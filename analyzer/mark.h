/*
 * mark: the engine of a conservative mark: from words to the blocks that they hold, and on through
 * those blocks' words. It knows no roots and no verdicts: what a pass means is its caller's.
 */
#ifndef ANALYZER_MARK_H
#define ANALYZER_MARK_H

#include "heapwalk/heap.h"

struct marker;

/* A marker over a heap that uses up to threads (1 at least) threads. Owned by the caller:
 * mark_close. */
struct marker *mark_open(const struct core *core, const struct heap *heap, unsigned threads);
void mark_close(struct marker *m); /* accepts NULL */

/*
 * The next pass. left: blocks to be visited, cleared as they are. touched: if not NULL, interior
 * pointers hold nothing, and blocks that are left which they touch get their bit there. sum: gains
 * what is visited.
 */
void mark_pass(struct marker *m, uint64_t *left, uint64_t *touched, struct tally *sum);

/* Each of these looks at pointers; what they hold is scanned by mark_drain. */
void mark_word(struct marker *m, uint64_t word);
void mark_range(struct marker *m, vaddr start, vaddr end);   /* the saved words of it */
void mark_block(struct marker *m, vaddr chunk, uint32_t id); /* a block that is left */
void mark_scan(struct marker *m, vaddr chunk); /* a block's words, counting it in sum */

/* Bits by id: what is set here and left is scanned by the next drain. */
uint64_t *mark_found(struct marker *m);

/* Scans until nothing is left to scan. */
void mark_drain(struct marker *m);

/* Counts into another tally from here on; returns the one before. */
struct tally *mark_sum(struct marker *m, struct tally *sum);

/* Bytes of ranges and blocks that were to be scanned and are not in the core. */
uint64_t mark_unread(const struct marker *m);

/* Any of the ids [first, first + n) in bits? May say so for a neighbour's. n <= 64. */
static inline bool bits_any(const uint64_t *bits, uint32_t first, uint32_t n)
{
	uint64_t word = __atomic_load_n(&bits[first >> 6], __ATOMIC_RELAXED) >> (first & 63);

	if ((first & 63) + n > 64)
		word |= __atomic_load_n(&bits[(first >> 6) + 1], __ATOMIC_RELAXED);
	return word != 0;
}

#endif
