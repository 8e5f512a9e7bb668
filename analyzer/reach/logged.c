/*
 * Blocks that the walk of a heap left behind, as nothing led to them yet: their words go to the log
 * while they are in memory, and come from there when they are found.
 */
#include "analyzer/reach/filter.h"
#include "analyzer/reach/marker.h"
#include "formats/written.h"

#define MOST    4096                 /* edges of a block that are logged */
#define WAITING 64                   /* blocks that wait together */
#define FILTER  64                   /* words looked at together */
#define LONG    (UINT64_C(64) << 10) /* bytes of a block that are worth reading from the file */

#define GAP 32 /* cells that are read from disk rather than left out */

/* ---- writing ---- */

/* Where a word leads. False: to no block. */
static bool edge_of(struct marker *m, uint64_t word, edge *out)
{
	const struct near *near = marker_near(m, word - CHUNK_HEADER);
	vaddr at = word - CHUNK_HEADER - near->start;
	const struct span *s;

	if (at < near->size) {
		*out = (near->granule + at / m->grain) << 4 | (at & (m->grain - 1));
		return true;
	}
	s = heap_span(m->heap, word - CHUNK_HEADER);
	if (!s || s->cell || word - CHUNK_HEADER - s->start >= s->usable)
		return false;
	*out = (uint64_t)s->first_cell << 10 | (word - CHUNK_HEADER != s->start);
	return true;
}

/* What is found to be held already needs no other holder. */
static bool is_news(const struct marker *m, edge e)
{
	uint64_t granule = edge_granule(e);

	return e & 15 ||
	       !(__atomic_load_n(&m->found[granule >> 6], __ATOMIC_RELAXED) >> (granule & 63) & 1);
}

/* Blocks whose edges wait until it is known which of them are news. */
struct batch {
	struct waiting {
		size_t cell, n;
		unsigned bit;
	} block[WAITING];
	size_t nblocks, nedges;
	edge edge[2 * MOST];
};

/* The edges of a block wait. False: there are too many. */
static bool add_edges(struct marker *m, const uint8_t *p, uint64_t bytes, struct batch *b)
{
	edge *out = b->edge + b->nedges;
	uint64_t some[FILTER + 4];
	size_t n = 0;

	while (bytes >= m->width) {
		size_t take = bytes < m->width * FILTER ? bytes / m->width : FILTER;
		size_t kept = marker_filter(m, p, take, some);

		if (kept > MOST - n)
			return false;
		for (size_t i = 0; i < kept; i++) {
			bool leads = edge_of(m, some[i], &out[n]);

			if (leads)
				__builtin_prefetch(&m->found[edge_granule(out[n]) >> 6]);
			n += leads;
		}
		p += m->width * take;
		bytes -= m->width * take;
	}
	b->nedges += n;
	b->block[b->nblocks - 1].n = n;
	return true;
}

static void write_batch(const struct marker *m, struct pen *pen, struct batch *b)
{
	edge *e = b->edge;

	for (size_t i = 0; i < b->nblocks; i++) {
		const struct waiting *w = &b->block[i];
		size_t news = 0;

		for (size_t k = 0; k < w->n; k++)
			if (is_news(m, e[k]))
				e[news++] = e[k];
		pen_block(pen, w->cell, w->bit, e, news);
		e += w->n;
	}
	b->nblocks = b->nedges = 0;
}

/* Where the block ends that starts in cell c with this bit; a foreign cell is not read. */
static vaddr block_end(const struct marker *m, const struct span *s, size_t c, unsigned bit)
{
	uint64_t more = cell_bits(&s->cell[c]) & ~(UINT64_MAX >> (63 - bit));

	while (!more && ++c < s->ncells && c < m->foreign)
		more = cell_bits(&s->cell[c]);
	return more ? cell_chunk(s, c, (unsigned)__builtin_ctzll(more)) : s->end;
}

static void log_block(struct marker *m, struct pen *pen, const struct span *s, size_t c,
                      unsigned bit, struct batch *b)
{
	vaddr chunk = cell_chunk(s, c, bit);
	uint64_t bytes = span_usable(s, block_end(m, s, c, bit) - chunk);

	if (b->nblocks == WAITING || b->nedges > MOST)
		write_batch(m, pen, b);
	b->block[b->nblocks++] = (struct waiting){ .cell = s->first_cell + c, .bit = bit };
	if (s->mem && (m->fed || bytes <= LONG) &&
	    add_edges(m, s->mem + (chunk + CHUNK_HEADER - s->start), bytes, b))
		return;
	b->nblocks--;
	write_batch(m, pen, b); /* what is written of a group comes in order */
	pen_give_up(pen, s->first_cell + c);
}

void log_left(struct marker *m, struct pen *pen, const struct span *s, size_t c, size_t end)
{
	struct batch b;

	b.nblocks = b.nedges = 0;
	for (; c < end; c++)
		for (uint64_t left = m->left[s->first_cell + c]; left; left &= left - 1)
			log_block(m, pen, s, c, (unsigned)__builtin_ctzll(left), &b);
	write_batch(m, pen, &b);
}

/* ---- reading ---- */

/* What an edge leads to becomes found, or touched. */
static void put_edge(struct marker *m, edge e)
{
	uint64_t granule = edge_granule(e);

	if (e & 15)
		resolve_inner_word(m, edgelog_word(m->log, e));
	else
		find_put(m, m->shared, granule >> 6, UINT64_C(1) << (granule & 63));
}

/* Edges wait in a ring for the place of their bits. */
struct edges {
	edge v[64];
	unsigned at;
};

static void put_later(struct marker *m, struct edges *q, edge e)
{
	edge *slot = &q->v[q->at++ % 64];

	__builtin_prefetch(&m->found[edge_granule(e) >> 6], 1);
	if (q->at > 64)
		put_edge(m, *slot);
	*slot = e;
}

static void put_rest(struct marker *m, const struct edges *q)
{
	for (unsigned i = 0; i < (q->at < 64 ? q->at : 64); i++)
		put_edge(m, q->v[i]);
}

static void count_blocks(struct marker *m, const struct span *s, size_t c, uint64_t first)
{
	for (; first; first &= first - 1) {
		vaddr chunk = cell_chunk(s, c, (unsigned)__builtin_ctzll(first));

		m->sum->blocks++;
		m->sum->bytes += span_usable(s, span_next(s, chunk + CHUNK_HEADER) - chunk);
	}
}

void logged_cells(struct marker *m, const struct span *s, size_t c, size_t end)
{
	uint64_t first[LOG_GROUP] = { 0 }, any = 0;
	size_t cell = s->first_cell + c;
	struct edgelog_cursor cursor;
	struct edges q = { .at = 0 };
	edge e;

	for (; c < end; c++) {
		uint64_t some = take_found(m, s, c);

		any |= first[(s->first_cell + c) % LOG_GROUP] = some;
		count_blocks(m, s, c, some);
	}
	if (!any)
		return;
	edgelog_start(m->log, cell, &cursor);
	while (edgelog_next(&cursor)) {
		if (!(first[(cursor.granule >> 6) % LOG_GROUP] >> (cursor.granule & 63) & 1))
			continue;
		while (edgelog_edge(&cursor, &e))
			put_later(m, &q, e);
	}
	put_rest(m, &q);
}

bool logged_scan(struct marker *m, const struct span *s, vaddr chunk)
{
	struct seat at = seat_of(s, chunk);
	struct edgelog_cursor cursor;
	edge e;

	if (!m->log || !s->cell || !edgelog_has(m->log, at.cell))
		return false;
	m->sum->bytes += span_usable(s, span_next(s, chunk + CHUNK_HEADER) - chunk);
	edgelog_start(m->log, at.cell, &cursor);
	while (edgelog_next(&cursor))
		if (cursor.granule >> 6 == at.cell &&
		    UINT64_C(1) << (cursor.granule & 63) == at.bit)
			while (edgelog_edge(&cursor, &e))
				mark_word(m, edgelog_word(m->log, e));
	return true;
}

/* ---- what is not in it ---- */

void want_piece(const struct marker *m, size_t piece)
{
	size_t from = piece * PIECE, to = from + PIECE;
	struct stretch p;

	if (m->fresh[piece] != FRESH_FOUND)
		return;
	for (; stretch_first(m->heap, from, to, &p); from = p.span->first_cell + p.end) {
		const struct span *s = p.span;
		size_t first = SIZE_MAX, last = 0;

		for (size_t c = p.cell; c <= p.end && s->cell; c++) {
			size_t at = s->first_cell + c;

			if (c < p.end &&
			    __atomic_load_n(&m->found[at], __ATOMIC_RELAXED) & m->left[at] &&
			    !(m->log && edgelog_has(m->log, at))) {
				first = first == SIZE_MAX ? c : first;
				last = c;
			} else if (first != SIZE_MAX && (c == p.end || c - last > GAP)) {
				core_will_want(m->core, s->start + first * span_cell(s),
				               s->start + (last + 2) * span_cell(s));
				first = SIZE_MAX;
			}
		}
	}
}
