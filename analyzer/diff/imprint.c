#include "analyzer/diff/imprint.h"

#define POINTER UINT64_C(0x9e3779b97f4a7c15) /* stands for any of them */
#define LOWEST  65536                        /* no memory is mapped below: Linux vm.mmap_min_addr */

static const uint8_t lane_of[16] = { 0, 1, 2, 3, 4, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6 };

static inline void add(uint64_t *lane, uint64_t word)
{
	uint64_t h = (*lane ^ word) * UINT64_C(0xbf58476d1ce4e5b9);

	*lane = h ^ h >> 29;
}

static bool is_pointer(const struct core *core, const struct heap *heap, uint64_t word)
{
	const struct segment *s;
	vaddr at = core_pointer(core, word);

	if (at < LOWEST || at >> HEAP_SLOT_BITS) /* so are most words */
		return false;
	if (heap_span(heap, at))
		return true;
	s = core_segment(core, at);
	return s && (s->flags & SEG_W) && s->file < 0;
}

static void take_words(const struct core *core, const struct heap *heap, const uint8_t *p, size_t n,
                       struct imprint *out)
{
	unsigned wide = core->machine->word;

	for (size_t i = 0; i < n; i++) {
		uint64_t word = load_word(p + i * wide, wide);

		if (is_pointer(core, heap, word))
			word = POINTER;
		add(&out->lane[i < 16 ? lane_of[i] : 7], word);
	}
}

/* Of the block's words, how many are looked at. */
static size_t words_of(const struct core *core, const struct block *block)
{
	uint64_t n = block->size / core->machine->word;

	return n < IMPRINT_WORDS ? (size_t)n : IMPRINT_WORDS;
}

/* So many bytes of it, in place or in copy; NULL: not all of them are in the core. */
static const uint8_t *bytes_of(const struct core *core, const struct block *block, size_t bytes,
                               uint8_t copy[IMPRINT_WORDS * 8])
{
	const struct span *span = block->span;

	if (span->mem && range_holds(span->start, span->end, block->addr, bytes))
		return span->mem + (block->addr - span->start);
	return core_read(core, block->addr, copy, bytes) ? copy : NULL;
}

bool imprint_take(const struct core *core, const struct heap *heap, const struct block *block,
                  struct imprint *out)
{
	uint8_t copy[IMPRINT_WORDS * 8];
	size_t n = words_of(core, block);
	const uint8_t *bytes = bytes_of(core, block, n * core->machine->word, copy);

	*out = (struct imprint){ 0 };
	if (bytes)
		take_words(core, heap, bytes, n, out);
	return bytes != NULL;
}

unsigned imprint_compare_blocks(const struct imprint_side *a, const struct imprint_side *b,
                                bool *equal)
{
	uint8_t first[IMPRINT_WORDS * 8], second[IMPRINT_WORDS * 8];
	unsigned wide = a->core->machine->word, same = IMPRINT_SAME | IMPRINT_TARGETS;
	size_t n = words_of(a->core, a->block);
	const uint8_t *x = bytes_of(a->core, a->block, n * wide, first);
	const uint8_t *y = bytes_of(b->core, b->block, n * wide, second);

	*equal = false;
	if (!x || !y)
		return same;
	if (!memcmp(x, y, n * wide)) { /* most pairs are the same to the byte */
		*equal = a->block->size == n * wide;
		return same;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t v = load_word(x + i * wide, wide), w = load_word(y + i * wide, wide);
		unsigned lane = i < 16 ? lane_of[i] : 7;

		if (v == w)
			continue;
		if (is_pointer(a->core, a->heap, v) && is_pointer(b->core, b->heap, w))
			same &= ~IMPRINT_TARGETS;
		else
			same &= ~(1u << lane);
	}
	return same;
}

uint64_t imprint_look(const struct imprint_side *side)
{
	uint8_t copy[IMPRINT_WORDS * 8];
	const struct heap *heap = side->heap;
	unsigned wide = side->core->machine->word;
	size_t n = words_of(side->core, side->block);
	const uint8_t *p = bytes_of(side->core, side->block, n * wide, copy);
	vaddr low = heap->span[0].start, high = heap->span[heap->nspans - 1].end;
	uint64_t look = side->block->size;

	for (size_t i = 0; p && i < n; i++) {
		uint64_t word = load_word(p + i * wide, wide);

		add(&look, core_pointer(side->core, word) - low < high - low ? POINTER : word);
	}
	return p ? look | 1 : 0;
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
