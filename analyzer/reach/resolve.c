/*
 * From words that may be pointers to the granules they lead to, many at a time: first the places of
 * the bits are asked for, then the bits are set. No step waits for memory, and none branches on
 * what it finds. Pointers that are not aligned as blocks are lead into the middle of one, and only
 * for those, few as they are, the index is asked which.
 */
#include "analyzer/reach/marker.h"

/* Where chunks start is not known yet: all words that are alike to span_find have one bit. */
static void hold_back(struct marker *m, const struct span *s, uint64_t word)
{
	struct seat at = { s->first_cell, 1 };
	bool high = false;

	if (s->cell) {
		at = seat_of(s, word - CHUNK_HEADER);
		high = (word & s->size_bits) == s->size_bits;
	} else if (word - CHUNK_HEADER == s->start) {
		find_put(m, m->shared, at.cell, at.bit);
		return;
	} else if (word - CHUNK_HEADER - s->start >= s->usable) {
		return;
	}
	bits_put(m->shared, &m->inner[high][at.cell], at.bit);
}

static void release(struct marker *m, const struct span *s, size_t cell, unsigned into)
{
	uint64_t bits = m->inner[into > 1][s->first_cell + cell];

	for (; bits; bits &= bits - 1)
		resolve_inner_word(m, cell_chunk(s, cell, (unsigned)__builtin_ctzll(bits)) +
		                              CHUNK_HEADER + into);
}

void resolve_held_back(struct marker *m)
{
	struct stretch p;

	for (size_t from = 0; stretch_first(m->heap, from, m->ncells, &p);
	     from = p.span->first_cell + p.end)
		for (size_t c = p.cell; c < p.end; c++) {
			release(m, p.span, c, 1);
			release(m, p.span, c, p.span->size_bits);
		}
}

void resolve_inner_word(struct marker *m, uint64_t word)
{
	const struct span *s = heap_span(m->heap, word - CHUNK_HEADER);
	struct seat at;
	vaddr chunk;
	uint32_t id;

	if (m->early) {
		if (s)
			hold_back(m, s, word);
		return;
	}
	if (!s || !span_find(s, word, &chunk, &id))
		return;
	at = seat_of(s, chunk);
	if (m->touched && word != chunk + CHUNK_HEADER)
		bits_put(m->shared, &m->touched[id >> 6], UINT64_C(1) << (id & 63));
	else
		find_put(m, m->shared, at.cell, at.bit);
}

/* The span around at, kept for next time. A mapping that is one chunk is not kept. */
static struct near *look_around(struct marker *m, vaddr at)
{
	const struct span *s = heap_span(m->heap, at);
	struct near *near = &m->near[at >> HEAP_SLOT_SHIFT & (NEARS - 1)];

	if (s && s->cell)
		*near = (struct near){ s->start, s->end - s->start, (uint64_t)s->first_cell << 6 };
	return near;
}

const struct near *marker_near(struct marker *m, vaddr at)
{
	const struct near *near = &m->near[at >> HEAP_SLOT_SHIFT & (NEARS - 1)];

	return at - near->start < near->size ? near : look_around(m, at);
}

static inline __attribute__((always_inline)) void put_words(struct marker *m, unsigned shift,
                                                            bool shared)
{
	uint64_t granule[BATCH + 260];
	uint64_t inner[BATCH + 260];
	size_t n = 0, ninner = 0;

	for (size_t i = 0; i < m->nwords; i++) {
		vaddr at = m->word[i] - CHUNK_HEADER;
		const struct near *near = &m->near[at >> HEAP_SLOT_SHIFT & (NEARS - 1)];
		bool start;

		if (at - near->start >= near->size)
			near = look_around(m, at);
		at -= near->start;
		start = at < near->size && !(at & ((UINT64_C(1) << shift) - 1));
		granule[n] = near->granule + (at >> shift);
		inner[ninner] = m->word[i];
		if (start)
			__builtin_prefetch(&m->found[granule[n] >> 6], 1);
		n += start;
		ninner += !start;
	}
	for (size_t i = 0; i < n; i++)
		find_put(m, shared, granule[i] >> 6, UINT64_C(1) << (granule[i] & 63));
	for (size_t i = 0; i < ninner; i++)
		resolve_inner_word(m, inner[i]);
}

void resolve_words(struct marker *m)
{
	if (m->grain == 16 && m->shared)
		put_words(m, 4, true);
	else if (m->grain == 16)
		put_words(m, 4, false);
	else
		put_words(m, 3, m->shared);
	m->nwords = 0;
}

void resolve_inner(struct marker *m, const struct span *s, size_t cell)
{
	uint64_t starts = s->cell ? cell_bits(&s->cell[cell]) : 1;
	uint64_t *found = &m->found[s->first_cell + cell];
	uint64_t inner = __atomic_load_n(found, __ATOMIC_RELAXED) & ~starts;

	if (!inner)
		return;
	__atomic_fetch_and(found, ~inner, __ATOMIC_RELAXED);
	for (; inner; inner &= inner - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(inner);

		resolve_inner_word(m, cell_chunk(s, cell, bit) + CHUNK_HEADER);
	}
}
