/*
 * Words are filtered for those that may point into the heap, collected over many blocks, and then
 * resolved together in steps, none of which waits for memory: the cells of the index are asked for
 * before the first of them is looked at.
 */
#include "analyzer/graph/edge.h"
#include "analyzer/reach/filter.h"
#include "formats/wordrun.h"

#define BATCH 256   /* words that are resolved together */
#define PIECE 64    /* words filtered at a time */
#define AHEAD 8     /* blocks whose content is fetched ahead */
#define FETCH 256   /* bytes of it */
#define LARGE 65536 /* bytes: a block in which there may be holes */
#define WORDS (BATCH + PIECE + 4)

_Static_assert(WORDS <= EDGES, "all words of a batch may be edges");

struct scan {
	const struct core *core;
	const struct heap *heap;
	const uint64_t *set;
	edge_fn *take;
	void *arg;
	vaddr lo, size;      /* user addresses of the heap lie in [lo, lo + size) */
	uint32_t nth, block; /* whose words are looked at: its number in the set, its id */
	bool stopped;
	uint64_t word[WORDS];
	struct edge edge[WORDS]; /* of word: without what it leads to */
	size_t n;
};

/* ---- words to edges ---- */

/* Words whose value lies in no span go; what is left is in front. */
static size_t ask_for_cells(struct scan *m, const struct span **span)
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
		m->edge[n++] = m->edge[i];
	}
	return n;
}

static void resolve(struct scan *m)
{
	const struct span *span[WORDS];
	size_t n = ask_for_cells(m, span), found = 0;

	for (size_t i = 0; i < n; i++) {
		vaddr chunk;
		struct edge e = m->edge[i];

		if (span_find(span[i], m->word[i], &chunk, &e.to))
			m->edge[found++] = e;
	}
	if (found && !m->stopped)
		m->stopped = !m->take(m->arg, m->edge, found);
	m->n = 0;
}

/* ---- blocks to words ---- */

static size_t filter(const struct scan *m, const uint8_t *p, size_t n, uint64_t *out)
{
	const struct machine *machine = m->core->machine;

	return filter_pointers(p, n, machine->word, machine->pointer_mask, m->lo, m->size, out);
}

static void add_words(struct scan *m, const uint8_t *p, uint64_t bytes)
{
	unsigned width = m->core->machine->word;

	for (uint64_t left = bytes / width; left;) {
		size_t some = left < PIECE ? (size_t)left : PIECE;
		size_t n = m->n + filter(m, p, some, m->word + m->n);

		for (size_t i = m->n; i < n; i++)
			m->edge[i] = (struct edge){ m->nth, m->block, 0 };
		m->n = n;
		if (n >= BATCH)
			resolve(m);
		p += some * width;
		left -= some;
	}
}

static void add_block(struct scan *m, const struct block *b)
{
	const struct span *s = b->span;
	vaddr end = b->addr + b->size;
	struct wordrun run;

	m->block = b->id;
	if (b->size < LARGE && s->mem && end <= s->end) {
		add_words(m, s->mem + (b->addr - s->start), b->size);
		return;
	}
	run = wordruns(m->core, b->addr, end);
	while (wordrun_next(&run))
		add_words(m, run.mem, run.bytes);
}

static void fetch(const struct block *b)
{
	const uint8_t *p = b->span->mem;

	for (uint64_t i = 0; p && i < b->size && i < FETCH; i += 64)
		__builtin_prefetch(p + (b->addr - b->span->start) + i);
}

static void add_blocks(struct scan *m)
{
	struct heap_iter it = { 0 };
	struct block b[AHEAD];
	bool more = true;

	while (more && !m->stopped) {
		size_t n = 0;

		for (; n < AHEAD && (more = heap_next_set(m->heap, m->set, &it, &b[n])); n++)
			fetch(&b[n]);
		for (size_t i = 0; i < n; i++, m->nth++)
			add_block(m, &b[i]);
	}
	resolve(m);
}

void edges_scan(const struct core *core, const struct heap *heap, const uint64_t *set,
                edge_fn *take, void *arg)
{
	struct scan m = { .core = core, .heap = heap, .set = set, .take = take, .arg = arg };

	if (!heap->nspans)
		return;
	m.lo = heap->span[0].start + CHUNK_HEADER;
	m.size = heap->span[heap->nspans - 1].end + CHUNK_HEADER - m.lo;
	add_blocks(&m);
}
