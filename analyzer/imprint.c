#include "analyzer/imprint.h"

#define HEAP_POINTER UINT64_C(0x9e3779b97f4a7c15) /* stands for any of them */

static const uint8_t lane_of[16] = { 0, 1, 2, 3, 4, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6 };

static inline void add(uint64_t *lane, uint64_t word)
{
	uint64_t h = (*lane ^ word) * UINT64_C(0xbf58476d1ce4e5b9);

	*lane = h ^ h >> 29;
}

static void take_words(const struct core *core, const struct heap *heap, const uint8_t *p, size_t n,
                       struct imprint *out)
{
	unsigned wide = core->machine->word;

	for (size_t i = 0; i < n; i++) {
		uint64_t word = load_word(p + i * wide, wide);

		/* what is below the first page is no pointer, and most words are that */
		if (word >= 4096 && heap_span(heap, core_pointer(core, word)))
			word = HEAP_POINTER;
		add(&out->lane[i < 16 ? lane_of[i] : 7], word);
	}
}

bool imprint_take(const struct core *core, const struct heap *heap, const struct block *block,
                  struct imprint *out)
{
	const struct span *span = block->span;
	unsigned wide = core->machine->word;
	size_t n = block->size / wide < IMPRINT_WORDS ? (size_t)(block->size / wide)
	                                              : IMPRINT_WORDS;
	uint8_t copy[IMPRINT_WORDS * 8];

	*out = (struct imprint){ 0 };
	if (span->mem && range_holds(span->start, span->end, block->addr, n * wide)) {
		take_words(core, heap, span->mem + (block->addr - span->start), n, out);
		return true;
	}
	if (!core_read(core, block->addr, copy, n * wide))
		return false;
	take_words(core, heap, copy, n, out);
	return true;
}

unsigned imprint_compare(const struct imprint *a, const struct imprint *b)
{
	unsigned same = 0;

	for (unsigned i = 0; i < IMPRINT_LANES; i++)
		same |= (unsigned)(a->lane[i] == b->lane[i]) << i;
	return same;
}

uint64_t imprint_seal(const struct imprint *imprint, const struct siphash_key *key, vaddr addr)
{
	uint64_t sealed = 0;

	for (unsigned i = 0; i < IMPRINT_LANES; i++) {
		const uint64_t words[3] = { addr, i, imprint->lane[i] };

		sealed |= (siphash(key, words, 3) & 0xff) << (8 * i);
	}
	return sealed;
}

unsigned imprint_compare_sealed(uint64_t a, uint64_t b)
{
	uint64_t differ = a ^ b;
	unsigned same = 0;

	for (unsigned i = 0; i < IMPRINT_LANES; i++)
		same |= (unsigned)((differ >> (8 * i) & 0xff) == 0) << i;
	return same;
}
