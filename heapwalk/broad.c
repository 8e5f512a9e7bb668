#include "heapwalk/broad.h"

/* The chunk whose extent covers the empty cells [from, to). */
static void take(const struct span *s, size_t from, size_t to, struct broad *b)
{
	const struct cell *front = &s->cell[from - 1];
	uint64_t bits = cell_bits(front);
	unsigned last = 63u - (unsigned)__builtin_clzll(bits);

	b->chunk = cell_chunk(s, from - 1, last);
	b->end = s->end;
	if (to < s->ncells)
		b->end = cell_chunk(s, to, (unsigned)__builtin_ctzll(cell_bits(&s->cell[to])));
	b->id = s->first_id + front->rank + bit_count(bits) - 1;
}

bool broad_next(const struct span *s, size_t *at, struct broad *b)
{
	for (size_t i = *at ? *at : 1; i < s->ncells; i++) {
		size_t from = i;

		if (cell_bits(&s->cell[i]))
			continue;
		while (i < s->ncells && !cell_bits(&s->cell[i]))
			i++;
		if (!cell_bits(&s->cell[from - 1])) /* a span begins with a chunk */
			continue;
		take(s, from, i, b);
		if (b->end - b->chunk < BROAD_LEAST)
			continue;
		*at = i;
		return true;
	}
	*at = s->ncells;
	return false;
}
