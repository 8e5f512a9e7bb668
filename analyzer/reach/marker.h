/*
 * marker: what mark.c (following pointers one by one) and sweep.c (passing over the heap in address
 * order) share. Private to them, fill.c and resolve.c.
 */
#ifndef ANALYZER_REACH_MARKER_H
#define ANALYZER_REACH_MARKER_H

#include "analyzer/reach/cellmap.h"
#include "analyzer/reach/edgelog.h"
#include "analyzer/reach/mark.h"
#include "heapwalk/visit.h"

#define STACK  32768 /* chunks */
#define BLOCKS 64    /* scanned together */
#define BATCH  256   /* words that are resolved together */
#define NEARS  64    /* spans that are known without looking them up */
#define PIECE  1024  /* cells that a thread sweeps at a time: 1 MiB of heap, within a cache */
#define CELL   1024  /* bytes of heap whose chunk starts one index cell has, at most */

/* Of a piece: does found have bits there? */
enum freshness { FRESH_NONE, FRESH_SWEPT, FRESH_FOUND }; /* none; none since it was swept; some */

/* A span, by the low bits of the number of its 64 MiB. */
struct near {
	vaddr start;
	uint64_t size;    /* bytes; 0: none is known */
	uint64_t granule; /* number of its first one, among those of all cells */
};

struct marker {
	const struct core *core;
	const struct heap *heap;
	vaddr lo, hi;   /* user addresses of the heap lie in [lo, hi) */
	uint64_t mask;  /* of a word: what of it is an address */
	unsigned width; /* bytes of a word: 8 or 4 */
	unsigned grain; /* bytes of a granule, to which blocks are aligned: 16 or 8 */
	size_t ncells;  /* of the bitmaps */
	uint64_t *left; /* by cell: starts of the blocks that are to be visited in this pass */
	/* by cell, while sweeping: granules that pointers lead to. Those where a block starts that
	 * is left are to be scanned; others are inside of blocks, or of blocks that are not left */
	uint64_t *found;
	uint8_t *fresh;    /* by piece, that is by so many cells: enum freshness */
	uint64_t *touched; /* by id: by interior pointers, where those do not hold; else NULL */
	struct tally *sum;
	uint64_t unread; /* bytes */
	vaddr *stack;    /* chunks to be scanned, while they are few */
	size_t depth;
	bool sweeping; /* they are many: in found instead */
	bool down;     /* the next sweep is one from the heap's end on */
	bool shared;   /* a parallel sweep: others change the bitmaps too */
	/* While the heap is walked (early.c), else NULL: blocks that may be none stay left, and
	 * what leads into the middle of a granule waits until it is known which block that is */
	const struct parking *early;
	uint64_t *inner[2]; /* by cell: granules that such words lead into; [1]: to a size field,
	                       if the next granule has one */
	bool fed;           /* and the span that is swept is in memory */
	/* After that: of blocks that were left then, where complete; or NULL */
	const struct edgelog *log;
	size_t foreign; /* a cell of the span that is swept, which is not to be read; or SIZE_MAX */
	unsigned threads;
	struct sweeper *sweeper; /* threads of them */
	unsigned thin, patience; /* blocks in a row that were followed one by one, and the most */
	struct near near[NEARS];
	uint64_t word[BATCH + 260]; /* in [lo, hi), to be resolved */
	size_t nwords;
};

/* Where the bit of a chunk's start is in a bitmap by cell. */
struct seat {
	size_t cell;
	uint64_t bit;
};

static inline struct seat seat_of(const struct span *s, vaddr chunk)
{
	uint64_t granule = (chunk - s->start) >> s->shift;

	return (struct seat){ s->first_cell + (granule >> 6), UINT64_C(1) << (granule & 63) };
}

/*
 * Sets a bit that other threads' bits share a word with. Who sets one, and then looks whether the
 * piece is known to have some, must not miss that another has just begun to sweep it, who must not
 * miss the bit: sequentially consistent here, and a fence there (piece_taken).
 */
static inline __attribute__((always_inline)) void bits_put(bool shared, uint64_t *word,
                                                           uint64_t bit)
{
	if (!shared)
		*word |= bit;
	else if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit))
		__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
}

/* Sets bits of found, and tells that there are some. */
static inline __attribute__((always_inline)) void find_put(struct marker *m, bool shared,
                                                           size_t cell, uint64_t bit)
{
	uint8_t *fresh = &m->fresh[cell / PIECE];

	bits_put(shared, &m->found[cell], bit);
	if (__atomic_load_n(fresh, __ATOMIC_SEQ_CST) != FRESH_FOUND)
		__atomic_store_n(fresh, FRESH_FOUND, __ATOMIC_RELEASE);
}

/* What is found in a piece from here on makes it fresh again. */
static inline void piece_taken(struct marker *m, size_t piece)
{
	__atomic_exchange_n(&m->fresh[piece], FRESH_SWEPT, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Number of the heap's pieces. */
static inline size_t pieces_of(const struct heap *h)
{
	return h->ncells / PIECE + 1;
}

/* What follows from the heap's spans: once more when those have changed. */
void marker_aim(struct marker *m);

/* Words that may be pointers, from p; what they hold is scanned later. */
void mark_words(struct marker *m, const uint8_t *p, uint64_t bytes);

/* Those of n (<= 64) words at p that may be pointers; out has room for n + 4. */
size_t marker_filter(const struct marker *m, const uint8_t *p, size_t n, uint64_t *out);

/* Bytes of the block whose chunk is at p, or NULL where it is not mapped; not checked. */
uint64_t marker_usable(const struct marker *m, const struct span *s, vaddr chunk, const uint8_t *p);

/* resolve.c: the span around at, if it has cells; else one that at is not in. */
const struct near *marker_near(struct marker *m, vaddr at);
/* What the words that wait point to becomes found, or touched. */
void resolve_words(struct marker *m);
/*
 * Granules of this cell, without a chunk's start, that pointers lead to: the blocks around them
 * become found, or touched. They are found themselves no more.
 */
void resolve_inner(struct marker *m, const struct span *s, size_t cell);

/* Scans all that is found and left, and what that leads to, until little or nothing is. */
void sweep_all(struct marker *m);

/* Scans what is found and left in cells [first, end) of a span, and in them again what that leads
 * to. */
void sweep_cells(struct marker *m, const struct span *s, size_t first, size_t end);
/* The same for an mmapped chunk. */
void sweep_mmapped(struct marker *m, const struct span *s);
/* These pieces were swept: where nothing found is left, they need no sweep until more is found. */
void sweep_settle(struct marker *m, size_t first, size_t end);

/* A word into the middle of a granule, or block: what it leads to becomes found, or touched. */
void resolve_inner_word(struct marker *m, uint64_t word);
/* The same for all words that wait in inner. */
void resolve_held_back(struct marker *m);

/* Of the blocks that start in a cell, those that are found and left; they are left no more. */
uint64_t take_found(struct marker *m, const struct span *s, size_t c);

/* logged.c: while the heap is walked: what is left in cells [c, end) goes to the log. */
void log_left(struct marker *m, struct pen *pen, const struct span *s, size_t c, size_t end);
/* Scans what is found and left in these cells of one group, which is in the log. */
void logged_cells(struct marker *m, const struct span *s, size_t c, size_t end);
/* The same for one block, whose bytes it counts. False: it is not in the log. */
bool logged_scan(struct marker *m, const struct span *s, vaddr chunk);

/* What a sweep will read of a piece is asked for: what is found now, with what lies between. */
void want_piece(const struct marker *m, size_t piece);

struct sweeper *sweepers_new(unsigned threads);
void sweepers_free(struct sweeper *sweeper);

#endif
