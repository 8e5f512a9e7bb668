/*
 * span: one contiguous range of chunks and its index: which chunk holds an address, in constant
 * time and 1.2 % of the range. The only arithmetic between addresses and blocks is here.
 *
 *   chunk c            user block (what malloc returned)          next chunk n
 *   |prev_size |size|f |  c+16 ........................... n+8 )  |size|f |
 *   c          c+8     c+16                                n      n+8     n+16
 *
 * The last 8 usable bytes are the next chunk's prev_size field. So user byte a of chunk c satisfies
 * c <= a - 16 < n, but for the 8 bytes of the next size field, which belong to no block.
 *
 * Every chunk (used, free or malloc's own) has an id: its rank in address order over the whole
 * heap. Everything known about blocks is kept as one bit by id.
 */
#ifndef HEAPWALK_SPAN_H
#define HEAPWALK_SPAN_H

#include "formats/core.h"

enum span_kind {
	SPAN_BRK,   /* main arena, grown by brk */
	SPAN_ARENA, /* subheap of another arena, or a main arena region that brk could not give */
	SPAN_MMAP,  /* one mmapped chunk */
};

/* 64 granules of 16 bytes: a bit where a chunk starts, and how many chunks start before. */
struct cell {
	uint32_t rank; /* chunks that start in earlier cells of this span */
	uint32_t lo, hi;
};

struct span {
	vaddr start;         /* address of the first chunk's header */
	vaddr end;           /* end of the last chunk (fenceposts left out) */
	vaddr own_start;     /* what malloc owns of the mapping, headers and reserve included: */
	vaddr own_end;       /* [own_start, own_end) is never a root */
	const uint8_t *mem;  /* bytes of [start, end + 16 or end) in one piece; NULL: not in one piece */
	struct cell *cell;   /* NULL for SPAN_MMAP */
	size_t ncells;
	uint32_t first_id;
	uint32_t nchunks;
	uint32_t arena;      /* index into heap.arena; main is 0. For SPAN_MMAP: 0 */
	enum span_kind kind;
	uint64_t usable;     /* SPAN_MMAP: usable bytes of its block */
};

static inline uint64_t cell_bits(const struct cell *c)
{
	return (uint64_t)c->hi << 32 | c->lo;
}

/* Marks a chunk start at address at (16-aligned relative to start). */
void span_set(struct span *span, vaddr at);
/* Fills in the ranks once all chunks of the span are set; returns their number. */
uint32_t span_rank(struct span *span);

/*
 * Which chunk's user bytes hold v? v must lie in [start + 16, end + 8). Sets *chunk (header
 * address) and *id. False: v lies in a size field or before the first chunk.
 */
bool span_find(const struct span *span, vaddr v, vaddr *chunk, uint32_t *id);

/* Header address of the first chunk at or after at; end if none. Constant time per 1 KiB skipped. */
vaddr span_next(const struct span *span, vaddr at);

#endif
