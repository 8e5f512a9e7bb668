/*
 * From words that may be pointers to the blocks they point to, many at a time: first the cells of
 * the index are asked for, then the words where the blocks' bits are, then the bits are set. No
 * step waits for memory, and none branches on what it finds.
 */
#include "analyzer/marker.h"

/* Sets a bit that other threads' bits share a word with. */
static inline __attribute__((always_inline)) void bit_put(bool shared, uint64_t *bits, uint32_t id)
{
	uint64_t *word = &bits[id >> 6], bit = UINT64_C(1) << (id & 63);

	if (!shared)
		*word |= bit;
	else if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit))
		__atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
}

struct seek {
	const struct cell *cell;
	uint64_t word;
	uint32_t first_id;
	unsigned granule; /* within the cell */
};

/* A pointer into a mapping that is one chunk. */
static void find_mmapped(struct marker *m, const struct span *s, uint64_t word)
{
	vaddr chunk;
	uint32_t id;

	if (!span_find(s, word, &chunk, &id))
		return;
	bit_put(m->shared, m->touched && word != chunk + CHUNK_HEADER ? m->touched : m->found, id);
}

/* Which cells the words' targets start in or reach over; asks for them. */
static inline __attribute__((always_inline)) size_t seek_cells(struct marker *m, struct seek *k,
                                                               unsigned shift)
{
	size_t n = 0;

	for (size_t i = 0; i < m->nwords; i++) {
		vaddr at = m->word[i] - CHUNK_HEADER;
		const struct span *s = heap_span(m->heap, at);

		if (!s)
			continue;
		if (!s->cell) {
			find_mmapped(m, s, m->word[i]);
			continue;
		}
		at -= s->start;
		k[n] = (struct seek){ &s->cell[at >> (shift + 6)], m->word[i], s->first_id,
			              at >> shift & 63 };
		__builtin_prefetch(k[n].cell); /* 12 bytes, which may lie in two lines */
		__builtin_prefetch((const uint8_t *)k[n].cell + sizeof(struct cell) - 1);
		n++;
	}
	return n;
}

/* The last word of a granule may be the next chunk's size field, which belongs to no block. */
static bool in_block(const struct marker *m, uint64_t word)
{
	vaddr chunk;
	uint32_t id;

	return span_find(heap_span(m->heap, word - CHUNK_HEADER), word, &chunk, &id);
}

/* A block's id, and whether its start is pointed to. */
struct hit {
	uint32_t id;
	bool exact;
};

/* As span_find, for many words. */
static inline __attribute__((always_inline)) size_t find_hits(struct marker *m,
                                                              const struct seek *k, size_t n,
                                                              struct hit *hit, bool popcnt)
{
	uint64_t inner = m->grain - 1;
	size_t hits = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t bits = cell_bits(k[i].cell), upto = bits << (63 - k[i].granule);
		uint32_t id = k[i].first_id + k[i].cell->rank - 1;

		id += popcnt ? (uint32_t)__builtin_popcountll(upto) : bit_count(upto);
		hit[hits] = (struct hit){ id, upto >> 63 && !(k[i].word & inner) };
		__builtin_prefetch(&m->found[id >> 6], 1);
		hits += !(k[i].word & 12 || m->apart) || in_block(m, k[i].word);
	}
	return hits;
}

static size_t hits_plain(struct marker *m, const struct seek *k, size_t n, struct hit *hit)
{
	return find_hits(m, k, n, hit, false);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static size_t hits_popcnt(struct marker *m, const struct seek *k,
                                                            size_t n, struct hit *hit)
{
	return find_hits(m, k, n, hit, true);
}
#define HITS (__builtin_cpu_supports("popcnt") ? hits_popcnt : hits_plain)
#else
#define HITS hits_plain
#endif

static inline __attribute__((always_inline)) void put_hits(struct marker *m, const struct hit *hit,
                                                           size_t n, bool shared)
{
	uint64_t *inner = m->touched ? m->touched : m->found;

	for (size_t i = 0; i < n; i++)
		bit_put(shared, hit[i].exact ? m->found : inner, hit[i].id);
}

void resolve_words(struct marker *m)
{
	struct seek k[BATCH + 260];
	struct hit hit[BATCH + 260];
	size_t n = m->grain == 16 ? seek_cells(m, k, 4) : seek_cells(m, k, 3);

	n = HITS(m, k, n, hit);
	if (m->shared)
		put_hits(m, hit, n, true);
	else
		put_hits(m, hit, n, false);
	m->nwords = 0;
}
