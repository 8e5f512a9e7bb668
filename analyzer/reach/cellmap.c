#include "analyzer/reach/cellmap.h"
#include "formats/crew.h"

#define PIECE 65536 /* cells that a thread takes at a time */

/* The last span with a cell of number below to; first_cell rises from span to span, and there may
 * be numbers between two that no cell has. */
static size_t span_below(const struct heap *h, size_t to)
{
	return first_where(i, 1, h->nspans, h->span[i].first_cell >= to) - 1;
}

static bool stretch_of(const struct heap *h, size_t i, size_t from, size_t to, struct stretch *out)
{
	const struct span *s = &h->span[i];
	size_t n = s->cell ? s->ncells : 1, first = s->first_cell;

	if (first >= to || first + n <= from)
		return false;
	*out = (struct stretch){ s, from > first ? from - first : 0,
		                 to - first < n ? to - first : n };
	return true;
}

bool stretch_last(const struct heap *heap, size_t from, size_t to, struct stretch *out)
{
	return from < to && heap->nspans && stretch_of(heap, span_below(heap, to), from, to, out);
}

bool stretch_first(const struct heap *heap, size_t from, size_t to, struct stretch *out)
{
	size_t i;

	if (from >= to || !heap->nspans)
		return false;
	i = span_below(heap, from + 1);
	return stretch_of(heap, i, from, to, out) ||
	       (i + 1 < heap->nspans && stretch_of(heap, i + 1, from, to, out));
}

/* The n (<= 64) bits from this id on. */
static uint64_t bits_from(const uint64_t *ids, uint32_t id, uint32_t n)
{
	unsigned shift = id & 63;
	uint64_t some = ids[id >> 6] >> shift;

	if (shift + n > 64)
		some |= ids[(id >> 6) + 1] << (64 - shift);
	return n < 64 ? some & ((UINT64_C(1) << n) - 1) : some;
}

/* Puts the low bits of some at the places of the bits of starts, in order. */
static uint64_t spread(uint64_t some, uint64_t starts)
{
	uint64_t at = 0;

	for (; some; some >>= 1, starts &= starts - 1) /* no branch on what is as good as random */
		at |= starts & -starts & -(some & 1);
	return at;
}

uint64_t cellmap_of_ids(const uint64_t *ids, uint32_t id, uint32_t n, uint64_t starts)
{
	uint64_t some = n ? bits_from(ids, id, n) : 0;

	return n < 64 && some == (UINT64_C(1) << n) - 1 ? starts : spread(some, starts);
}

struct spreading {
	const struct heap *heap;
	const uint64_t *ids;
	uint64_t *cells;
};

/* Cells [c, end) of a span. */
static void spread_span(const struct spreading *k, const struct span *s, size_t c, size_t end)
{
	uint64_t *cell = k->cells + s->first_cell;

	if (!s->cell)
		*cell |= bit_get(k->ids, s->first_id);
	for (; s->cell && c < end; c++) {
		uint64_t starts = cell_bits(&s->cell[c]);
		uint32_t n = (c + 1 < s->ncells ? s->cell[c + 1].rank : s->nchunks) -
		             s->cell[c].rank;
		uint64_t some = cellmap_of_ids(k->ids, s->first_id + s->cell[c].rank, n, starts);

		if (some) /* what is not written takes no memory */
			cell[c] |= some;
	}
}

/* Cells of these numbers, of whatever spans. */
static void spread_cells(void *spreading, size_t first, size_t end)
{
	const struct spreading *k = spreading;
	struct stretch p;

	for (; stretch_first(k->heap, first, end, &p); first = p.span->first_cell + p.end)
		spread_span(k, p.span, p.cell, p.end);
}

void cellmap_from_ids(const struct heap *heap, const uint64_t *ids, unsigned threads,
                      uint64_t *cells)
{
	struct spreading k = { heap, ids, cells };

	crew_share(threads, heap->ncells, PIECE, spread_cells, &k);
}

void cellmap_to_ids(const struct heap *heap, const uint64_t *cells, uint64_t *ids)
{
	for (size_t i = 0; i < heap->nspans; i++) {
		const struct span *s = &heap->span[i];
		const uint64_t *cell = cells + s->first_cell;

		if (!s->cell && *cell & 1)
			bit_set(ids, s->first_id);
		for (size_t c = 0; c < s->ncells; c++) {
			uint64_t starts, bits;

			if (!cell[c])
				continue;
			starts = cell_bits(&s->cell[c]);
			for (bits = cell[c] & starts; bits; bits &= bits - 1)
				bit_set(ids, s->first_id + s->cell[c].rank +
				                     bit_count(starts & (bits ^ (bits - 1)) >> 1));
		}
	}
}
