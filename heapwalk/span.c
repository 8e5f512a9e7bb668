#include "heapwalk/span.h"

void span_set(struct span *span, vaddr at)
{
	uint64_t granule = (at - span->start) >> 4;
	struct cell *c = &span->cell[granule >> 6];
	unsigned bit = granule & 63;

	if (bit < 32)
		c->lo |= UINT32_C(1) << bit;
	else
		c->hi |= UINT32_C(1) << (bit - 32);
}

uint32_t span_rank(struct span *span)
{
	uint32_t n = 0;

	for (size_t i = 0; i < span->ncells; i++) {
		span->cell[i].rank = n;
		n += (uint32_t)__builtin_popcountll(cell_bits(&span->cell[i]));
	}
	span->nchunks = n;
	return n;
}

static bool mmap_find(const struct span *span, vaddr v, vaddr *chunk, uint32_t *id)
{
	if (v - (span->start + 16) >= (span->usable ? span->usable : 1))
		return false;
	*chunk = span->start;
	*id = span->first_id;
	return true;
}

bool span_find(const struct span *span, vaddr v, vaddr *chunk, uint32_t *id)
{
	uint64_t granule, bits, upto;
	size_t cell;

	if (!span->cell)
		return mmap_find(span, v, chunk, id);
	granule = (v - 16 - span->start) >> 4;
	/* the 8 bytes of a next chunk's size field: their granule's successor starts a chunk */
	if (v & 8) {
		uint64_t next = granule + 1;

		if ((next >> 6) >= span->ncells || span->start + (next << 4) >= span->end ||
		    (cell_bits(&span->cell[next >> 6]) >> (next & 63) & 1))
			return false;
	}
	cell = granule >> 6;
	bits = cell_bits(&span->cell[cell]);
	upto = bits & (UINT64_MAX >> (63 - (granule & 63)));
	*id = span->first_id + span->cell[cell].rank + (uint32_t)__builtin_popcountll(upto) - 1;
	while (!upto) {
		if (cell == 0)
			return false;
		upto = cell_bits(&span->cell[--cell]);
	}
	*chunk = span->start + ((cell << 6 | (63u - (unsigned)__builtin_clzll(upto))) << 4);
	return true;
}

vaddr span_next(const struct span *span, vaddr at)
{
	uint64_t granule = (at - span->start + 15) >> 4, bits;
	size_t cell = granule >> 6;

	if (!span->cell)
		return at <= span->start ? span->start : span->end;
	if (cell >= span->ncells)
		return span->end;
	bits = cell_bits(&span->cell[cell]) & (UINT64_MAX << (granule & 63));
	while (!bits) {
		if (++cell >= span->ncells)
			return span->end;
		bits = cell_bits(&span->cell[cell]);
	}
	return span->start + ((cell << 6 | (unsigned)__builtin_ctzll(bits)) << 4);
}
