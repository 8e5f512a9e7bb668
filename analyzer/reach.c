/*
 * Marking. A depth-first walk over used blocks, with two queues that hide memory latency: a block
 * waits in one while its first lines are fetched, a pointer in the other while the index cell of
 * its target is. The state of a block is one bit by id in each bitmap.
 *
 * First pass: start pointers only, from the roots; blocks that an interior pointer touches are
 * noted as weak. Second pass: from the weak ones, any pointer. What then has neither bit is
 * unreachable.
 *
 * Heads of the unreachable graph, without building it: flood it from each block not yet visited, in
 * address order; the blocks that started a flood are candidates, and every strongly connected
 * component that nothing else leads to holds exactly one, its lowest. Flood again from the
 * candidates in reverse order: a candidate that is visited before its turn was held by another
 * component; the rest are the heads. (Each held component is reached from a held-by-nothing one
 * whose candidate came later in the first round, or it would have been visited then.)
 */
#include "analyzer/reach.h"

const char *reach_name(enum reach_class reach)
{
	static const char *const name[REACH_CLASSES] = { "", "reachable", "possible", "indirect",
		                                         "definite" };

	return name[reach];
}

#define POINTERS 32 /* waiting for an index cell */
#define BLOCKS 16   /* waiting for their content */

enum mode { MODE_STRONG, MODE_WEAK, MODE_FLOOD };

struct pointer {
	vaddr v;
	const struct span *span;
};

struct marker {
	const struct core *core;
	const struct heap *heap;
	struct reach *reach;
	enum mode mode;
	uint64_t *visited;        /* MODE_FLOOD */
	ARRAY(vaddr) stack;       /* chunks to scan */
	ARRAY(vaddr) weak;        /* MODE_STRONG: chunks first touched by an interior pointer */
	struct pointer pointer[POINTERS];
	unsigned first_pointer, npointers;
	vaddr block[BLOCKS];
	unsigned first_block, nblocks;
};

static void push(struct marker *m, vaddr chunk)
{
	array_push(&m->stack, chunk);
}

/* The pointer v holds the block with this id: what follows from it in this pass? */
static void hold(struct marker *m, vaddr chunk, uint32_t id, bool exact)
{
	struct reach *r = m->reach;

	if (!bit_get(m->heap->used, id) || bit_get(r->strong, id))
		return;
	switch (m->mode) {
	case MODE_STRONG:
		if (exact) {
			bit_set(r->strong, id);
			push(m, chunk);
		} else if (!bit_get(r->weak, id)) {
			bit_set(r->weak, id);
			array_push(&m->weak, chunk);
		}
		break;
	case MODE_WEAK:
		if (!bit_get(r->weak, id)) {
			bit_set(r->weak, id);
			push(m, chunk);
		}
		break;
	case MODE_FLOOD:
		if (!bit_get(r->weak, id) && !bit_get(m->visited, id)) {
			bit_set(m->visited, id);
			push(m, chunk);
		}
		break;
	}
}

static void resolve_oldest(struct marker *m)
{
	struct pointer p = m->pointer[m->first_pointer];
	vaddr chunk;
	uint32_t id;

	m->first_pointer = (m->first_pointer + 1) % POINTERS;
	m->npointers--;
	if (span_find(p.span, p.v, &chunk, &id))
		hold(m, chunk, id, p.v == chunk + CHUNK_HEADER);
}

static inline void look(struct marker *m, uint64_t word)
{
	const struct span *s;
	unsigned slot;

	if (word < CHUNK_HEADER || (word - CHUNK_HEADER) >> 47)
		return;
	s = heap_span(m->heap, word - CHUNK_HEADER);
	if (!s)
		return;
	if (s->cell)
		__builtin_prefetch(&s->cell[(word - CHUNK_HEADER - s->start) >> 10]);
	if (m->npointers == POINTERS)
		resolve_oldest(m);
	slot = (m->first_pointer + m->npointers++) % POINTERS;
	m->pointer[slot] = (struct pointer){ word, s };
}

static void scan_words(struct marker *m, const uint8_t *p, uint64_t bytes)
{
	for (uint64_t i = 0; i + 8 <= bytes; i += 8)
		look(m, load64(p + i));
}

/* Scans the saved words of [start, end); the rest is counted. */
static void scan_range(struct marker *m, vaddr start, vaddr end)
{
	vaddr at = round_up(start, 8);

	while (at < end && end - at >= 8) {
		uint64_t avail;
		const uint8_t *p = core_bytes(m->core, at, &avail);

		if (!p || avail < 8) {
			const struct segment *s = core_segment(m->core, at);
			vaddr next = p ? round_down(at, 8) + 8 : s && s->end < end ? s->end : end;

			m->reach->unread += next - at;
			at = next;
			continue;
		}
		if (avail > end - at)
			avail = end - at;
		scan_words(m, p, avail);
		at += round_down(avail, 8);
	}
}

static void scan_chunk(struct marker *m, vaddr chunk)
{
	const struct span *s = heap_span(m->heap, chunk);
	uint64_t usable, size;
	const uint8_t *p;

	if (s->kind == SPAN_MMAP) {
		scan_range(m, chunk + CHUNK_HEADER, chunk + CHUNK_HEADER + s->usable);
		return;
	}
	p = s->mem ? s->mem + (chunk - s->start) : NULL;
	if (!p) {
		if (core_read64(m->core, chunk + 8, &size))
			scan_range(m, chunk + CHUNK_HEADER,
			           chunk + CHUNK_HEADER + (size & ~(uint64_t)CHUNK_FLAGS) - 8);
		return;
	}
	usable = (load64(p + 8) & ~(uint64_t)CHUNK_FLAGS) - 8;
	if (usable > s->end - chunk - CHUNK_HEADER) { /* the last 8 bytes lie in the next header */
		scan_range(m, chunk + CHUNK_HEADER, chunk + CHUNK_HEADER + usable);
		return;
	}
	scan_words(m, p + CHUNK_HEADER, usable);
}

static void fetch(const struct marker *m, vaddr chunk)
{
	const struct span *s = heap_span(m->heap, chunk);

	if (s->mem) {
		__builtin_prefetch(s->mem + (chunk - s->start));
		__builtin_prefetch(s->mem + (chunk - s->start) + 64);
	}
}

/* Scans until nothing is left to scan. */
static void drain(struct marker *m)
{
	while (m->stack.n || m->nblocks || m->npointers) {
		while (m->stack.n && m->nblocks < BLOCKS) {
			vaddr chunk = m->stack.v[--m->stack.n];

			fetch(m, chunk);
			m->block[(m->first_block + m->nblocks++) % BLOCKS] = chunk;
		}
		if (m->nblocks) {
			vaddr chunk = m->block[m->first_block];

			m->first_block = (m->first_block + 1) % BLOCKS;
			m->nblocks--;
			scan_chunk(m, chunk);
		} else if (m->npointers) {
			resolve_oldest(m);
		}
	}
}

static void mark_strong(struct marker *m, const struct roots *roots)
{
	m->mode = MODE_STRONG;
	for (size_t i = 0; i < roots->nregs; i++)
		look(m, roots->reg[i].value);
	for (size_t i = 0; i < roots->n; i++) {
		scan_range(m, roots->v[i].start, roots->v[i].end);
		drain(m);
	}
	drain(m);
}

static void mark_weak(struct marker *m)
{
	m->mode = MODE_WEAK;
	for (size_t i = 0; i < m->weak.n; i++) {
		push(m, m->weak.v[i]);
		drain(m);
	}
	/* parts of the heap that could not be read may hold anything */
	for (size_t i = 0; i < m->heap->ngaps; i++) {
		const struct owned *g = &m->heap->gap[i];
		uint64_t unread = m->reach->unread;

		scan_range(m, g->start, g->end);
		m->reach->unread = unread; /* heap.unread has it already */
		drain(m);
	}
}

static bool unreachable(const struct marker *m, uint32_t id)
{
	return bit_get(m->heap->used, id) && !bit_get(m->reach->strong, id) &&
	       !bit_get(m->reach->weak, id);
}

static void flood(struct marker *m, vaddr chunk, uint32_t id)
{
	bit_set(m->visited, id);
	push(m, chunk);
	drain(m);
}

static void find_candidates(struct marker *m, uint64_t *candidate)
{
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next(m->heap, m->core, &it, &b)) {
		if (b.id == UINT32_MAX || !unreachable(m, b.id) || bit_get(m->visited, b.id))
			continue;
		bit_set(candidate, b.id);
		flood(m, b.addr - CHUNK_HEADER, b.id);
	}
}

/* The candidates of one span's cell, highest address first. */
static void heads_of_cell(struct marker *m, const struct span *s, size_t c, const uint64_t *candidate)
{
	uint64_t bits = cell_bits(&s->cell[c]);
	uint32_t id = s->first_id + s->cell[c].rank + (uint32_t)__builtin_popcountll(bits);

	while (bits) {
		unsigned bit = 63u - (unsigned)__builtin_clzll(bits);

		bits &= ~(UINT64_C(1) << bit);
		id--;
		if (!bit_get(candidate, id) || bit_get(m->visited, id))
			continue;
		bit_set(m->reach->head, id);
		flood(m, s->start + ((c << 6 | bit) << 4), id);
	}
}

static void find_heads(struct marker *m, const uint64_t *candidate)
{
	for (size_t i = m->heap->nspans; i-- > 0;) {
		const struct span *s = &m->heap->span[i];

		if (s->cell) {
			for (size_t c = s->ncells; c-- > 0;)
				heads_of_cell(m, s, c, candidate);
		} else if (bit_get(candidate, s->first_id) && !bit_get(m->visited, s->first_id)) {
			bit_set(m->reach->head, s->first_id);
			flood(m, s->start, s->first_id);
		}
	}
}

static void judge_leaked(struct marker *m)
{
	uint64_t *candidate = mem_lazy(m->reach->bits_bytes), unread = m->reach->unread;

	m->mode = MODE_FLOOD;
	m->visited = mem_lazy(m->reach->bits_bytes);
	find_candidates(m, candidate);
	mem_lazy_free(m->visited, m->reach->bits_bytes);
	m->visited = mem_lazy(m->reach->bits_bytes);
	find_heads(m, candidate);
	mem_lazy_free(m->visited, m->reach->bits_bytes);
	mem_lazy_free(candidate, m->reach->bits_bytes);
	m->reach->unread = unread;
}

static void sum_up(struct marker *m)
{
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next(m->heap, m->core, &it, &b)) {
		struct tally *t;

		if (b.state != BLOCK_USED)
			continue;
		t = &m->reach->total[reach_of(m->reach, b.id)];
		t->blocks++;
		t->bytes += b.size;
		if (m->reach->withheld && unreachable(m, b.id)) {
			m->reach->withheld_tally.blocks++;
			m->reach->withheld_tally.bytes += b.size;
		}
	}
}

void reach_mark(const struct core *core, const struct heap *heap, const struct roots *roots,
                struct reach *out)
{
	struct marker m = { .core = core, .heap = heap, .reach = out };

	*out = (struct reach){ .heap = heap, .bits_bytes = heap->bits_bytes };
	out->strong = mem_lazy(out->bits_bytes);
	out->weak = mem_lazy(out->bits_bytes);
	out->head = mem_lazy(out->bits_bytes);
	mark_strong(&m, roots);
	mark_weak(&m);
	out->withheld = roots->nmissing || heap->unread || out->unread;
	if (!out->withheld)
		judge_leaked(&m);
	sum_up(&m);
	array_free(&m.stack);
	array_free(&m.weak);
}

void reach_free(struct reach *reach)
{
	mem_lazy_free(reach->strong, reach->bits_bytes);
	mem_lazy_free(reach->weak, reach->bits_bytes);
	mem_lazy_free(reach->head, reach->bits_bytes);
	*reach = (struct reach){ 0 };
}

enum reach_class reach_of(const struct reach *r, uint32_t id)
{
	if (id == UINT32_MAX || !bit_get(r->heap->used, id))
		return REACH_NONE;
	if (bit_get(r->strong, id))
		return REACH_REACHABLE;
	if (bit_get(r->weak, id) || r->withheld)
		return REACH_POSSIBLE;
	return bit_get(r->head, id) ? REACH_DEFINITE : REACH_INDIRECT;
}
