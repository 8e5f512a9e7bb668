#include "analyzer/graph/blockmap.h"

static void add_span(struct blockmap *m, const struct span *s)
{
	for (size_t i = 0; s->cell && i < s->ncells; i++) {
		uint32_t id = s->first_id + s->cell[i].rank;
		uint32_t end = id + bit_count(cell_bits(&s->cell[i]));

		if (id < end && (id & 63) + (end - id) > 64) /* 64 chunks a cell: one multiple */
			m->cell[(id >> 6) + 1] = (uint32_t)i;
		else if (id < end && !(id & 63))
			m->cell[id >> 6] = (uint32_t)i;
	}
}

void blockmap_make(const struct heap *heap, struct blockmap *out)
{
	*out = (struct blockmap){ .heap = heap };
	out->cell = mem_alloc((size_t)heap->nchunks / 64 + 2, sizeof(*out->cell));
	for (size_t i = 0; i < heap->nspans; i++)
		add_span(out, &heap->span[i]);
}

void blockmap_free(struct blockmap *m)
{
	mem_free(m->cell);
	*m = (struct blockmap){ 0 };
}

bool blockmap_at(const struct blockmap *m, uint32_t id, struct block *b)
{
	const struct span *s = heap_span_of(m->heap, id);
	uint32_t at = id >> 6;
	size_t lo = 0, hi;
	uint64_t chunks;

	if (!s)
		return false;
	if (!s->cell)
		return heap_find(m->heap, s->start + CHUNK_HEADER, b);
	if (at << 6 >= s->first_id)
		lo = m->cell[at];
	hi = s->ncells;
	if (((uint64_t)at + 1) << 6 < (uint64_t)s->first_id + s->nchunks)
		hi = (size_t)m->cell[at + 1] + 1;
	lo = first_where(i, lo + 1, hi, s->cell[i].rank > id - s->first_id) - 1;
	chunks = cell_bits(&s->cell[lo]);
	for (uint32_t skip = id - s->first_id - s->cell[lo].rank; skip; skip--)
		chunks &= chunks - 1;
	return chunks &&
	       heap_find(m->heap,
	                 cell_chunk(s, lo, (unsigned)__builtin_ctzll(chunks)) + CHUNK_HEADER, b);
}
