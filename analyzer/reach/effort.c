/*
 * Blocks are counted; words that may be pointers to blocks are estimated from samples, which are
 * spread over the heap's memory evenly but for a random part, so that they do not fall into step
 * with an array's elements.
 */
#include "analyzer/reach/effort.h"
#include "analyzer/reach/filter.h"
#include "formats/written.h"

#define BLOCKS_MOST   200000
#define POINTERS_MOST (UINT64_C(6) << 20) /* each takes 50 to 250 ns in one pass or another */
#define SAMPLES       8192
#define SAMPLE        64 /* words */

/* Words of a sample at an address that may be pointers to blocks. */
static size_t pointers_at(const struct core *core, vaddr at, vaddr lo, vaddr hi, size_t *words)
{
	unsigned word = core->machine->word;
	uint64_t some[SAMPLE + 4], saved;
	const uint8_t *p = core_bytes(core, at, &saved);
	size_t n = saved / word < SAMPLE ? saved / word : SAMPLE;

	*words += SAMPLE;
	return p ? filter_pointers(p, n, word, core->machine->pointer_mask, lo, hi - lo, some) : 0;
}

static vaddr end_of(const struct span *s)
{
	return s->cell ? s->end : s->start + s->usable;
}

/* Of the heap, what is no hole of the file: only that has pointers, and it may be a small part. */
static uint64_t bytes_written(const struct core *core, const struct heap *heap)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < heap->nspans; i++) {
		const struct span *s = &heap->span[i];

		for (vaddr stop, at = s->start; core_written(core, &at, end_of(s), &stop);
		     at = stop)
			bytes += stop - at;
	}
	return bytes;
}

struct samples {
	uint64_t step;   /* bytes from sample to sample, about */
	uint64_t next;   /* bytes from here on */
	uint64_t chance; /* the last random number */
	size_t found, words;
};

static void sample(struct samples *s, const struct core *core, const struct heap *heap, vaddr at,
                   uint64_t size)
{
	vaddr lo = heap->span[0].start, hi = heap->span[heap->nspans - 1].end;

	for (; s->next < size; s->next += s->step) {
		uint64_t off;

		s->chance = s->chance * UINT64_C(6364136223846793005) + 1;
		off = (s->next + (s->chance >> 32) % s->step) % size;
		s->found += pointers_at(core, at + round_down(off, sizeof(uint64_t)), lo, hi,
		                        &s->words);
	}
	s->next -= size;
}

static uint64_t estimate(const struct core *core, const struct heap *heap)
{
	uint64_t bytes = bytes_written(core, heap);
	struct samples s = { .step = bytes / SAMPLES + 1, .chance = 1 };

	for (size_t i = 0; i < heap->nspans; i++) {
		vaddr end = end_of(&heap->span[i]);

		for (vaddr stop, at = heap->span[i].start; core_written(core, &at, end, &stop);
		     at = stop)
			sample(&s, core, heap, at, stop - at);
	}
	return s.words ? (uint64_t)((double)s.found / (double)s.words * (double)bytes /
	                            core->machine->word)
	               : 0;
}

static bool is_small(const struct core *core, const struct heap *heap)
{
	if (heap->total[BLOCK_USED].blocks > BLOCKS_MOST)
		return false;
	return !heap->nspans || estimate(core, heap) <= POINTERS_MOST;
}

bool effort_is_small(struct analysis *a)
{
	if (!a->has_effort)
		a->small = is_small(a->core, analysis_heap(a));
	a->has_effort = true;
	return a->small;
}
