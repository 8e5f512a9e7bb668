/*
 * span: one contiguous range of chunks and its index: which chunk holds an address, in constant
 * time and 1.2 % of the range (2.4 % where blocks are aligned to 8: i386 up to 2.25). The only
 * arithmetic between addresses and blocks is here.
 *
 *   chunk c            user block (what malloc returned)          next chunk n
 *   |prev_size |size|f |  c+16 ........................... n+8 )  |size|f |
 *   c          c+8     c+16                                n      n+8     n+16
 *
 * The last 8 usable bytes are the next chunk's prev_size field. So user byte a of chunk c satisfies
 * c <= a - 16 < n, but for the 8 bytes of the next size field, which belong to no block. The same
 * holds where words have 4 bytes and the size field is at c+12 (layout.h): the last 4 usable bytes
 * are at n+8 then. With memory tags none of the 16 bytes at n belongs to a block.
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

/* 64 granules, of 16 or 8 bytes: a bit where a chunk starts, and how many chunks start before. */
struct cell {
	uint32_t rank; /* chunks that start in earlier cells of this span */
	uint32_t lo, hi;
};

struct span {
	vaddr start; /* address of the first chunk's header */
	vaddr end;   /* end of the last chunk (fenceposts left out) */
	const uint8_t
		*mem; /* bytes of [start, end + 16 or end) in one piece; NULL: not in one piece */
	struct cell *cell; /* NULL for SPAN_MMAP */
	size_t ncells;
	size_t first_cell; /* number among the cells of all spans; SPAN_MMAP: one is kept free */
	uint32_t first_id;
	uint32_t nchunks;
	uint32_t arena; /* index into heap.arena; main is 0. For SPAN_MMAP: 0 */
	enum span_kind kind;
	uint8_t size_at;   /* offset of the size field in a chunk: 16 less a word */
	uint8_t shift;     /* a granule, to which all chunks are aligned, has 1 << shift bytes */
	uint8_t size_bits; /* size_at within a granule */
	/* bytes at a chunk's end that the block would have, and has not: 8 with memory tags, whose
	 * granules the next chunk's header must not share (malloc.c memsize), else 0 */
	uint8_t apart;
	uint64_t usable; /* SPAN_MMAP: usable bytes of its block */
	vaddr own_start; /* what malloc owns of the mapping, headers and reserve included: */
	vaddr own_end;   /* [own_start, own_end) is never a root */
};

/* What the machine and its glibc make of all spans: blocks are aligned to align (16 or 8) bytes. */
static inline void span_form(struct span *span, unsigned size_at, unsigned align)
{
	span->size_at = (uint8_t)size_at;
	span->shift = align == 16 ? 4 : 3;
	span->size_bits = (uint8_t)(size_at & (align - 1));
}

/* Bytes that a cell of the index covers. */
static inline uint64_t span_cell(const struct span *span)
{
	return UINT64_C(64) << span->shift;
}

/* The cell in which a chunk at this address starts, or whose chunks reach over it. */
static inline struct cell *cell_at(const struct span *span, vaddr at)
{
	return &span->cell[(at - span->start) >> (span->shift + 6)];
}

/* Where the chunk of this bit of this cell starts. */
static inline vaddr cell_chunk(const struct span *span, size_t cell, unsigned bit)
{
	return span->start + ((cell << 6 | bit) << span->shift);
}

/* Usable bytes of a chunk whose extent has so many. */
static inline uint64_t span_usable(const struct span *span, uint64_t size)
{
	return size - (16u - span->size_at) - span->apart;
}

static inline uint64_t cell_bits(const struct cell *c)
{
	return (uint64_t)c->hi << 32 | c->lo;
}

/* Marks a chunk start at address at (a granule's start). */
void span_set(struct span *span, vaddr at);
void span_clear(struct span *span, vaddr at); /* takes it back */
/* Fills in the ranks once all chunks of the span are set; returns their number. */
uint32_t span_rank(struct span *span);

/* Bits set in v: portable, as x86-64's baseline has no popcnt instruction. */
static inline uint32_t bit_count(uint64_t v)
{
	v -= v >> 1 & UINT64_C(0x5555555555555555);
	v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
	v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (uint32_t)(v * UINT64_C(0x0101010101010101) >> 56);
}

/* span_find where the chunk starts in an earlier cell than v lies: goes back to it. */
bool span_find_back(const struct span *span, size_t cell, vaddr *chunk);

/*
 * Which chunk's user bytes hold v? v - 16 must lie in [start, end). Sets *chunk (header address)
 * and *id. False: v lies in a size field or before the first chunk.
 */
static inline bool span_find(const struct span *span, vaddr v, vaddr *chunk, uint32_t *id)
{
	uint64_t granule, upto;
	const struct cell *c;

	if (!span->cell) {
		*chunk = span->start;
		*id = span->first_id;
		return v - (span->start + 16) < (span->usable ? span->usable : 1);
	}
	granule = (v - 16 - span->start) >> span->shift;
	/* the bytes of a next chunk's size field: their granule's successor starts a chunk */
	if ((v & 12 && (v & span->size_bits) == span->size_bits) || span->apart) {
		uint64_t next = granule + 1;

		if ((next >> 6) >= span->ncells ||
		    span->start + (next << span->shift) >= span->end ||
		    (cell_bits(&span->cell[next >> 6]) >> (next & 63) & 1))
			return false;
	}
	c = &span->cell[granule >> 6];
	upto = cell_bits(c) & (UINT64_MAX >> (63 - (granule & 63)));
	*id = span->first_id + c->rank + bit_count(upto) - 1;
	if (!upto)
		return span_find_back(span, granule >> 6, chunk);
	*chunk = span->start +
	         (((granule & ~UINT64_C(63)) | (63u - (unsigned)__builtin_clzll(upto)))
	          << span->shift);
	return true;
}

/* Header address of the first chunk at or after at; end if none. Constant time per cell skipped. */
vaddr span_next(const struct span *span, vaddr at);

#endif
