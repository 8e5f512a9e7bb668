/*
 * Blocks are counted; words that may be pointers to blocks are estimated from samples, which are
 * spread over the heap's memory evenly but for a random part, so that they do not fall into step
 * with an array's elements.
 */
#include "analyzer/reach/effort.h"
#include "analyzer/reach/filter.h"

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

static uint64_t bytes_of(const struct span *s)
{
	return s->cell ? s->end - s->start : s->usable;
}

static uint64_t estimate(const struct core *core, const struct heap *heap)
{
	vaddr lo = heap->span[0].start, hi = heap->span[heap->nspans - 1].end;
	uint64_t bytes = 0, step, next, chance = 1;
	size_t found = 0, words = 0;

	for (size_t i = 0; i < heap->nspans; i++)
		bytes += bytes_of(&heap->span[i]);
	step = bytes / SAMPLES + 1;
	next = 0;
	for (size_t i = 0; i < heap->nspans; i++) {
		uint64_t size = bytes_of(&heap->span[i]);

		for (; next < size; next += step) {
			chance = chance * UINT64_C(6364136223846793005) + 1;
			found += pointers_at(
				core,
				heap->span[i].start +
					round_down((next + (chance >> 32) % step) % size,
			                           sizeof(uint64_t)),
				lo, hi, &words);
		}
		next -= size;
	}
	return words ? (uint64_t)((double)found / (double)words * (double)bytes /
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
