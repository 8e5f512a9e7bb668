/*
 * mark: the engine of a conservative mark: from words to the blocks that they hold, and on through
 * those blocks' words. It knows no roots and no verdicts: what a pass means is its caller's.
 *
 * Its bitmaps have a bit for each granule of the heap and not for each block: where a pointer leads
 * is then known without looking up the block, and what is to be scanned of a cell of the index
 * comes from a few operations on words of 64 bits. A heap takes 1/128 of its size for each.
 */
#ifndef ANALYZER_REACH_MARK_H
#define ANALYZER_REACH_MARK_H

#include "heapwalk/heap.h"

struct marker;

/* A marker over a heap that uses up to threads (1 at least) threads. Owned by the caller:
 * mark_close. */
struct marker *mark_open(const struct core *core, const struct heap *heap, unsigned threads);
void mark_close(struct marker *m); /* accepts NULL */

/* The blocks with these bits, by id, are to be visited, too. */
void mark_leave(struct marker *m, const uint64_t *bits);

/* Sets the bits, by id, of those that are left; bits are zero beforehand. */
void mark_left(const struct marker *m, uint64_t *bits);

/*
 * The next pass, over what is left. touched: if not NULL, interior pointers hold nothing, and
 * blocks that they lead to get their bit, by id, there: those that are left and others. sum: gains
 * what is visited.
 */
void mark_pass(struct marker *m, uint64_t *touched, struct tally *sum);

/* Each of these looks at pointers; what they hold is scanned by mark_drain. */
void mark_word(struct marker *m, uint64_t word);
void mark_range(struct marker *m, vaddr start, vaddr end); /* the saved words of it */
void mark_block(struct marker *m, vaddr chunk);            /* a block that is left */
void mark_blocks(struct marker *m, const uint64_t *bits);  /* by id; those of them that are left */
/* A block's content will be looked at soon. */
void mark_fetch(const struct marker *m, const struct span *span, vaddr chunk);
void mark_scan(struct marker *m, vaddr chunk); /* a block's words, counting it in sum */

/* Scans until nothing is left to scan. */
void mark_drain(struct marker *m);

/* After mark_drain: memory that only a scan needs goes back to the system, until the next one. */
void mark_rest(struct marker *m);

/*
 * What is left, by cell (span.first_cell and on): a bit for the granule at which a chunk starts.
 * The caller may copy it, clear bits of it, and set them again.
 */
uint64_t *mark_cells(struct marker *m);

/* Counts into another tally from here on; returns the one before. */
struct tally *mark_sum(struct marker *m, struct tally *sum);

/* Bytes of ranges and blocks that were to be scanned and are not in the core. */
uint64_t mark_unread(const struct marker *m);

#endif
