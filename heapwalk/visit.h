/*
 * visit: looking at a heap's chunks while they are walked, that is while their memory is in the
 * cache. What is known then is where chunks start and which are in use by their headers. Chunks in
 * tcaches and fastbins are, too, and malloc's own: only later is it known which those are.
 */
#ifndef HEAPWALK_VISIT_H
#define HEAPWALK_VISIT_H

#include "heapwalk/heap.h"

#define VISIT_CELLS 1024 /* of which a visitor is told together, by number: within a cache */

/* What a chunk that is in use by its header, and is none, looks like. */
struct parking {
	unsigned word;
	unsigned loose;        /* bits that no chunk's address has: its alignment less one */
	bool safe_linking;   /* links are stored as (their address >> 12) ^ link, for certain */
	uint64_t own, owned; /* sizes of chunks that may hold a tcache_perthread_struct */
	vaddr lo, hi;        /* blocks lie there */
};

struct visitor {
	void *of;
	/*
	 * Before the walk: heap has its spans, which stand for the regions to be walked and
	 * may reach further than their chunks do, owned, tp, pthread, ncells, and no chunk.
	 * Valid until the walk ends. The visitor may keep heap, not its arrays.
	 */
	void (*begin)(void *of, const struct heap *heap, const struct parking *parking);
	/*
	 * Chunks were walked that start in cells [first, end) of this span, up to span.end, one
	 * after the other; of used, bit from is that of the first of them: set if it is in use by
	 * its header. Cell end is only the caller's to read. By several threads at a time, for
	 * different cells, nearly in address order. The span is valid during the call.
	 */
	void (*walked)(void *of, const struct span *span, size_t first, size_t end,
	               const uint64_t *used, uint32_t from);
};

/*
 * May the chunk, whose bytes from its header on are at p, wait in a tcache or fastbin, or be a
 * tcache? Never false for one that does; there has to be a word behind its header.
 *
 * glibc before 2.32 stores links as they are; then zeroes look like the end of a list, and what
 * tcaches took has a pointer behind the link from 2.29 on (malloc.c tcache_put).
 */
static inline bool chunk_may_be_parked(const struct parking *k, vaddr chunk, const uint8_t *p)
{
	uint64_t size = load_word(p + chunk_size_at(k->word), k->word) & ~(uint64_t)CHUNK_FLAGS;
	uint64_t raw = load_word(p + CHUNK_HEADER, k->word);
	uint64_t next = raw ^ (chunk + CHUNK_HEADER) >> 12;

	if (size >= k->own && size <= k->owned)
		return true;
	if (!next || (!(next & k->loose) && next - k->lo <= k->hi - k->lo))
		return true;
	return !k->safe_linking && (!raw || (!(raw & k->loose) && raw - k->lo <= k->hi - k->lo));
}

#endif
