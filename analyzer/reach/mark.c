/*
 * A walk over used blocks from a stack, many at a time to hide memory latency: the first lines of
 * all of them are asked for, then they are scanned; the bits of all that they point to are, and
 * then looked at. The stack is short: where more is to be scanned than it holds, sweeps over the
 * heap go on (sweep.c). What is visited in the end does not depend on the order.
 */
#include "analyzer/reach/chase.h"
#include "analyzer/reach/filter.h"
#include "analyzer/reach/marker.h"
#include "formats/stage.h"
#include "formats/written.h"

#define FILTER   64    /* words looked at together */
#define LONG     65536 /* bytes; blocks that are worth asking which part of them was ever touched */
#define FETCH    128   /* bytes of a block that are fetched ahead */
#define TELL     (UINT64_C(1) << 20) /* bytes of blocks, after which it is told how far it is */
#define FEW      4 /* words that wait, of which the blocks' memory is asked for at once, too */
#define THIN     4 /* blocks that are scanned together, where it is hardly more than one by one */
#define PATIENCE 4096                /* times in a row that this is so before it is looked into */
#define WORTH    16                  /* places that it is worth it for */
#define WINDOW   (UINT64_C(2) << 20) /* bytes mapped at a time */

/* A block that is left is to be scanned. */
static void push(struct marker *m, vaddr chunk, struct seat at)
{
	if (m->depth == STACK)
		m->sweeping = true;
	if (m->sweeping) {
		find_put(m, false, at.cell, at.bit);
	} else {
		m->left[at.cell] &= ~at.bit;
		m->stack[m->depth++] = chunk;
	}
}

/* A pointer that does not lead to a granule where a chunk starts. */
static void hold_inner(struct marker *m, const struct span *s, uint64_t word)
{
	struct seat at;
	vaddr chunk;
	uint32_t id;

	if (!span_find(s, word, &chunk, &id))
		return;
	at = seat_of(s, chunk);
	if (!(m->left[at.cell] & at.bit))
		return;
	if (m->touched && word != chunk + CHUNK_HEADER)
		bit_set(m->touched, id);
	else
		push(m, chunk, at);
}

static void hold(struct marker *m, const struct span *s, uint64_t word)
{
	vaddr chunk = word - CHUNK_HEADER;
	struct seat at;

	if (!s->cell || chunk & (m->grain - 1)) {
		hold_inner(m, s, word);
		return;
	}
	at = seat_of(s, chunk);
	if (m->left[at.cell] & at.bit)
		push(m, chunk, at);
	else if (!(cell_bits(cell_at(s, chunk)) & at.bit))
		hold_inner(m, s, word);
}

/*
 * What the words that wait point to is pushed. All their bits are asked for before the first one
 * is looked at: the processor translates several addresses at a time only where they follow each
 * other closely.
 */
static void push_words(struct marker *m)
{
	const struct span *span[BATCH + 260];
	bool few = m->nwords <= FEW;
	size_t n = 0;

	for (size_t i = 0; i < m->nwords; i++) {
		vaddr at = m->word[i] - CHUNK_HEADER;
		const struct span *s = heap_span(m->heap, at);

		if (!s)
			continue;
		if (s->cell) {
			__builtin_prefetch(&m->left[seat_of(s, at).cell], 1);
			__builtin_prefetch(cell_at(s, at));
		}
		if (s->mem && few) /* in a list, the next link comes while the bits do */
			__builtin_prefetch(s->mem + (at - s->start));
		m->word[n] = m->word[i];
		span[n++] = s;
	}
	for (size_t i = 0; i < n; i++)
		hold(m, span[i], m->word[i]);
	m->nwords = 0;
}

static void resolve(struct marker *m)
{
	if (m->sweeping)
		resolve_words(m);
	else
		push_words(m);
}

static inline size_t filter(const struct marker *m, const uint8_t *p, size_t n, uint64_t *out,
                            unsigned width)
{
	if (width == 4)
		return filter_halves(p, n, m->lo, m->hi - m->lo, out);
	return m->mask == UINT64_MAX ? filter_words(p, n, m->lo, m->hi - m->lo, out)
	                             : filter_masked(p, n, m->mask, m->lo, m->hi - m->lo, out);
}

size_t marker_filter(const struct marker *m, const uint8_t *p, size_t n, uint64_t *out)
{
	return filter(m, p, n, out, m->width);
}

static inline __attribute__((always_inline)) void words_by(struct marker *m, const uint8_t *p,
                                                           uint64_t bytes, unsigned width)
{
	while (bytes >= width) {
		size_t take = bytes < width * FILTER ? bytes / width : FILTER;

		m->nwords += filter(m, p, take, m->word + m->nwords, width);
		if (m->nwords >= BATCH)
			resolve(m);
		p += width * take;
		bytes -= width * take;
	}
}

void mark_words(struct marker *m, const uint8_t *p, uint64_t bytes)
{
	if (m->width == 8)
		words_by(m, p, bytes, 8);
	else
		words_by(m, p, bytes, 4);
}

/* Bytes of [start, end) that are not in the core. */
static uint64_t unsaved(const struct core *core, vaddr start, vaddr end)
{
	uint64_t n = 0;

	while (start < end) {
		const struct segment *s = core_segment(core, start);
		vaddr stop = s && s->end < end ? s->end : end, saved = s ? s->saved_end : start;

		n += stop - (saved < start ? start : saved < stop ? saved : stop);
		start = stop;
	}
	return n;
}

/* A long one is mapped as it goes. */
static void mark_run(struct marker *m, vaddr at, const uint8_t *p, uint64_t bytes)
{
	while (bytes > LONG) {
		uint64_t some = bytes < WINDOW ? bytes : WINDOW;

		core_will_read(m->core, at, at + some);
		mark_words(m, p, some);
		at += some;
		p += some;
		bytes -= some;
	}
	mark_words(m, p, bytes);
}

void mark_range(struct marker *m, vaddr start, vaddr end)
{
	vaddr at = round_up(start, m->width), stop;

	end = round_down(end, m->width);
	if (at >= end)
		return;
	m->unread += unsaved(m->core, at, end);
	for (; core_written(m->core, &at, end, &stop); at = stop) {
		vaddr from = round_up(at, m->width);
		const uint8_t *p = from < stop ? core_at(m->core, from, stop - from) : NULL;

		if (p)
			mark_run(m, from, p, stop - from);
	}
}

/* Its header, which is in the cache line that is read next, tells; the index where one is wrong. */
uint64_t marker_usable(const struct marker *m, const struct span *s, vaddr chunk, const uint8_t *p)
{
	if (m->heap->repaired || !p)
		return span_usable(s, span_next(s, chunk + CHUNK_HEADER) - chunk);
	if (m->width == 4)
		return span_usable(s, load32(p + 12) & ~(uint64_t)CHUNK_FLAGS);
	return span_usable(s, load64(p + 8) & ~(uint64_t)CHUNK_FLAGS);
}

void mark_scan(struct marker *m, vaddr chunk)
{
	const struct span *s = heap_span(m->heap, chunk);
	uint64_t usable;
	const uint8_t *p;

	m->sum->blocks++;
	if (s->kind == SPAN_MMAP) {
		m->sum->bytes += s->usable;
		mark_range(m, chunk + CHUNK_HEADER, chunk + CHUNK_HEADER + s->usable);
		return;
	}
	if (logged_scan(m, s, chunk))
		return;
	p = s->mem ? s->mem + (chunk - s->start) : NULL;
	usable = marker_usable(m, s, chunk, p);
	m->sum->bytes += usable;
	/* the last 8 bytes lie in the next header; a long block may be a hole for the most part */
	if (!p || usable > s->end - chunk - CHUNK_HEADER || usable > LONG) {
		mark_range(m, chunk + CHUNK_HEADER, chunk + CHUNK_HEADER + usable);
		return;
	}
	mark_words(m, p + CHUNK_HEADER, usable);
}

static inline __attribute__((always_inline)) void fetch(const struct span *s, vaddr chunk)
{
	if (s->mem)
		for (unsigned i = 0; i < FETCH; i += 64)
			__builtin_prefetch(s->mem + (chunk - s->start) + i);
}

/* Scans blocks from the top of the stack, whose memory is asked for together. */
static void scan_some(struct marker *m)
{
	vaddr block[BLOCKS];
	size_t n = m->depth < BLOCKS ? m->depth : BLOCKS;

	m->depth -= n;
	memcpy(block, m->stack + m->depth, n * sizeof(*block));
	for (size_t i = 0; i < n; i++)
		mark_fetch(m, heap_span(m->heap, block[i]), block[i]);
	for (size_t i = 0; i < n; i++)
		mark_scan(m, block[i]);
	m->thin = n > THIN ? 0 : m->thin + 1;
}

/* Where blocks are followed one by one for long, it may be a list, that is followed in many places.
 */
static void hurry(struct marker *m)
{
	vaddr *chunk = mem_alloc(CHASE_LEGS, sizeof(*chunk));
	size_t n;

	push_words(m);
	n = chase_lists(m, m->stack, m->depth, chunk);
	for (size_t i = 0; i < n; i++)
		mark_block(m, chunk[i]);
	mem_free(chunk);
	m->thin = 0;
	if (n < WORTH && m->patience < UINT32_MAX / 4)
		m->patience *= 4;
}

/* Scans what is on the stack, until it is empty or runs over. */
static void follow(struct marker *m)
{
	uint64_t told = m->sum->bytes;

	while (!m->sweeping && (m->depth || m->nwords)) {
		if (m->nwords)
			push_words(m);
		if (!m->sweeping && m->depth)
			scan_some(m);
		if (m->thin > m->patience && !m->core->scarce)
			hurry(m);
		if (m->sum->bytes - told >= TELL) {
			stage_add(m->sum->bytes - told);
			told = m->sum->bytes;
		}
	}
}

/* Back to the sweep with what waits on the stack. */
static void unstack(struct marker *m)
{
	while (m->depth) {
		vaddr chunk = m->stack[--m->depth];
		struct seat at = seat_of(heap_span(m->heap, chunk), chunk);

		m->left[at.cell] |= at.bit;
		find_put(m, false, at.cell, at.bit);
	}
}

/* What is found in a cell, and left, goes to the stack, or stays. */
static void push_cell(struct marker *m, const struct span *s, size_t cell)
{
	struct seat at = { .cell = s->first_cell + cell };
	uint64_t bits = m->found[at.cell] & m->left[at.cell];

	m->found[at.cell] = 0;
	for (; bits; bits &= bits - 1) {
		at.bit = bits & -bits;
		push(m, cell_chunk(s, cell, (unsigned)__builtin_ctzll(bits)), at);
	}
}

/* Calls fn for each cell of a piece where something is found. */
static void each_found(struct marker *m, size_t piece,
                       void (*fn)(struct marker *m, const struct span *s, size_t cell))
{
	size_t from = piece * PIECE, to = from + PIECE;
	struct stretch p;

	for (; stretch_first(m->heap, from, to, &p); from = p.span->first_cell + p.end)
		for (size_t c = p.cell; c < p.end; c++)
			if (m->found[p.span->first_cell + c])
				fn(m, p.span, c);
}

/* What the sweeps left over is little: it is followed from the stack, and nothing is found. */
static void restack(struct marker *m)
{
	for (size_t i = 0; i < pieces_of(m->heap); i++)
		if (m->fresh[i])
			each_found(m, i, resolve_inner);
	for (size_t i = 0; i < pieces_of(m->heap); i++) {
		if (!m->fresh[i])
			continue;
		m->fresh[i] = FRESH_NONE;
		each_found(m, i, push_cell);
	}
}

void mark_drain(struct marker *m)
{
	follow(m);
	while (m->sweeping) {
		unstack(m);
		sweep_all(m);
		m->sweeping = false;
		restack(m);
		follow(m);
	}
}

void mark_rest(struct marker *m)
{
	mem_lazy_clear(m->found, m->ncells * sizeof(*m->found)); /* nothing is found */
}

void marker_aim(struct marker *m)
{
	const struct heap *h = m->heap;

	if (h->nspans) {
		m->lo = h->span[0].start + CHUNK_HEADER;
		m->hi = h->span[h->nspans - 1].end + CHUNK_HEADER;
	}
	memset(m->near, 0, sizeof(m->near));
}

struct marker *mark_open(const struct core *core, const struct heap *heap, unsigned threads)
{
	struct marker *m = mem_alloc(1, sizeof(*m));

	m->core = core;
	m->heap = heap;
	m->mask = core->machine->pointer_mask;
	m->width = core->machine->word;
	m->grain = heap->align;
	m->foreign = SIZE_MAX;
	m->ncells = heap->ncells;
	marker_aim(m);
	m->left = mem_lazy(heap->ncells * sizeof(*m->left));
	m->found = mem_lazy(heap->ncells * sizeof(*m->found));
	m->fresh = mem_alloc(pieces_of(heap), sizeof(*m->fresh));
	m->stack = mem_alloc(STACK, sizeof(*m->stack));
	m->threads = threads;
	m->patience = PATIENCE;
	m->sweeper = sweepers_new(threads);
	return m;
}

void mark_close(struct marker *m)
{
	if (!m)
		return;
	mem_lazy_free(m->left, m->ncells * sizeof(*m->left));
	mem_lazy_free(m->found, m->ncells * sizeof(*m->found));
	mem_free(m->fresh);
	mem_free(m->stack);
	sweepers_free(m->sweeper);
	mem_free(m);
}

void mark_leave(struct marker *m, const uint64_t *bits)
{
	cellmap_from_ids(m->heap, bits, m->threads, m->left);
}

void mark_left(const struct marker *m, uint64_t *bits)
{
	cellmap_to_ids(m->heap, m->left, bits);
}

void mark_pass(struct marker *m, uint64_t *touched, struct tally *sum)
{
	m->touched = touched;
	m->sum = sum;
}

void mark_word(struct marker *m, uint64_t word)
{
	word &= m->mask;
	if (word - m->lo >= m->hi - m->lo)
		return;
	m->word[m->nwords++] = word;
	if (m->nwords >= BATCH)
		resolve(m);
}

void mark_block(struct marker *m, vaddr chunk)
{
	push(m, chunk, seat_of(heap_span(m->heap, chunk), chunk));
}

void mark_blocks(struct marker *m, const uint64_t *bits)
{
	cellmap_from_ids(m->heap, bits, m->threads, m->found);
	memset(m->fresh, FRESH_FOUND, pieces_of(m->heap));
	m->sweeping = true;
}

void mark_fetch(const struct marker *m, const struct span *span, vaddr chunk)
{
	if (!m->core->scarce)
		fetch(span, chunk);
	else if (!m->log || !span->cell || !edgelog_has(m->log, seat_of(span, chunk).cell))
		core_will_want(m->core, chunk, chunk + FETCH);
}

uint64_t *mark_cells(struct marker *m)
{
	return m->left;
}

struct tally *mark_sum(struct marker *m, struct tally *sum)
{
	struct tally *before = m->sum;

	m->sum = sum;
	return before;
}

uint64_t mark_unread(const struct marker *m)
{
	return m->unread;
}
