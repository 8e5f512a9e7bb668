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

#define STACK 32768 /* chunks */
#define FEW 8192    /* pending chunks that are better followed one by one */
#define FILTER 64   /* words looked at together */
#define POINTERS 32 /* waiting for an index cell */
#define TARGETS 16  /* waiting for their bits */
#define BLOCKS 16   /* waiting for their content */
#define FETCH 256   /* bytes of it that are fetched ahead */

enum mode { MODE_STRONG, MODE_WEAK, MODE_FLOOD };

struct pointer {
	vaddr v;
	const struct span *span;
};

/* A block that a pointer was resolved to; its bits are on their way. */
struct target {
	vaddr chunk;
	uint32_t id;
	bool exact;
};

struct marker {
	const struct core *core;
	const struct heap *heap;
	struct reach *reach;
	enum mode mode;
	vaddr lo, hi;             /* user addresses of the heap lie in [lo, hi) */
	uint64_t *left;           /* used and not yet visited in this pass: bit by id */
	struct tally *sum;        /* of what this pass visits */
	vaddr *stack;             /* chunks to scan, while they are few */
	size_t depth;
	bool sweeping;            /* they are many: in pending instead */
	uint64_t *pending;        /* to scan: bit by id */
	uint64_t npending;
	struct pointer pointer[POINTERS];
	unsigned first_pointer, npointers;
	struct target target[TARGETS];
	unsigned first_target, ntargets;
	vaddr block[BLOCKS];
	unsigned first_block, nblocks;
};

/* Words of a bitmap by id that are in use. */
static size_t words_used(const struct marker *m)
{
	return ((size_t)m->heap->nchunks + 63) / 64;
}

/* Any id in [first, first + n) with its bit set? n <= 65. */
static bool any_bit(const uint64_t *bits, uint32_t first, uint32_t n)
{
	uint64_t word = bits[first >> 6] >> (first & 63);

	if ((first & 63) + n > 64)
		word |= bits[(first >> 6) + 1];
	return word != 0;
}

static void push(struct marker *m, vaddr chunk, uint32_t id)
{
	if (m->depth == STACK)
		m->sweeping = true;
	if (m->sweeping) {
		bit_set(m->pending, id);
		m->npending++;
	} else {
		m->stack[m->depth++] = chunk;
	}
}

/* The pointer v holds the block with this id, which is left: what follows from it in this pass? */
static void hold(struct marker *m, vaddr chunk, uint32_t id, bool exact)
{
	if (m->mode == MODE_STRONG && !exact) {
		bit_set(m->reach->weak, id);
		return;
	}
	bit_clear(m->left, id);
	push(m, chunk, id);
}

static inline void hold_oldest(struct marker *m)
{
	struct target t = m->target[m->first_target];

	m->first_target = (m->first_target + 1) % TARGETS;
	m->ntargets--;
	if (bit_get(m->left, t.id))
		hold(m, t.chunk, t.id, t.exact);
}

static void resolve_oldest(struct marker *m)
{
	struct pointer p = m->pointer[m->first_pointer];
	struct target *t;

	if (m->ntargets == TARGETS)
		hold_oldest(m);
	t = &m->target[(m->first_target + m->ntargets) % TARGETS];
	m->first_pointer = (m->first_pointer + 1) % POINTERS;
	m->npointers--;
	if (!span_find(p.span, p.v, &t->chunk, &t->id))
		return;
	t->exact = p.v == t->chunk + CHUNK_HEADER;
	__builtin_prefetch(&m->left[t->id >> 6], 1);
	m->ntargets++;
}

static inline void look(struct marker *m, uint64_t word)
{
	const struct span *s;
	unsigned slot;

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

/*
 * Most words are no pointers into the heap, and which are is past predicting: sort them out without
 * a branch, then look at the few that remain.
 */
static void scan_words(struct marker *m, const uint8_t *p, uint64_t bytes)
{
	uint64_t some[FILTER], lo = m->lo, size = m->hi - m->lo;

	while (bytes >= 8) {
		uint64_t take = bytes < 8 * FILTER ? bytes / 8 : FILTER;
		unsigned n = 0;

		for (uint64_t i = 0; i < take; i++) {
			uint64_t word = load64(p + 8 * i);

			some[n] = word;
			n += word - lo < size;
		}
		for (unsigned i = 0; i < n; i++)
			look(m, some[i]);
		p += 8 * take;
		bytes -= 8 * take;
	}
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

	m->sum->blocks++;
	if (s->kind == SPAN_MMAP) {
		m->sum->bytes += s->usable;
		scan_range(m, chunk + CHUNK_HEADER, chunk + CHUNK_HEADER + s->usable);
		return;
	}
	p = s->mem ? s->mem + (chunk - s->start) : NULL;
	if (!p) {
		if (!core_read64(m->core, chunk + 8, &size))
			return;
		usable = (size & ~(uint64_t)CHUNK_FLAGS) - 8;
		m->sum->bytes += usable;
		scan_range(m, chunk + CHUNK_HEADER, chunk + CHUNK_HEADER + usable);
		return;
	}
	usable = (load64(p + 8) & ~(uint64_t)CHUNK_FLAGS) - 8;
	m->sum->bytes += usable;
	if (usable > s->end - chunk - CHUNK_HEADER) { /* the last 8 bytes lie in the next header */
		scan_range(m, chunk + CHUNK_HEADER, chunk + CHUNK_HEADER + usable);
		return;
	}
	scan_words(m, p + CHUNK_HEADER, usable);
}

static inline __attribute__((always_inline)) void fetch(const struct marker *m, vaddr chunk)
{
	const struct span *s = heap_span(m->heap, chunk);

	if (s->mem)
		for (unsigned i = 0; i < FETCH; i += 64)
			__builtin_prefetch(s->mem + (chunk - s->start) + i);
}

static void scan_oldest(struct marker *m)
{
	vaddr chunk = m->block[m->first_block];

	m->first_block = (m->first_block + 1) % BLOCKS;
	m->nblocks--;
	scan_chunk(m, chunk);
}

static void scan_later(struct marker *m, vaddr chunk)
{
	if (m->nblocks == BLOCKS)
		scan_oldest(m);
	fetch(m, chunk);
	m->block[(m->first_block + m->nblocks++) % BLOCKS] = chunk;
}

/* Scans what is on the stack and in the queues, until all are empty. */
static void follow(struct marker *m)
{
	while (m->depth || m->nblocks || m->npointers || m->ntargets) {
		while (m->depth && m->nblocks < BLOCKS)
			scan_later(m, m->stack[--m->depth]);
		if (m->nblocks)
			scan_oldest(m);
		else if (m->npointers)
			resolve_oldest(m);
		else
			hold_oldest(m);
	}
}

/* Scans pending chunks of one cell; those that become pending behind the cursor wait. */
static void sweep_cell(struct marker *m, const struct span *s, size_t c)
{
	uint64_t bits = cell_bits(&s->cell[c]);
	uint32_t id = s->first_id + s->cell[c].rank;

	if (!any_bit(m->pending, id, bit_count(bits)))
		return;
	for (; bits; bits &= bits - 1, id++) {
		if (!bit_get(m->pending, id))
			continue;
		bit_clear(m->pending, id);
		m->npending--;
		scan_later(m, s->start + ((c << 6 | (unsigned)__builtin_ctzll(bits)) << 4));
		if (!m->sweeping)
			follow(m);
	}
}

static void sweep(struct marker *m)
{
	for (size_t i = 0; i < m->heap->nspans && m->npending; i++) {
		const struct span *s = &m->heap->span[i];

		for (size_t c = 0; c < s->ncells; c++)
			sweep_cell(m, s, c);
		if (!s->cell && bit_get(m->pending, s->first_id)) {
			bit_clear(m->pending, s->first_id);
			m->npending--;
			scan_later(m, s->start);
		}
	}
}

/* Scans until nothing is left to scan. */
static void drain(struct marker *m)
{
	follow(m);
	while (m->npending) {
		m->sweeping = m->npending > FEW;
		sweep(m);
		follow(m);
	}
	m->sweeping = false;
}

static void mark_strong(struct marker *m, const struct roots *roots)
{
	m->mode = MODE_STRONG;
	m->sum = &m->reach->total[REACH_REACHABLE];
	for (size_t i = 0; i < roots->nregs; i++)
		if (roots->reg[i].value - m->lo < m->hi - m->lo)
			look(m, roots->reg[i].value);
	for (size_t i = 0; i < roots->n; i++) {
		scan_range(m, roots->v[i].start, roots->v[i].end);
		drain(m);
	}
	drain(m);
}

/* What the first pass took out of left is strong; what interior pointers touched is to be scanned. */
static void settle_strong(struct marker *m)
{
	uint64_t *strong = m->reach->strong, *weak = m->reach->weak;

	for (size_t i = 0; i < words_used(m); i++) {
		uint64_t touched = weak[i] & m->left[i];

		if (m->heap->used[i] != m->left[i])
			strong[i] = m->heap->used[i] & ~m->left[i];
		if (weak[i])
			weak[i] = 0;
		if (touched) {
			m->left[i] &= ~touched;
			m->pending[i] = touched;
			m->npending += bit_count(touched);
		}
	}
}

static void mark_weak(struct marker *m)
{
	uint64_t unread;

	m->mode = MODE_WEAK;
	m->sum = &m->reach->total[REACH_POSSIBLE];
	drain(m);
	/* parts of the heap that could not be read may hold anything */
	unread = m->reach->unread;
	for (size_t i = 0; i < m->heap->ngaps; i++) {
		scan_range(m, m->heap->gap[i].start, m->heap->gap[i].end);
		drain(m);
	}
	m->reach->unread = unread; /* heap.unread has it already */
	for (size_t i = 0; i < words_used(m); i++) {
		uint64_t weak = m->heap->used[i] & ~m->left[i] & ~m->reach->strong[i];

		if (weak)
			m->reach->weak[i] = weak;
	}
}

static void flood(struct marker *m, vaddr chunk, uint32_t id)
{
	bit_clear(m->left, id);
	push(m, chunk, id);
	drain(m);
}

/* Floods, in address order, from each block that no earlier flood came to. */
static void find_candidates(struct marker *m, uint64_t *candidate)
{
	for (size_t i = 0; i < m->heap->nspans; i++) {
		const struct span *s = &m->heap->span[i];

		for (size_t c = 0; c < s->ncells; c++) {
			uint64_t bits = cell_bits(&s->cell[c]);
			uint32_t id = s->first_id + s->cell[c].rank;

			if (!any_bit(m->left, id, bit_count(bits)))
				continue;
			for (; bits; bits &= bits - 1, id++) {
				if (!bit_get(m->left, id))
					continue;
				bit_set(candidate, id);
				flood(m, s->start + ((c << 6 | (unsigned)__builtin_ctzll(bits)) << 4), id);
			}
		}
		if (!s->cell && bit_get(m->left, s->first_id)) {
			bit_set(candidate, s->first_id);
			flood(m, s->start, s->first_id);
		}
	}
}

/* A candidate that is still left is a head: its own tally, and a flood of what hangs below. */
static void take_head(struct marker *m, vaddr chunk, uint32_t id)
{
	struct tally *below = m->sum, own = { 0 };

	bit_set(m->reach->head, id);
	bit_clear(m->left, id);
	m->sum = &own;
	scan_chunk(m, chunk);
	m->reach->total[REACH_DEFINITE].blocks += own.blocks;
	m->reach->total[REACH_DEFINITE].bytes += own.bytes;
	m->sum = below;
	drain(m);
}

static void heads_of_cell(struct marker *m, const struct span *s, size_t c, const uint64_t *candidate)
{
	uint64_t bits = cell_bits(&s->cell[c]);
	uint32_t n = bit_count(bits), id = s->first_id + s->cell[c].rank;

	if (!any_bit(candidate, id, n))
		return;
	id += n;
	while (bits) {
		unsigned bit = 63u - (unsigned)__builtin_clzll(bits);

		bits &= ~(UINT64_C(1) << bit);
		id--;
		if (bit_get(candidate, id) && bit_get(m->left, id))
			take_head(m, s->start + ((c << 6 | bit) << 4), id);
	}
}

/* Floods from the candidates in reverse order. */
static void find_heads(struct marker *m, const uint64_t *candidate)
{
	for (size_t i = m->heap->nspans; i-- > 0;) {
		const struct span *s = &m->heap->span[i];

		for (size_t c = s->ncells; c-- > 0;)
			heads_of_cell(m, s, c, candidate);
		if (!s->cell && bit_get(candidate, s->first_id) && bit_get(m->left, s->first_id))
			take_head(m, s->start, s->first_id);
	}
}

/* The unreachable blocks, as left for a flood. */
static void leave_unreachable(struct marker *m)
{
	const struct reach *r = m->reach;

	for (size_t i = 0; i < words_used(m); i++)
		m->left[i] = m->heap->used[i] & ~r->strong[i] & ~r->weak[i];
}

static void judge_leaked(struct marker *m)
{
	uint64_t *candidate = mem_lazy(m->reach->bits_bytes), unread = m->reach->unread;
	struct tally ignored = { 0 };

	m->mode = MODE_FLOOD;
	m->sum = &ignored;
	leave_unreachable(m);
	find_candidates(m, candidate);
	leave_unreachable(m);
	m->sum = &m->reach->total[REACH_INDIRECT];
	find_heads(m, candidate);
	mem_lazy_free(candidate, m->reach->bits_bytes);
	m->reach->unread = unread;
}

/* Roots are missing: what was not reached may be held by them. */
static void withhold(struct marker *m)
{
	struct reach *r = m->reach;
	struct tally *t = &r->withheld_tally;

	t->blocks = m->heap->total[BLOCK_USED].blocks - r->total[REACH_REACHABLE].blocks -
	            r->total[REACH_POSSIBLE].blocks;
	t->bytes = m->heap->total[BLOCK_USED].bytes - r->total[REACH_REACHABLE].bytes -
	           r->total[REACH_POSSIBLE].bytes;
	r->total[REACH_POSSIBLE].blocks += t->blocks;
	r->total[REACH_POSSIBLE].bytes += t->bytes;
}

void reach_mark(const struct core *core, const struct heap *heap, const struct roots *roots,
                struct reach *out)
{
	struct marker m = { .core = core, .heap = heap, .reach = out };

	*out = (struct reach){ .heap = heap, .bits_bytes = heap->bits_bytes };
	if (heap->nspans) {
		m.lo = heap->span[0].start + CHUNK_HEADER;
		m.hi = heap->span[heap->nspans - 1].end + CHUNK_HEADER;
	}
	out->strong = mem_lazy(out->bits_bytes);
	out->weak = mem_lazy(out->bits_bytes);
	out->head = mem_lazy(out->bits_bytes);
	m.left = mem_lazy(out->bits_bytes);
	m.pending = mem_lazy(out->bits_bytes);
	m.stack = mem_alloc(STACK, sizeof(*m.stack));
	memcpy(m.left, heap->used, words_used(&m) * 8);
	mark_strong(&m, roots);
	settle_strong(&m);
	mark_weak(&m);
	out->withheld = roots->nmissing || heap->unread || out->unread;
	if (out->withheld)
		withhold(&m);
	else
		judge_leaked(&m);
	mem_lazy_free(m.left, out->bits_bytes);
	mem_lazy_free(m.pending, out->bits_bytes);
	mem_free(m.stack);
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
