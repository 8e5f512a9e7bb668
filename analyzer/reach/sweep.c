/*
 * Passes over the heap in address order: what is found so far is scanned as a stream and not block
 * by block at random, which costs more in translating addresses and in branches taken wrongly than
 * in reading. A cell of the index (64 granules of 16 bytes, or of 8 on i386 up to glibc 2.25) is
 * looked at as a whole: which of its granules belong to blocks that are to be scanned is worked out
 * as a bit mask, and words are filtered by it without asking where blocks begin and end. The words
 * that stay and lead far away are resolved in batches, so that their bits are fetched many at a
 * time.
 *
 * A pointer to a block further on has it scanned in the same sweep. Sweeps go up and down in turn,
 * as there are programs whose blocks point to older ones for the most part. A sweep over much is
 * shared out among threads; what is visited in the end does not depend on the order.
 */
#include "analyzer/reach/fill.h"
#include "formats/crew.h"
#include "formats/stage.h"

#define FEW         8192 /* found blocks that are better followed one by one */
#define FEW_SHARE   128  /* or one in so many cells */
#define PIECE_DOWN  32   /* of it, cells that are swept together on the way down */
#define LEAD        8    /* pieces that are read from disk ahead */
#define LONG        64   /* cells: a block over so many is scanned on its own */
#define ROUNDS      16   /* over one piece in a row, at most */
#define ROUND_SHARE 16   /* found blocks that are worth one: one in so many cells */

/* Where chunks start in a cell. */
static inline uint64_t starts_in(const struct marker *m, const struct span *s, size_t c)
{
	return c == m->foreign ? 0 : cell_bits(&s->cell[c]);
}

/* Does a chunk start with the cell, or end before it? */
static inline bool starts_with(const struct marker *m, const struct span *s, size_t c)
{
	return c == m->foreign ? !((s->end - s->start) >> s->shift & 63)
	                       : (cell_bits(&s->cell[c]) & 1) != 0;
}

/* The first chunk at or after from; the span's end where it is in a cell that is not to be read. */
static vaddr next_start(const struct marker *m, const struct span *s, vaddr from)
{
	size_t c = (from - s->start) / span_cell(s);

	while (c < m->foreign && c < s->ncells && !cell_bits(&s->cell[c]))
		c++;
	return c < m->foreign ? span_next(s, from) : s->end;
}

/* The last block that starts in cell c goes on beyond it. Is it long? Then it is scanned here. */
static bool scan_long(struct marker *m, const struct span *s, size_t c)
{
	size_t end = c + LONG < s->ncells ? c + LONG : s->ncells;
	vaddr from = s->start + (c + 1) * span_cell(s), next;

	if (end > m->foreign)
		end = m->foreign;
	for (size_t i = c + 1; i < end; i++)
		if (cell_bits(&s->cell[i]))
			return false;
	next = next_start(m, s, from);
	if (next < from + CHUNK_HEADER || next - from < span_cell(s))
		return false;
	m->sum->bytes += next - from;
	from += CHUNK_HEADER;
	next += s->size_at - s->apart;
	if (m->early && s->mem)
		mark_words(m, s->mem + (from - s->start), next - from);
	else
		mark_range(m, from, next);
	return true;
}

/* Those of the blocks that may be none. */
static uint64_t parked(const struct marker *m, const struct span *s, size_t c, uint64_t first)
{
	uint64_t none = 0;

	for (uint64_t rest = first; rest; rest &= rest - 1) {
		vaddr chunk = cell_chunk(s, c, (unsigned)__builtin_ctzll(rest));

		if (!s->mem || chunk_may_be_parked(m->early, chunk, s->mem + (chunk - s->start)))
			none |= rest & -rest;
	}
	return none;
}

inline uint64_t take_found(struct marker *m, const struct span *s, size_t c)
{
	size_t at = s->first_cell + c;
	uint64_t found = __atomic_load_n(&m->found[at], __ATOMIC_RELAXED), first;

	if (!found)
		return 0;
	if (!m->touched && !m->early) { /* pointers into the middle hold, too */
		resolve_inner(m, s, c);
		found = __atomic_load_n(&m->found[at], __ATOMIC_RELAXED);
	}
	first = found & m->left[at]; /* a cell is swept by one thread, which alone changes left */
	if (m->early)
		first &= ~parked(m, s, c, first);
	if (first)
		m->left[at] &= ~first;
	return first;
}

static inline __attribute__((always_inline)) uint32_t count(uint64_t v, bool popcnt)
{
	return popcnt ? (uint32_t)__builtin_popcountll(v) : bit_count(v);
}

/*
 * Scans the blocks first, which start in cell c, and, if more, the one that goes on from the cell
 * before. True: the last one goes on in the next cell.
 */
static inline __attribute__((always_inline)) bool sweep_cell(struct marker *m, struct fills *q,
                                                             const struct span *s, size_t c,
                                                             uint64_t first, bool more, bool popcnt)
{
	uint64_t starts = starts_in(m, s, c), stops = starts, room, fill, kept;
	bool last = c + 1 == s->ncells;

	if (last) /* as if a chunk started at the end */
		stops |= UINT64_C(1) << ((s->end - s->start) >> s->shift & 63);
	room = ~stops;
	/* adding the bit behind a start carries through all the room up to the next */
	fill = first | (room & ~(room + ((first << 1 | more) & room)));
	m->sum->blocks += count(first, popcnt);
	m->sum->bytes += m->grain * (uint64_t)count(fill, popcnt) -
	                 (m->width + s->apart) * (uint64_t)count(first, popcnt);
	stops = stops >> 1 | (last ? 0 : (uint64_t)starts_with(m, s, c + 1) << 63);
	kept = s->apart ? fill & ~stops : fill;
	if (kept)
		fills_add(m, q, &(struct fill){ s, c, kept, stops });
	if (last || !(fill >> 63) || starts_with(m, s, c + 1))
		return false;
	return !(first && scan_long(m, s, c));
}

static inline __attribute__((always_inline)) void cells_by(struct marker *m, const struct span *s,
                                                           size_t c, size_t end, bool popcnt)
{
	struct fills q = { .n = 0 };
	bool more = false;

	for (; c < end; c++) {
		uint64_t first = take_found(m, s, c);

		if (first || more)
			more = sweep_cell(m, &q, s, c, first, more, popcnt);
	}
	for (; more; c++) /* into the next piece, whose blocks are another's */
		more = sweep_cell(m, &q, s, c, 0, true, popcnt);
	fills_end(m, &q);
}

static void cells_plain(struct marker *m, const struct span *s, size_t c, size_t end)
{
	cells_by(m, s, c, end, false);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static void cells_popcnt(struct marker *m, const struct span *s,
                                                           size_t c, size_t end)
{
	cells_by(m, s, c, end, true);
}
#define SWEEP_CELLS (__builtin_cpu_supports("popcnt") ? cells_popcnt : cells_plain)
#else
#define SWEEP_CELLS cells_plain
#endif

/* Found blocks that are left in cells of these numbers. */
static uint64_t count_found(const struct marker *m, size_t first, size_t end)
{
	uint64_t n = 0;

	for (size_t i = first; i < end; i++) {
		uint64_t some = __atomic_load_n(&m->found[i], __ATOMIC_RELAXED) & m->left[i];

		if (some)
			n += bit_count(some);
	}
	return n;
}

static uint64_t count_fresh(const struct marker *m)
{
	size_t cells = m->heap->ncells;
	uint64_t n = 0;

	for (size_t i = 0; i < pieces_of(m->heap); i++)
		if (m->fresh[i] == FRESH_FOUND)
			n += count_found(m, i * PIECE,
			                 cells < (i + 1) * PIECE ? cells : (i + 1) * PIECE);
	return n;
}

/* The same, where the log may have what the core has. */
static void sweep_groups(struct marker *m, const struct span *s, size_t c, size_t end)
{
	while (c < end) {
		size_t room = LOG_GROUP - (s->first_cell + c) % LOG_GROUP;
		size_t stop = end - c < room ? end : c + room;

		if (edgelog_has(m->log, s->first_cell + c))
			logged_cells(m, s, c, stop);
		else
			SWEEP_CELLS(m, s, c, stop);
		c = stop;
	}
}

/* Where most pointers lead to what is near, cells are gone over again while they are in the cache.
 */
void sweep_cells(struct marker *m, const struct span *s, size_t c, size_t end)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (m->log)
			sweep_groups(m, s, c, end);
		else
			SWEEP_CELLS(m, s, c, end);
		if (count_found(m, s->first_cell + c, s->first_cell + end) <=
		    (m->early ? 0 : (end - c) / ROUND_SHARE))
			break;
	}
}

void sweep_mmapped(struct marker *m, const struct span *s)
{
	if (!(take_found(m, s, 0) & 1))
		return;
	m->sum->blocks++;
	m->sum->bytes += s->usable;
	mark_range(m, s->start + CHUNK_HEADER, s->start + CHUNK_HEADER + s->usable);
	resolve_words(m);
}

void sweep_settle(struct marker *m, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		piece_taken(m, i);
		if (count_found(m, i * PIECE, (i + 1) * PIECE))
			__atomic_store_n(&m->fresh[i], FRESH_FOUND, __ATOMIC_RELAXED);
	}
}

/* ---- sweeps ---- */

/* A sweep; threads take the pieces in order, up or down. */
struct sweep {
	bool down;
	size_t next, pieces;
};

static void sweep_up(struct marker *m, size_t from, size_t to)
{
	struct stretch p;

	for (; stretch_first(m->heap, from, to, &p); from = p.span->first_cell + p.end) {
		if (p.span->cell)
			sweep_cells(m, p.span, p.cell, p.end);
		else
			sweep_mmapped(m, p.span);
	}
}

static void sweep_down(struct marker *m, size_t from, size_t to)
{
	struct stretch p;

	while (stretch_last(m->heap, from, to, &p)) {
		if (p.end - p.cell > PIECE_DOWN)
			p.cell = p.end - PIECE_DOWN;
		if (p.span->cell)
			sweep_cells(m, p.span, p.cell, p.end);
		else
			sweep_mmapped(m, p.span);
		to = p.span->first_cell + p.cell;
	}
}

static void sweep_piece(struct marker *m, bool down, size_t piece)
{
	size_t from = piece * PIECE, to = from + PIECE;
	uint8_t *fresh = &m->fresh[piece];
	uint64_t before = m->sum->bytes;

	if (to > m->heap->ncells)
		to = m->heap->ncells;
	if (__atomic_load_n(fresh, __ATOMIC_RELAXED) != FRESH_FOUND)
		return;
	piece_taken(m, piece);
	if (down)
		sweep_down(m, from, to);
	else
		sweep_up(m, from, to);
	stage_add(m->sum->bytes - before);
	if (count_found(m, from, to))
		__atomic_store_n(fresh, FRESH_FOUND, __ATOMIC_RELAXED);
}

static size_t nth_piece(const struct sweep *w, size_t i)
{
	return w->down ? w->pieces - 1 - i : i;
}

static void sweep_pieces(struct marker *m, struct sweep *w)
{
	size_t i;

	while ((i = __atomic_fetch_add(&w->next, 1, __ATOMIC_RELAXED)) < w->pieces) {
		if (m->core->scarce && i + LEAD < w->pieces)
			want_piece(m, nth_piece(w, i + LEAD));
		sweep_piece(m, w->down, nth_piece(w, i));
	}
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
	struct sweep w = { .down = m->down, .pieces = pieces_of(m->heap) };
	size_t n = 0;

	m->down = !m->down;
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
	uint64_t few = m->heap->ncells / FEW_SHARE;

	few = few < FEW ? FEW : few > STACK / 2 ? STACK / 2 : few;
	resolve_words(m);
	while (count_fresh(m) > few)
		sweep_once(m);
}
