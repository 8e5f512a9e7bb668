/*
 * A depth-first walk over used blocks, with queues that hide memory latency: a block waits in one
 * while its first lines are fetched, a pointer in another while the index cell of its target is,
 * the target in a third while its bit is.
 *
 * The stack is short. Where more is to be scanned than it holds, blocks are noted in a bitmap and
 * scanned in address order, sweep after sweep: the dead heap is then read as a stream and not page
 * by page at random, which costs more in translating addresses than in reading (5 M chunks of 240
 * bytes at random: 0.8 s for 1.8 s). A sweep over a few pending blocks follows each at once; one
 * over many is shared out among threads. What is visited in the end does not depend on the order.
 */
#include "analyzer/mark.h"
#include "analyzer/filter.h"
#include "formats/written.h"

#include <pthread.h>

#define STACK    32768 /* chunks */
#define FEW      8192  /* pending chunks that are better followed one by one */
#define MANY     65536 /* pending chunks that are worth starting threads for */
#define PIECE    4096  /* cells that a thread takes at a time: 4 MiB of heap */
#define FILTER   64    /* words looked at together */
#define POINTERS 64    /* waiting for an index cell */
#define TARGETS  32    /* waiting for their bits */
#define BLOCKS   16    /* waiting for their content */
#define LONG     65536 /* bytes; blocks that are worth asking which part of them was ever touched */
#define FETCH    256   /* bytes of it that are fetched ahead */

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
	vaddr lo, hi;      /* user addresses of the heap lie in [lo, hi) */
	uint64_t mask;     /* of a word: what of it is an address */
	uint64_t *left;    /* to be visited in this pass: bit by id */
	uint64_t *touched; /* by interior pointers, where those do not hold; else NULL */
	struct tally *sum;
	uint64_t unread; /* bytes */
	vaddr *stack;    /* chunks to scan, while they are few */
	size_t depth;
	bool sweeping;     /* they are many: in pending instead */
	uint64_t *pending; /* to scan: bit by id */
	uint64_t npending;
	bool shared; /* a parallel sweep: others change the bitmaps too */
	unsigned threads;
	struct sweeper *sweeper; /* threads of them */
	struct pointer pointer[POINTERS];
	unsigned first_pointer, npointers;
	struct target target[TARGETS];
	unsigned first_target, ntargets;
	vaddr block[BLOCKS];
	unsigned first_block, nblocks;
};

static inline bool bit_load(const uint64_t *bits, uint32_t id)
{
	return __atomic_load_n(&bits[id >> 6], __ATOMIC_RELAXED) >> (id & 63) & 1;
}

/* Sets or clears a bit that other threads' bits share a word with; false: it was so already. */
static inline bool bit_put(const struct marker *m, uint64_t *bits, uint32_t id, bool to)
{
	uint64_t bit = UINT64_C(1) << (id & 63), old;

	if (!m->shared) {
		old = bits[id >> 6];
		bits[id >> 6] = to ? old | bit : old & ~bit;
	} else if (to) {
		old = __atomic_fetch_or(&bits[id >> 6], bit, __ATOMIC_RELAXED);
	} else {
		old = __atomic_fetch_and(&bits[id >> 6], ~bit, __ATOMIC_RELAXED);
	}
	return !(old & bit) == to;
}

static void push(struct marker *m, vaddr chunk, uint32_t id)
{
	if (m->depth == STACK)
		m->sweeping = true;
	if (m->sweeping) {
		bit_put(m, m->pending, id, true);
		m->npending++;
	} else {
		m->stack[m->depth++] = chunk;
	}
}

/* A pointer leads to the block with this id, which is left. */
static void hold(struct marker *m, vaddr chunk, uint32_t id, bool exact)
{
	if (m->touched && !exact)
		bit_put(m, m->touched, id, true);
	else if (bit_put(m, m->left, id, false)) /* not by another thread in the meantime */
		push(m, chunk, id);
}

static inline void hold_oldest(struct marker *m)
{
	struct target t = m->target[m->first_target];

	m->first_target = (m->first_target + 1) % TARGETS;
	m->ntargets--;
	if (bit_load(m->left, t.id))
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
	__builtin_prefetch(&m->pending[t->id >> 6], 1);
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

static void scan_words(struct marker *m, const uint8_t *p, uint64_t bytes)
{
	uint64_t some[FILTER + 4];

	while (bytes >= 8) {
		size_t take = bytes < 8 * FILTER ? bytes / 8 : FILTER;
		size_t n = m->mask == UINT64_MAX
		                   ? filter_words(p, take, m->lo, m->hi - m->lo, some)
		                   : filter_masked(p, take, m->mask, m->lo, m->hi - m->lo, some);

		for (size_t i = 0; i < n; i++)
			look(m, some[i]);
		p += 8 * take;
		bytes -= 8 * take;
	}
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

void mark_range(struct marker *m, vaddr start, vaddr end)
{
	vaddr at = round_up(start, 8), stop;

	end = round_down(end, 8);
	if (at >= end)
		return;
	m->unread += unsaved(m->core, at, end);
	for (; core_written(m->core, &at, end, &stop); at = stop) {
		vaddr from = round_up(at, 8);
		const uint8_t *p = from < stop ? core_at(m->core, from, stop - from) : NULL;

		if (p)
			scan_words(m, p, stop - from);
	}
}

/* Its header, which is in the cache line that is read next, tells; the index where one is wrong. */
static uint64_t usable_of(const struct marker *m, const struct span *s, vaddr chunk,
                          const uint8_t *p)
{
	if (m->heap->repaired || !p)
		return span_next(s, chunk + CHUNK_ALIGN) - chunk - 8;
	return (load64(p + 8) & ~(uint64_t)CHUNK_FLAGS) - 8;
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
	p = s->mem ? s->mem + (chunk - s->start) : NULL;
	usable = usable_of(m, s, chunk, p);
	m->sum->bytes += usable;
	/* the last 8 bytes lie in the next header; a long block may be a hole for the most part */
	if (!p || usable > s->end - chunk - CHUNK_HEADER || usable > LONG) {
		mark_range(m, chunk + CHUNK_HEADER, chunk + CHUNK_HEADER + usable);
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
	mark_scan(m, chunk);
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

	if (!bits_any(m->pending, id, bit_count(bits)))
		return;
	for (; bits; bits &= bits - 1, id++) {
		if (!bit_load(m->pending, id))
			continue;
		bit_put(m, m->pending, id, false);
		m->npending--;
		scan_later(m, s->start + ((c << 6 | (unsigned)__builtin_ctzll(bits)) << 4));
		if (!m->sweeping)
			follow(m);
	}
}

static void sweep_mmapped(struct marker *m, const struct span *s)
{
	if (!bit_load(m->pending, s->first_id))
		return;
	bit_put(m, m->pending, s->first_id, false);
	m->npending--;
	scan_later(m, s->start);
}

/* A sweep as pieces of work: some cells of a span, or one mmapped chunk. */
struct sweep {
	pthread_mutex_t lock;
	size_t span, cell; /* where the next piece begins */
};

static bool next_piece(struct sweep *w, const struct heap *h, const struct span **s, size_t *cell)
{
	bool more;

	pthread_mutex_lock(&w->lock);
	more = w->span < h->nspans;
	if (more) {
		*s = &h->span[w->span];
		*cell = w->cell;
		w->cell += PIECE;
		if (w->cell >= (*s)->ncells) {
			w->span++;
			w->cell = 0;
		}
	}
	pthread_mutex_unlock(&w->lock);
	return more;
}

static void sweep_pieces(struct marker *m, struct sweep *w)
{
	const struct span *s;
	size_t c;

	while (next_piece(w, m->heap, &s, &c)) {
		size_t end = s->ncells - c > PIECE ? c + PIECE : s->ncells;

		if (!s->cell)
			sweep_mmapped(m, s);
		else
			for (; c < end; c++)
				sweep_cell(m, s, c);
	}
	follow(m);
}

/* One thread's part in a sweep: a marker of its own over the same bitmaps. */
struct sweeper {
	struct marker marker;
	struct tally sum;
	struct sweep *sweep;
	pthread_t thread;
};

static void *sweeper_run(void *arg)
{
	struct sweeper *s = arg;

	sweep_pieces(&s->marker, s->sweep);
	return NULL;
}

/* Starts one more thread on the sweep; false if the system gives none. */
static bool sweeper_start(struct sweeper *s, const struct marker *m, struct sweep *sweep)
{
	s->marker = *m;
	s->marker.npending = s->marker.unread = 0;
	s->sum = (struct tally){ 0 };
	s->marker.sum = &s->sum;
	s->sweep = sweep;
	return pthread_create(&s->thread, NULL, sweeper_run, s) == 0;
}

static void sweeper_join(struct sweeper *s, struct marker *m)
{
	pthread_join(s->thread, NULL);
	m->npending += s->marker.npending; /* as a difference: may wrap, and back */
	m->unread += s->marker.unread;
	m->sum->blocks += s->sum.blocks;
	m->sum->bytes += s->sum.bytes;
}

static void sweep(struct marker *m)
{
	struct sweep w = { .lock = PTHREAD_MUTEX_INITIALIZER };
	size_t n = 0;

	m->sweeping = m->npending > FEW;
	m->shared = m->threads > 1 && m->npending > MANY;
	while (m->shared && n + 1 < m->threads && sweeper_start(&m->sweeper[n], m, &w))
		n++;
	sweep_pieces(m, &w);
	while (n > 0)
		sweeper_join(&m->sweeper[--n], m);
	m->shared = false;
}

void mark_drain(struct marker *m)
{
	follow(m);
	while (m->npending)
		sweep(m);
	m->sweeping = false;
}

struct marker *mark_open(const struct core *core, const struct heap *heap, unsigned threads)
{
	struct marker *m = mem_alloc(1, sizeof(*m));

	m->core = core;
	m->heap = heap;
	m->mask = core->machine->pointer_mask;
	if (heap->nspans) {
		m->lo = heap->span[0].start + CHUNK_HEADER;
		m->hi = heap->span[heap->nspans - 1].end + CHUNK_HEADER;
	}
	m->pending = mem_lazy(heap->bits_bytes);
	m->stack = mem_alloc(STACK, sizeof(*m->stack));
	m->threads = threads;
	m->sweeper = mem_alloc(threads, sizeof(*m->sweeper));
	return m;
}

void mark_close(struct marker *m)
{
	if (!m)
		return;
	mem_lazy_free(m->pending, m->heap->bits_bytes);
	mem_free(m->stack);
	mem_free(m->sweeper);
	mem_free(m);
}

void mark_pass(struct marker *m, uint64_t *left, uint64_t *touched, struct tally *sum)
{
	m->left = left;
	m->touched = touched;
	m->sum = sum;
}

void mark_word(struct marker *m, uint64_t word)
{
	word &= m->mask;
	if (word - m->lo < m->hi - m->lo)
		look(m, word);
}

void mark_block(struct marker *m, vaddr chunk, uint32_t id)
{
	bit_clear(m->left, id);
	push(m, chunk, id);
}

uint64_t *mark_pending(struct marker *m, uint64_t n)
{
	m->npending += n;
	return m->pending;
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
