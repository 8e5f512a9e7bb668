#include "analyzer/reach/fill.h"
#include "analyzer/reach/filter.h"

#define CLOSE 1024 /* cells before and behind: what is pointed to there is found at once */

/* Bit i of a 32-bit number goes to bit 2i. */
static uint64_t twice(uint64_t v)
{
	v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
	v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v | v << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	v = (v | v << 2) & UINT64_C(0x3333333333333333);
	return (v | v << 1) & UINT64_C(0x5555555555555555);
}

/* Asks for the cache lines that have granules of it, and no other. */
static inline __attribute__((always_inline)) void fetch(const struct fill *f, unsigned grain)
{
	const uint8_t *p = f->span->mem;
	uint64_t line;
	unsigned skip;

	if (!p)
		return;
	p += f->cell * 64 * grain + CHUNK_HEADER;
	skip = (unsigned)((uintptr_t)p % 64 / grain); /* granules of p's line that lie before p */
	p -= skip * grain;
	line = f->fill << skip;
	if (skip && f->fill >> (64 - skip))
		__builtin_prefetch(p + 64 * grain, 0, 0);
	line |= line >> 1;
	line |= line >> 2;
	if (grain == 8)
		line |= line >> 4;
	line &= grain == 8 ? UINT64_C(0x0101010101010101) : UINT64_C(0x1111111111111111);
	for (; line; line &= line - 1)
		__builtin_prefetch(p + grain * (unsigned)__builtin_ctzll(line), 0, 0);
}

/* A word: while the heap is walked, the span has all of them up to its end, and one more. */
static bool read_kept(const struct marker *m, const struct span *s, vaddr at, uint8_t *word)
{
	if (!m->early || !s->mem || at > s->end)
		return core_read(m->core, at, word, m->width);
	memcpy(word, s->mem + (at - s->start), m->width);
	return true;
}

/* The words that are kept of a cell, where not all of it lies in the core in one piece. */
static void copy_kept(struct marker *m, vaddr at, const struct fill *f, uint8_t *copy)
{
	memset(copy, 0, CELL);
	for (unsigned i = 0; i < 64 * m->grain; i += m->width) {
		unsigned g = i / m->grain;
		bool last = i + m->width == (g + 1) * m->grain;

		if (f->fill >> g & 1 && !(last && f->stops >> g & 1) &&
		    !read_kept(m, f->span, at + i, copy + i))
			m->unread += m->width;
	}
}

/*
 * Of the n words from m->word[m->nwords] on, those that lead to where blocks may start close to the
 * cell need not wait: their bits are in the cache, and what lies ahead is still scanned on this
 * very way, which goes on and on in a heap whose blocks point to the ones allocated next.
 */
static inline __attribute__((always_inline)) void put_close(struct marker *m, const struct fill *f,
                                                            size_t n, bool shared)
{
	const struct span *s = f->span;
	vaddr lo = s->start + (f->cell < CLOSE ? 0 : (f->cell - CLOSE) * span_cell(s));
	vaddr size = 2 * CLOSE * span_cell(s);
	uint64_t *word = m->word + m->nwords;
	size_t far = 0;

	if (size > s->end - lo)
		size = s->end - lo;
	for (size_t i = 0; i < n; i++) {
		vaddr at = word[i] - CHUNK_HEADER;
		struct seat seat;

		if (at - lo >= size || at & (m->grain - 1)) {
			word[far++] = word[i];
			continue;
		}
		seat = seat_of(s, at);
		find_put(m, shared, seat.cell, seat.bit);
	}
	m->nwords += far;
}

/* Its words, but for the size fields, which are the last ones of their granules. */
static void scan_fill(struct marker *m, const struct fill *f)
{
	const struct span *s = f->span;
	uint64_t second = f->fill & ~f->stops, keep[2];
	uint64_t cell = 64 * m->grain, from = f->cell * cell + CHUNK_HEADER;
	uint64_t *out = m->word + m->nwords;
	uint8_t copy[CELL];
	size_t n;
	const uint8_t *p;

	if (s->mem && from + cell <= s->end - s->start) {
		p = s->mem + from;
	} else {
		copy_kept(m, s->start + from, f, copy);
		p = copy;
	}
	if (m->width == 8) {
		keep[0] = twice(f->fill & UINT32_MAX) | twice(second & UINT32_MAX) << 1;
		keep[1] = twice(f->fill >> 32) | twice(second >> 32) << 1;
		n = filter_kept(p, keep, m->mask, m->lo, m->hi - m->lo, out);
	} else {
		n = filter_granules(p, f->fill, f->stops, m->grain, m->lo, m->hi - m->lo, out);
	}
	if (m->shared)
		put_close(m, f, n, true);
	else
		put_close(m, f, n, false);
	if (m->nwords >= BATCH)
		resolve_words(m);
}

static void scan_oldest(struct marker *m, struct fills *q)
{
	scan_fill(m, &q->v[q->first]);
	q->first = (q->first + 1) % FILLS;
	q->n--;
}

void fills_add(struct marker *m, struct fills *q, const struct fill *f)
{
	if (m->grain == 16)
		fetch(f, 16);
	else
		fetch(f, 8);
	if (q->n == FILLS)
		scan_oldest(m, q);
	q->v[(q->first + q->n++) % FILLS] = *f;
}

void fills_end(struct marker *m, struct fills *q)
{
	while (q->n)
		scan_oldest(m, q);
	resolve_words(m);
}
