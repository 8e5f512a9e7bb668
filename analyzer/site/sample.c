#include "analyzer/site/sample.h"

#define LOOKED    (2 * SAMPLE_MOST) /* blocks of one kind whose headers are read */
#define KIND_MOST 1024              /* of one size that are picked */

enum { LEAKED, OTHER, KINDS };

/* How many blocks of one size there are in each kind. */
struct of_size {
	uint64_t size; /* 0: empty */
	uint64_t n[KINDS], seen[KINDS];
};

struct sizes {
	struct of_size *v; /* open addressing */
	size_t cap, n;
};

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 33) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static struct of_size *slot_of(const struct sizes *s, uint64_t size)
{
	size_t i = (size_t)mix(size) & (s->cap - 1);

	while (s->v[i].size && s->v[i].size != size)
		i = (i + 1) & (s->cap - 1);
	return &s->v[i];
}

static struct of_size *size_of(struct sizes *s, uint64_t size)
{
	struct of_size *at;

	if (s->n * 2 >= s->cap) {
		struct sizes bigger = { .cap = s->cap ? s->cap * 2 : 1024, .n = s->n };

		bigger.v = mem_alloc(bigger.cap, sizeof(*bigger.v));
		for (size_t i = 0; i < s->cap; i++)
			if (s->v[i].size)
				*slot_of(&bigger, s->v[i].size) = s->v[i];
		mem_free(s->v);
		*s = bigger;
	}
	at = slot_of(s, size);
	s->n += !at->size;
	at->size = size;
	return at;
}

/* Blocks of verdicts; where there are many, those of some runs of 64 only: they are neighbours. */
static uint64_t *looked_at(const struct heap *heap, const struct reach *reach, unsigned verdicts)
{
	uint64_t *bits = reach_bits(reach, verdicts), n = 0, keep;
	size_t words = ((size_t)heap->nchunks + 63) / 64;

	for (size_t i = 0; i < words; i++)
		n += (uint64_t)__builtin_popcountll(bits[i]);
	keep = n > LOOKED ? n / LOOKED + 1 : 1; /* one in so many */
	for (size_t i = 0; i < words; i++)
		if (bits[i] && mix(i + 1) % keep)
			bits[i] = 0;
	return bits;
}

static void count(const struct heap *heap, const uint64_t *bits, unsigned kind, struct sizes *sizes)
{
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next_set(heap, bits, &it, &b))
		if (b.state == BLOCK_USED)
			size_of(sizes, b.size)->n[kind]++;
}

static uint64_t picked(const struct sizes *sizes, uint64_t most)
{
	uint64_t n = 0;

	for (size_t i = 0; i < sizes->cap; i++)
		for (unsigned k = 0; k < KINDS; k++)
			n += sizes->v[i].n[k] < most ? sizes->v[i].n[k] : most;
	return n;
}

/* Spread evenly over those that there are. */
static void pick(const struct heap *heap, const uint64_t *bits, unsigned kind,
                 const struct sizes *sizes, uint64_t most, uint64_t *out)
{
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next_set(heap, bits, &it, &b)) {
		struct of_size *s = b.state == BLOCK_USED ? slot_of(sizes, b.size) : NULL;
		uint64_t at = s ? s->seen[kind]++ : 0;

		if (s &&
		    (s->n[kind] <= most || at * most / s->n[kind] != (at + 1) * most / s->n[kind]))
			bit_set(out, b.id);
	}
}

uint64_t *site_sample(const struct heap *heap, const struct reach *reach)
{
	uint64_t *out = mem_lazy(heap->bits_bytes), *bits[KINDS], most = KIND_MOST;
	struct sizes sizes = { 0 };

	bits[LEAKED] = looked_at(heap, reach, 1u << REACH_DEFINITE | 1u << REACH_INDIRECT);
	bits[OTHER] = looked_at(heap, reach, 1u << REACH_REACHABLE | 1u << REACH_POSSIBLE);
	for (unsigned k = 0; k < KINDS; k++)
		count(heap, bits[k], k, &sizes);
	while (most > 1 && picked(&sizes, most) > SAMPLE_MOST)
		most /= 2;
	for (unsigned k = 0; k < KINDS; k++) {
		pick(heap, bits[k], k, &sizes, most, out);
		mem_lazy_free(bits[k], heap->bits_bytes);
	}
	mem_free(sizes.v);
	return out;
}
