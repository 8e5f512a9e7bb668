/*
 * Passes over the heap in address order: what is found so far is scanned as a stream and not block
 * by block at random, which costs more in translating addresses and in branches taken wrongly than
 * in reading. A cell of the index (64 granules of 16 bytes, or of 8 on i386 up to glibc 2.25) is
 * looked at as a whole: which of its granules belong to blocks that are to be scanned is worked out
 * as a bit mask, and words are filtered by it without asking where blocks begin and end. The words
 * that stay are resolved in batches, so that their index cells, and then their bits, are fetched
 * many at a time.
 *
 * A pointer to a block further on has it scanned in the same sweep, one backwards in the next. A
 * sweep over much is shared out among threads; what is visited in the end does not depend on the
 * order.
 */
#include "analyzer/filter.h"
#include "analyzer/marker.h"
#include "formats/crew.h"

#include <pthread.h>

#define FEW         8192 /* found blocks that are better followed one by one */
#define FEW_SHARE   128  /* or one in so many cells */
#define PIECE       1024 /* cells that a thread takes at a time: 1 MiB of heap, within a cache */
#define LONG        64   /* cells: a block over so many is scanned on its own */
#define FILLS       8    /* cells whose lines are fetched ahead */
#define ROUNDS      16   /* over one piece in a row, at most */
#define ROUND_SHARE 16   /* found blocks that are worth one: one in so many cells */

/* Of the n (<= 64) blocks from this id on, those that are found and left; they are left no more. */
static uint64_t take_found(struct marker *m, uint32_t id, uint32_t n)
{
	uint64_t *left = &m->left[id >> 6];
	const uint64_t *found = &m->found[id >> 6];
	unsigned shift = id & 63;
	uint64_t mask = n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX, some;

	some = (__atomic_load_n(found, __ATOMIC_RELAXED) &
	        __atomic_load_n(left, __ATOMIC_RELAXED)) >>
	       shift;
	if (shift + n > 64)
		some |= (__atomic_load_n(found + 1, __ATOMIC_RELAXED) &
		         __atomic_load_n(left + 1, __ATOMIC_RELAXED))
		        << (64 - shift);
	some &= mask;
	if (!some)
		return 0;
	if (m->shared) {
		__atomic_fetch_and(left, ~(some << shift), __ATOMIC_RELAXED);
		if (shift && shift + n > 64)
			__atomic_fetch_and(left + 1, ~(some >> (64 - shift)), __ATOMIC_RELAXED);
	} else {
		*left &= ~(some << shift);
		if (shift && shift + n > 64)
			left[1] &= ~(some >> (64 - shift));
	}
	return some;
}

/* Puts the low bits of some at the places of the bits of starts, in order. */
static uint64_t spread(uint64_t some, uint64_t starts)
{
	uint64_t at = 0;

	for (; some; some >>= 1, starts &= starts - 1)
		if (some & 1)
			at |= starts & -starts;
	return at;
}

/* Bit i of a 32-bit number goes to bit 2i. */
static uint64_t twice(uint64_t v)
{
	v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
	v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v | v << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	v = (v | v << 2) & UINT64_C(0x3333333333333333);
	return (v | v << 1) & UINT64_C(0x5555555555555555);
}

/* What of a cell is to be scanned: granules of blocks, and where size fields stand in front. */
struct fill {
	const struct span *span;
	size_t cell;
	uint64_t fill, stops;
};

/* Asks for the lines of it. */
static inline __attribute__((always_inline)) void fetch(const struct fill *f, unsigned grain)
{
	const uint8_t *p = f->span->mem + f->cell * 64 * grain + CHUNK_HEADER;
	unsigned last = 63u - (unsigned)__builtin_clzll(f->fill);

	if (!f->span->mem)
		return;
	for (unsigned g = (unsigned)__builtin_ctzll(f->fill); g <= last; g += 64 / grain)
		__builtin_prefetch(p + grain * g, 0, 0);
	__builtin_prefetch(p + grain * last + grain - 1, 0, 0);
}

/* The words that are kept of a cell, where not all of it lies in the core in one piece. */
static void copy_kept(struct marker *m, vaddr at, const struct fill *f, uint8_t *copy)
{
	memset(copy, 0, CELL);
	for (unsigned i = 0; i < 64 * m->grain; i += m->width) {
		unsigned g = i / m->grain;
		bool last = i + m->width == (g + 1) * m->grain;

		if (f->fill >> g & 1 && !(last && f->stops >> g & 1) &&
		    !core_read(m->core, at + i, copy + i, m->width))
			m->unread += m->width;
	}
}

/* Its words, but for the size fields, which are the last ones of their granules. */
static void scan_fill(struct marker *m, const struct fill *f)
{
	const struct span *s = f->span;
	uint64_t second = f->fill & ~f->stops, keep[2];
	uint64_t cell = 64 * m->grain, from = f->cell * cell + CHUNK_HEADER;
	uint64_t *out = m->word + m->nwords;
	uint8_t copy[CELL];
	const uint8_t *p;

	if (s->mem && from + cell <= s->end - s->start) {
		p = s->mem + from;
	} else {
		copy_kept(m, s->start + from, f, copy);
		p = copy;
	}
	if (m->width == 8) {
		keep[0] = twice(f->fill & UINT32_MAX) | twice(second & UINT32_MAX) << 1;
		keep[1] = twice(f->fill >> 32) | twice(second >> 32) << 1;
		m->nwords += filter_kept(p, keep, m->mask, m->lo, m->hi - m->lo, out);
	} else {
		m->nwords += filter_granules(p, f->fill, f->stops, m->grain, m->lo, m->hi - m->lo,
		                             out);
	}
	if (m->nwords >= BATCH)
		resolve_words(m);
}

/* Fills wait for their lines in a ring. */
struct fills {
	struct fill v[FILLS];
	unsigned first, n;
};

static void scan_oldest(struct marker *m, struct fills *q)
{
	scan_fill(m, &q->v[q->first]);
	q->first = (q->first + 1) % FILLS;
	q->n--;
}

static void scan_later(struct marker *m, struct fills *q, const struct fill *f)
{
	if (m->grain == 16)
		fetch(f, 16);
	else
		fetch(f, 8);
	if (q->n == FILLS)
		scan_oldest(m, q);
	q->v[(q->first + q->n++) % FILLS] = *f;
}

/* The last block that starts in cell c goes on beyond it. Is it long? Then it is scanned here. */
static bool scan_long(struct marker *m, const struct span *s, size_t c)
{
	size_t end = c + LONG < s->ncells ? c + LONG : s->ncells;
	vaddr from = s->start + (c + 1) * span_cell(s), next;

	for (size_t i = c + 1; i < end; i++)
		if (cell_bits(&s->cell[i]))
			return false;
	next = span_next(s, from);
	if (next < from + CHUNK_HEADER || next - from < span_cell(s))
		return false;
	m->sum->bytes += next - from;
	mark_range(m, from + CHUNK_HEADER, next + s->size_at - s->apart);
	return true;
}

/*
 * Scans the blocks that start in cell c and are found and left, and, if more, the one that goes on
 * from the cell before. True: the last one goes on in the next cell.
 */
static inline bool sweep_cell(struct marker *m, struct fills *q, const struct span *s, size_t c,
                              bool more, bool only_more)
{
	uint64_t starts = cell_bits(&s->cell[c]), stops = starts, room, first = 0, fill, kept;
	uint32_t n = bit_count(starts);
	bool last = c + 1 == s->ncells;

	if (n && !only_more) {
		uint64_t some = take_found(m, s->first_id + s->cell[c].rank, n);

		if (some)
			first = n < 64 && some == (UINT64_C(1) << n) - 1 ? starts
			                                                 : spread(some, starts);
	}
	if (!first && !more)
		return false;
	if (last) /* as if a chunk started at the end */
		stops |= UINT64_C(1) << ((s->end - s->start) >> s->shift & 63);
	room = ~stops;
	/* adding the bit behind a start carries through all the room up to the next */
	fill = first | (room & ~(room + ((first << 1 | more) & room)));
	m->sum->blocks += bit_count(first);
	m->sum->bytes += m->grain * (uint64_t)bit_count(fill) -
	                 (m->width + s->apart) * (uint64_t)bit_count(first);
	stops = stops >> 1 | (last ? 0 : cell_bits(&s->cell[c + 1]) << 63);
	kept = s->apart ? fill & ~stops : fill;
	if (kept)
		scan_later(m, q, &(struct fill){ s, c, kept, stops });
	if (last || !(fill >> 63) || cell_bits(&s->cell[c + 1]) & 1)
		return false;
	return !(first && scan_long(m, s, c));
}

/* Blocks with these ids that are found and left. */
static uint64_t count_found(const struct marker *m, uint32_t first, uint32_t end)
{
	uint64_t n = 0;

	for (size_t i = first >> 6; i < ((size_t)end + 63) / 64; i++) {
		uint64_t some = __atomic_load_n(&m->found[i], __ATOMIC_RELAXED) &
		                __atomic_load_n(&m->left[i], __ATOMIC_RELAXED);

		if (some)
			n += bit_count(some);
	}
	return n;
}

static void sweep_cells(struct marker *m, const struct span *s, size_t c, size_t end)
{
	struct fills q = { .n = 0 };
	bool more = false;

	for (; c < end; c++)
		more = sweep_cell(m, &q, s, c, more, false);
	for (; more; c++) /* into the next piece, whose blocks are another's */
		more = sweep_cell(m, &q, s, c, more, true);
	while (q.n)
		scan_oldest(m, &q);
	resolve_words(m);
}

/* Where most pointers lead to what is near, a piece is gone over again while it is in the cache. */
static void sweep_piece(struct marker *m, const struct span *s, size_t c, size_t end)
{
	uint32_t first = s->first_id + s->cell[c].rank;
	uint32_t behind = end < s->ncells ? s->first_id + s->cell[end].rank
	                                  : s->first_id + s->nchunks;

	for (int i = 0; i < ROUNDS; i++) {
		sweep_cells(m, s, c, end);
		if (count_found(m, first, behind) < (end - c) / ROUND_SHARE)
			break;
	}
}

static void sweep_mmapped(struct marker *m, const struct span *s)
{
	if (!take_found(m, s->first_id, 1))
		return;
	m->sum->blocks++;
	m->sum->bytes += s->usable;
	mark_range(m, s->start + CHUNK_HEADER, s->start + CHUNK_HEADER + s->usable);
}

/* ---- sweeps ---- */

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
		if (!s->cell)
			sweep_mmapped(m, s);
		else
			sweep_piece(m, s, c, s->ncells - c > PIECE ? c + PIECE : s->ncells);
	}
	resolve_words(m); /* what mmapped chunks left */
}

/* One thread's part in a sweep: a marker of its own over the same bitmaps. */
struct sweeper {
	struct marker marker;
	struct tally sum;
	struct sweep *sweep;
	struct hand hand;
};

struct sweeper *sweepers_new(unsigned threads)
{
	return mem_alloc(threads, sizeof(struct sweeper));
}

void sweepers_free(struct sweeper *sweeper)
{
	mem_free(sweeper);
}

static void sweeper_work(void *sweeper)
{
	struct sweeper *s = sweeper;

	sweep_pieces(&s->marker, s->sweep);
}

/* Starts one more thread on the sweep; false if the system gives none. */
static bool sweeper_start(struct sweeper *s, const struct marker *m, struct sweep *sweep)
{
	s->marker = *m;
	s->marker.unread = 0;
	s->sum = (struct tally){ 0 };
	s->marker.sum = &s->sum;
	s->sweep = sweep;
	return hand_start(&s->hand, sweeper_work, s);
}

static void sweeper_join(struct sweeper *s, struct marker *m)
{
	hand_wait(&s->hand);
	m->unread += s->marker.unread;
	m->sum->blocks += s->sum.blocks;
	m->sum->bytes += s->sum.bytes;
}

static void sweep_once(struct marker *m)
{
	struct sweep w = { .lock = PTHREAD_MUTEX_INITIALIZER };
	size_t n = 0;

	m->shared = m->threads > 1;
	while (m->shared && n + 1 < m->threads && sweeper_start(&m->sweeper[n], m, &w))
		n++;
	sweep_pieces(m, &w);
	while (n > 0)
		sweeper_join(&m->sweeper[--n], m);
	m->shared = false;
}

void sweep_all(struct marker *m)
{
	uint64_t few = 0;

	for (size_t i = 0; i < m->heap->nspans; i++)
		few += m->heap->span[i].ncells / FEW_SHARE;
	few = few < FEW ? FEW : few > STACK / 2 ? STACK / 2 : few;
	resolve_words(m);
	while (count_found(m, 0, m->heap->nchunks) > few)
		sweep_once(m);
}
