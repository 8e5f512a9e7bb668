#include "heapwalk/span.h"

void span_set(struct span *span, vaddr at)
{
	uint64_t granule = (at - span->start) >> span->shift;
	struct cell *c = &span->cell[granule >> 6];
	unsigned bit = granule & 63;

	if (bit < 32)
		c->lo |= UINT32_C(1) << bit;
	else
		c->hi |= UINT32_C(1) << (bit - 32);
}

void span_clear(struct span *span, vaddr at)
{
	uint64_t granule = (at - span->start) >> span->shift;
	struct cell *c = &span->cell[granule >> 6];
	unsigned bit = granule & 63;

	if (bit < 32)
		c->lo &= ~(UINT32_C(1) << bit);
	else
		c->hi &= ~(UINT32_C(1) << (bit - 32));
}

uint32_t span_rank(struct span *span)
{
	uint32_t n = 0;

	for (size_t i = 0; i < span->ncells; i++) {
		span->cell[i].rank = n;
		n += bit_count(cell_bits(&span->cell[i]));
	}
	span->nchunks = n;
	return n;
}

bool span_find_back(const struct span *span, size_t cell, vaddr *chunk)
{
	while (cell-- > 0) {
		uint64_t bits = cell_bits(&span->cell[cell]);

		if (bits) {
			*chunk = cell_chunk(span, cell, 63u - (unsigned)__builtin_clzll(bits));
			return true;
		}
	}
	return false;
}

vaddr span_next(const struct span *span, vaddr at)
{
	uint64_t granule = (at - span->start + (UINT64_C(1) << span->shift) - 1) >> span->shift,
		 bits;
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
	return cell_chunk(span, cell, (unsigned)__builtin_ctzll(bits));
}
