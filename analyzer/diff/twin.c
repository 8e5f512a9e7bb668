#include "analyzer/diff/twin.h"
#include "analyzer/diff/imprint.h"

#define EACH      2  /* counters, for each block */
#define FEWEST    12 /* log2 of counters */
#define MOST      32
#define SCATTERED UINT64_C(0x9e3779b97f4a7c15) /* 2^64 by the golden ratio */

void twins_make(const struct core *core, const struct heap *heap, struct twins *out)
{
	uint64_t blocks = heap->total[BLOCK_USED].blocks;
	unsigned log = FEWEST;

	while (log < MOST && (UINT64_C(1) << log) / EACH < blocks)
		log++;
	*out = (struct twins){ core, heap, .shift = 64 - log };
	out->count_bytes = (size_t)1 << log;
	out->at_bytes = ((size_t)heap->nchunks + 1) * sizeof(*out->at);
	out->count = mem_lazy(out->count_bytes);
	out->at = mem_lazy(out->at_bytes);
}

void twins_free(struct twins *twins)
{
	mem_lazy_free(twins->count, twins->count_bytes);
	mem_lazy_free(twins->at, twins->at_bytes);
	*twins = (struct twins){ 0 };
}

void twins_note(struct twins *t, const struct block *block)
{
	const struct imprint_side side = { t->core, t->heap, block };
	uint64_t at = imprint_look(&side) * SCATTERED >> t->shift;
	uint8_t n = __atomic_load_n(&t->count[at], __ATOMIC_RELAXED);

	while (n < TWINS_MOST &&
	       !__atomic_compare_exchange_n(&t->count[at], &n, (uint8_t)(n + 1), true,
	                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	t->at[block->id] = (uint32_t)at;
}
