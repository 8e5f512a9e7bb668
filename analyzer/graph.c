/*
 * Words are filtered for those that may point into the heap, collected over many blocks, and then
 * resolved together in steps, none of which waits for memory: the cells of the index are asked
 * for, then the words of the set and the ranks, then the edges are written down. As blocks come in
 * the order of nodes, so do edges: no pass counts them beforehand.
 */
#include "analyzer/graph.h"
#include "analyzer/filter.h"
#include "formats/written.h"

#define BATCH     256   /* words that are resolved together */
#define PIECE     64    /* words filtered at a time */
#define AHEAD     8     /* blocks whose content is fetched ahead */
#define FETCH     256   /* bytes of it */
#define LARGE     65536 /* bytes: a block worth asking where the file has holes */
#define EDGES_MAX (UINT32_MAX - 1)

struct making {
	const struct core *core;
	const struct heap *heap;
	struct graph *g;
	vaddr lo, size; /* user addresses of the heap lie in [lo, lo + size) */
	uint32_t node;  /* whose words are looked at */
	ARRAY(uint32_t) to;
	uint32_t counted; /* nodes whose first edge is known */
	bool full;
	uint64_t word[BATCH + PIECE + 4];
	uint32_t from[BATCH + PIECE + 4];
	size_t n;
};

/* ---- words to edges ---- */

static void put_edge(struct making *m, uint32_t from, uint32_t to)
{
	while (m->counted <= from)
		m->g->first[m->counted++] = (uint32_t)m->to.n;
	if (from == to)
		return;
	if (m->to.n > m->g->first[from] && m->to.v[m->to.n - 1] == to)
		return;
	if (m->to.n >= EDGES_MAX)
		m->full = true;
	else
		array_push(&m->to, to);
}

/* Words whose value lies in no span go; what is left is in front. */
static size_t ask_for_cells(struct making *m, const struct span **span)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		vaddr at = m->word[i] - CHUNK_HEADER;
		const struct span *s = heap_span(m->heap, at);

		if (!s)
			continue;
		if (s->cell) {
			__builtin_prefetch(cell_at(s, at));
			__builtin_prefetch((const uint8_t *)cell_at(s, at) + sizeof(struct cell) -
			                   1);
		}
		span[n] = s;
		m->word[n] = m->word[i];
		m->from[n++] = m->from[i];
	}
	return n;
}

static void resolve(struct making *m)
{
	const struct span *span[BATCH + PIECE + 4];
	uint32_t id[BATCH + PIECE + 4];
	size_t n = ask_for_cells(m, span), found = 0;

	for (size_t i = 0; i < n; i++) {
		vaddr chunk;

		if (!span_find(span[i], m->word[i], &chunk, &id[found]))
			continue;
		m->from[found] = m->from[i];
		__builtin_prefetch(&m->g->set[id[found] >> 6]);
		__builtin_prefetch(&m->g->rank[id[found] >> 6]);
		found++;
	}
	for (size_t i = 0; i < found; i++) {
		uint32_t to = graph_node(m->g, id[i]);

		if (to != GRAPH_NONE)
			put_edge(m, m->from[i], to);
	}
	m->n = 0;
}

/* ---- blocks to words ---- */

static size_t filter(const struct making *m, const uint8_t *p, size_t n, uint64_t *out)
{
	uint64_t mask = m->core->machine->pointer_mask;

	if (m->core->machine->word == 4)
		return filter_halves(p, n, m->lo, m->size, out);
	return mask == UINT64_MAX ? filter_words(p, n, m->lo, m->size, out)
	                          : filter_masked(p, n, mask, m->lo, m->size, out);
}

static void add_words(struct making *m, const uint8_t *p, uint64_t bytes)
{
	unsigned width = m->core->machine->word;

	for (uint64_t left = bytes / width; left;) {
		size_t some = left < PIECE ? (size_t)left : PIECE;
		size_t n = m->n + filter(m, p, some, m->word + m->n);

		for (size_t i = m->n; i < n; i++)
			m->from[i] = m->node;
		m->n = n;
		if (n >= BATCH)
			resolve(m);
		p += some * width;
		left -= some;
	}
}

/* The saved words of [at, end), a stretch without holes or of moderate size. */
static void add_run(struct making *m, vaddr at, vaddr end)
{
	unsigned width = m->core->machine->word;

	for (at = round_up(at, width); at < end && end - at >= width;) {
		uint64_t n;
		const uint8_t *p = core_bytes(m->core, at, &n);

		if (!p) {
			const struct segment *s = core_segment(m->core, at);

			if (!s || s->end <= at)
				return;
			at = round_up(s->end, width);
			continue;
		}
		n = n < end - at ? n : end - at;
		if (n < width) { /* a word in two pieces */
			uint8_t copy[8];

			if (core_read(m->core, at, copy, width))
				add_words(m, copy, width);
			at += width;
			continue;
		}
		add_words(m, p, n);
		at += round_down(n, width);
	}
}

static void add_block(struct making *m, const struct block *b)
{
	const struct span *s = b->span;
	vaddr end = b->addr + b->size;

	if (b->size >= LARGE) {
		for (vaddr stop, at = b->addr; core_written(m->core, &at, end, &stop); at = stop)
			add_run(m, at, stop);
	} else if (s->mem && end <= s->end) {
		add_words(m, s->mem + (b->addr - s->start), b->size);
	} else {
		add_run(m, b->addr, end);
	}
}

static void fetch(const struct block *b)
{
	const uint8_t *p = b->span->mem;

	for (uint64_t i = 0; p && i < b->size && i < FETCH; i += 64)
		__builtin_prefetch(p + (b->addr - b->span->start) + i);
}

static void add_blocks(struct making *m)
{
	struct heap_iter it = { 0 };
	struct block b[AHEAD];
	bool more = true;

	while (more && !m->full) {
		size_t n = 0;

		for (; n < AHEAD && (more = heap_next_set(m->heap, m->g->set, &it, &b[n])); n++)
			fetch(&b[n]);
		for (size_t i = 0; i < n; i++, m->node++)
			add_block(m, &b[i]);
	}
	resolve(m);
}

/* ---- graphs ---- */

static void count_nodes(const struct heap *heap, const uint64_t *set, struct graph *g)
{
	size_t words = ((size_t)heap->nchunks + 63) / 64;

	g->set = set;
	g->rank = mem_alloc(words + 1, sizeof(*g->rank));
	for (size_t i = 0; i < words; i++) {
		g->rank[i] = g->n;
		g->n += bit_count(set[i]);
	}
}

bool graph_make(const struct core *core, const struct heap *heap, const uint64_t *set,
                struct graph *out, struct err *err)
{
	struct graph g = { 0 };
	struct making m = { .core = core, .heap = heap, .g = &g };

	count_nodes(heap, set, &g);
	g.first = mem_alloc((size_t)g.n + 1, sizeof(*g.first));
	if (heap->nspans) {
		m.lo = heap->span[0].start + CHUNK_HEADER;
		m.size = heap->span[heap->nspans - 1].end + CHUNK_HEADER - m.lo;
		add_blocks(&m);
	}
	while (m.counted <= g.n)
		g.first[m.counted++] = (uint32_t)m.to.n;
	g.to = m.to.v;
	if (m.full) {
		graph_free(&g);
		return err_set(err,
		               "the blocks have more than %u pointers to each other, too many "
		               "to follow all of them",
		               EDGES_MAX);
	}
	*out = g;
	return true;
}

void graph_free(struct graph *g)
{
	mem_free(g->first);
	mem_free(g->to);
	mem_free(g->rank);
	*g = (struct graph){ 0 };
}

void graph_reverse(const struct graph *g, const uint64_t *keep, struct graph *out)
{
	struct graph r = { .n = g->n };
	uint64_t sum = 0;

	r.first = mem_alloc((size_t)r.n + 1, sizeof(*r.first));
	for (uint64_t e = 0; e < graph_edges(g); e++)
		r.first[g->to[e]] += !keep || bit_get(keep, g->to[e]);
	for (uint32_t v = 0; v < r.n; v++) { /* where each one's edges end */
		sum += r.first[v];
		r.first[v] = (uint32_t)sum;
	}
	r.first[r.n] = (uint32_t)sum;
	r.to = mem_alloc(sum ? sum : 1, sizeof(*r.to));
	for (uint32_t v = g->n; v-- > 0;)
		for (uint32_t e = g->first[v + 1]; e-- > g->first[v];)
			if (!keep || bit_get(keep, g->to[e]))
				r.to[--r.first[g->to[e]]] = v;
	*out = r;
}
