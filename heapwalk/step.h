/*
 * step: what a chunk header must satisfy for the walk to go on from it. Private to heapwalk/.
 */
#ifndef HEAPWALK_STEP_H
#define HEAPWALK_STEP_H

#include "heapwalk/walk.h"

enum step { STEP_CHUNK, STEP_TOP, STEP_FENCE, STEP_BAD };

struct stepper {
	struct walk *w;
	vaddr limit, top;
	uint64_t top_size; /* where the header of top is not to be believed; else 0 */
	vaddr until;       /* chunk at which to stop; 0: none */
	bool main;
};

/* Are chunks aligned to two words, as all are but those of i386 from 2.26 on? word: as step_by. */
static inline __attribute__((always_inline)) bool step_is_tight(const struct stepper *st,
                                                                unsigned word)
{
	return word == 8 || st->w->align == 8;
}

/*
 * A header of two words' size or 0: a fencepost? They come in pairs (malloc.c sysmalloc); alone it
 * is an overwritten header.
 */
static inline bool step_is_fence(const struct stepper *st, vaddr p, uint64_t head, unsigned word)
{
	unsigned fence = chunk_fence(word);
	uint64_t next;

	if (head < fence)
		return step_is_tight(st, word) && !st->main && head == CHUNK_PREV_INUSE &&
		       st->limit - p == CHUNK_HEADER;
	return !chunk_head(&st->w->view, p + fence, &next, word) ||
	       next == (CHUNK_PREV_INUSE | (st->main ? fence : 0));
}

/* The bit that no size has. word: as step_by. */
static inline __attribute__((always_inline)) uint64_t step_odd(const struct walk *w, unsigned word)
{
	return word == 8 ? 8 : w->align - 8;
}

/* Looks at the header at p. *size and *head only for STEP_CHUNK and STEP_TOP. word: a constant
 * where time counts. */
static inline __attribute__((always_inline)) enum step step_by(const struct stepper *st, vaddr p,
                                                               uint64_t *head, uint64_t *size,
                                                               unsigned word)
{
	uint64_t next;

	if (!range_holds(0, st->limit, p, CHUNK_HEADER) || !chunk_head(&st->w->view, p, head, word))
		return STEP_BAD;
	*size = *head & ~(uint64_t)CHUNK_FLAGS;
	if (p == st->top) {
		if (st->top_size)
			*size = st->top_size;
		return *size <= st->limit - p ? STEP_TOP : STEP_BAD;
	}
	if (*size <= chunk_fence(word))
		return step_is_fence(st, p, *head, word) ? STEP_FENCE : STEP_BAD;
	if (*size < chunk_min(word) || *size & step_odd(st->w, word) ||
	    *size > st->limit - p - CHUNK_HEADER)
		return STEP_BAD;
	if ((*head & CHUNK_MMAPPED) || (st->main && (*head & CHUNK_NON_MAIN)))
		return STEP_BAD;
	if (step_is_tight(st, word) && !st->main && *size == chunk_min(word) &&
	    chunk_head(&st->w->view, p + *size, &next, word) && next <= CHUNK_PREV_INUSE &&
	    p + *size != st->top)
		return STEP_FENCE;
	return STEP_CHUNK;
}

static inline enum step step_at(const struct stepper *st, vaddr p, uint64_t *head, uint64_t *size)
{
	return step_by(st, p, head, size, st->w->word);
}

/* Where a walk is. */
struct place {
	vaddr p;            /* a header */
	vaddr last;         /* the chunk before it, not counted yet; 0: none */
	uint64_t last_size; /* bytes */
};

/*
 * chunk.c: steps from p until top, a fence, a bad header or st->until (STEP_CHUNK); sets the bits
 * and counts. *next is where it stopped. Between chunks_open and chunks_close, which add the span.
 */
enum step chunks_span(const struct stepper *st, const struct region *r, struct span *s, vaddr p,
                      vaddr *next);
void chunks_open(struct walk *w, const struct region *r, vaddr at, struct span *s);
void chunks_close(struct walk *w, struct span *s);

/* stride.c: steps over sound chunks as long as there are such. */
void stride(const struct stepper *st, const struct region *r, struct span *s, struct place *at);

/* The smallest chunk that a tcache_perthread_struct lies in (glibc 2.26). */
static inline uint64_t tcache_least(unsigned word)
{
	return word == 8 ? 0x250 : 0x150;
}

/* resync.c: where to go on after a break. */
struct resync {
	struct stepper st;
	const struct region *r;
	/* bit by granule of the region: some word points here, one that may be a list's does;
	 * NULL: not searched yet */
	uint64_t *pointed, *listed;
	uint64_t bits_bytes; /* of each */
};

/* What is wrong where the walk of a span stopped at a bad header. */
struct fault {
	vaddr chunk;  /* the damaged chunk: at the bad header, or before it where its size misled */
	vaddr before; /* the span's chunk in front of it; 0: none */
	vaddr next;   /* the next chunk to be trusted; 0: none in this region */
	bool repaired; /* [chunk, next) is one chunk, as far as can be told */
	bool used;     /* its state, if repaired */
};

/* Lowest trustworthy chunk start at or after p, for a place where nothing is damaged; 0: none. */
vaddr resync_after_gap(struct resync *rs, vaddr p);
/* The span's chunks before stop are marked in its cells; the header at stop is bad. */
void resync_find(struct resync *rs, const struct span *s, vaddr stop, struct fault *f);
void resync_free(struct resync *rs);

#endif
