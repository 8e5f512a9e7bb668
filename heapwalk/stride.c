/*
 * stride: the walk's fast way over sound chunks, nearly all there are. It does nothing that
 * walk_span would not do with them, and stops in front of whatever is out of the ordinary: the top
 * chunk, fences, bad headers, a free chunk whose size does not stand at its end.
 *
 * The chain of headers is a chain of dependent loads, so the memory is fetched ahead as a stream;
 * what is counted stays in registers until a word or cell is full; free chunks, one in four and not
 * to be foreseen, are noted without a branch and looked at together.
 */
#include "heapwalk/links.h"
#include "heapwalk/step.h"

#define AHEAD 2048 /* bytes */
#define FREED 64

struct freed {
	vaddr at;
	uint64_t size;
};

struct stride {
	struct walk *w;
	struct span *span;
	struct arena *arena;
	size_t cell; /* index of the one whose bits are gathered */
	uint64_t cell_bits;
	uint64_t used_bits; /* of the word that next_id lies in */
	struct tally used, free;
	struct freed freed[FREED];
	size_t nfreed;
};

static void put_cell(struct stride *t)
{
	struct cell *c = &t->span->cell[t->cell];

	c->lo |= (uint32_t)t->cell_bits;
	c->hi |= (uint32_t)(t->cell_bits >> 32);
	t->cell_bits = 0;
}

static void put_used(struct stride *t, uint32_t id)
{
	t->w->heap->used[id >> 6] |= t->used_bits;
	t->used_bits = 0;
}

static inline __attribute__((always_inline)) void put_freed(struct stride *t, unsigned word)
{
	struct walk *w = t->w;
	const uint8_t *mem = w->view.mem;
	vaddr lo = w->view.lo;

	for (size_t i = 0; i < t->nfreed; i++) {
		const uint8_t *p = mem + (t->freed[i].at + CHUNK_HEADER - lo);
		uint64_t size = t->freed[i].size;

		links_add(w, t->freed[i].at, chunk_ours(load_word(p, word), word),
		          chunk_ours(load_word(p + word, word), word));
		t->free.bytes += size - word;
		if (size - word > t->arena->largest_free)
			t->arena->largest_free = size - word;
	}
	t->free.blocks += t->nfreed;
	t->nfreed = 0;
}

static void finish(struct stride *t, unsigned word)
{
	put_cell(t);
	put_used(t, t->w->next_id);
	put_freed(t, word);
	t->arena->used.blocks += t->used.blocks;
	t->arena->used.bytes += t->used.bytes;
	t->arena->free[FREE_UNLISTED].blocks += t->free.blocks;
	t->arena->free[FREE_UNLISTED].bytes += t->free.bytes;
}

/* The chunk of this size in front of a header with this much of a flag is in use, or free. */
static inline __attribute__((always_inline)) void count(struct stride *t, vaddr at, uint64_t size,
                                                        uint64_t used, unsigned word)
{
	struct walk *w = t->w;

	t->used_bits |= used << (w->next_id & 63);
	t->used.blocks += used;
	t->used.bytes += (size - word) & -used;
	t->freed[t->nfreed] = (struct freed){ at, size };
	t->nfreed += !used;
	if (t->nfreed == FREED)
		put_freed(t, word);
	if (size >= tcache_least(word) && size <= w->candidate_max && used)
		array_push(&w->candidates, at + CHUNK_HEADER);
	if ((w->next_id & 63) == 63)
		put_used(t, w->next_id);
	w->next_id++;
}

static inline __attribute__((always_inline)) void mark_start(struct stride *t, vaddr p,
                                                             unsigned shift)
{
	uint64_t granule = (p - t->span->start) >> shift;

	if (granule >> 6 != t->cell) {
		put_cell(t);
		t->cell = granule >> 6;
	}
	t->cell_bits |= UINT64_C(1) << (granule & 63);
}

static vaddr lowest(vaddr a, vaddr b)
{
	return a < b ? a : b;
}

static inline __attribute__((always_inline)) void stride_by(const struct stepper *st,
                                                            const struct region *r, struct span *s,
                                                            struct place *place, unsigned word,
                                                            unsigned shift)
{
	struct walk *w = st->w;
	const struct view *v = &w->view;
	struct place at = *place;
	vaddr stop = lowest(lowest(w->reached, v->hi - 64), st->limit - 64), fetched = at.p;
	/* in a subheap, the smallest chunk may be a fence */
	uint64_t least = chunk_min(word) + (st->main || !step_is_tight(st, word) ? 0 : 2 * word);
	uint64_t odd = CHUNK_MMAPPED | step_odd(w, word) | (st->main ? CHUNK_NON_MAIN : 0);
	struct stride t = { .w = w, .span = s, .arena = &w->arenas.v[r->arena] };

	if (st->top > at.p && st->top < stop)
		stop = st->top;
	if (st->until)
		stop = lowest(stop, st->until);
	if (at.p < v->lo || v->hi - v->lo < 64 || !at.last || at.p >= stop || st->top == at.p)
		return;
	t.cell = (at.p - s->start) >> (shift + 6);
	while (at.p < stop) {
		const uint8_t *p = v->mem + (at.p - v->lo);
		uint64_t head = load_word(p + chunk_size_at(word), word),
			 size = head & ~(uint64_t)CHUNK_FLAGS;

		if ((head & odd) || size < least || size > st->limit - at.p - CHUNK_HEADER ||
		    (!(head & CHUNK_PREV_INUSE) &&
		     load_word(p + chunk_lead(word), word) != at.last_size))
			break;
		count(&t, at.last, at.last_size, head & CHUNK_PREV_INUSE, word);
		mark_start(&t, at.p, shift);
		if (size <= AHEAD)
			for (; fetched < at.p + size; fetched += 64)
				__builtin_prefetch(v->mem + (fetched - v->lo) + AHEAD);
		at.last = at.p;
		at.last_size = size;
		at.p += size;
	}
	finish(&t, word);
	*place = at;
}

void stride(const struct stepper *st, const struct region *r, struct span *s, struct place *place)
{
	if (st->w->word == 8)
		stride_by(st, r, s, place, 8, 4);
	else if (s->shift == 4)
		stride_by(st, r, s, place, 4, 4);
	else
		stride_by(st, r, s, place, 4, 3);
}
