/*
 * Stepping from chunk header to chunk header, and what each step must satisfy. A region ends in the
 * arena's top chunk, or in fenceposts: headers of size 0x10 (two of them in the main arena, whose
 * brk was interrupted; one in a subheap that was left for a new one), then in a subheap one of size
 * 0. Where the remainder of such a subheap was too small for a free chunk, the fencepost is a chunk
 * of size 0x20 in front of the size 0 (malloc.c sysmalloc).
 *
 * Where the chain breaks, walking goes on at the lowest address from which headers chain on
 * plausibly; what lies between is counted as skipped and reported.
 */
#include "heapwalk/walk.h"
#include "formats/written.h"

#define RESYNC_STEPS 64 /* headers that must chain for an address to be trusted */
#define RESYNC_BUDGET (UINT64_C(1) << 27) /* headers looked at in all: nothing takes for ever */

enum step { STEP_CHUNK, STEP_TOP, STEP_FENCE, STEP_BAD };

struct stepper {
	struct walk *w;
	vaddr limit, top;
	bool main;
};

/* Looks at the header at p. *size and *head only for STEP_CHUNK and STEP_TOP. */
static enum step step_at(const struct stepper *st, vaddr p, uint64_t *head, uint64_t *size)
{
	uint64_t next;

	if (!range_holds(0, st->limit, p, CHUNK_HEADER) || !chunk_head(&st->w->view, p, head))
		return STEP_BAD;
	*size = *head & ~(uint64_t)CHUNK_FLAGS;
	if (p == st->top)
		return *size <= st->limit - p ? STEP_TOP : STEP_BAD;
	if (*size == 0x10 || (*size == 0 && !st->main && (*head & CHUNK_PREV_INUSE)))
		return STEP_FENCE;
	if (*size < CHUNK_MIN || *size & 8 || *size > st->limit - p - CHUNK_HEADER)
		return STEP_BAD;
	if ((*head & CHUNK_MMAPPED) || (st->main && (*head & CHUNK_NON_MAIN)))
		return STEP_BAD;
	if (!st->main && *size == CHUNK_MIN && chunk_head(&st->w->view, p + *size, &next) &&
	    next <= CHUNK_PREV_INUSE && p + *size != st->top)
		return STEP_FENCE;
	return STEP_CHUNK;
}

/* The address after the fenceposts that start at p. */
static vaddr after_fence(const struct stepper *st, vaddr p)
{
	uint64_t head;

	for (int i = 0; i < 3 && range_holds(0, st->limit, p, CHUNK_HEADER); i++) {
		uint64_t size;

		if (!chunk_head(&st->w->view, p, &head))
			break;
		size = head & ~(uint64_t)CHUNK_FLAGS;
		if (size == 0 && !st->main)
			return p + CHUNK_HEADER;
		if (size != 0x10 && !(i == 0 && !st->main && size == CHUNK_MIN))
			break;
		p += size;
	}
	return p;
}

vaddr chunks_chain(struct walk *w, vaddr start, vaddr limit, vaddr top, uint64_t max_steps,
                   bool *at_top)
{
	struct stepper st = { w, limit, top, true };
	uint64_t head, size;
	vaddr p = start;

	*at_top = false;
	for (uint64_t n = 0; n < max_steps; n++) {
		switch (step_at(&st, p, &head, &size)) {
		case STEP_TOP:
			*at_top = true;
			return p + size;
		case STEP_FENCE:
			return p == start ? 0 : after_fence(&st, p);
		case STEP_BAD:
			return 0;
		default:
			p += size;
		}
	}
	return p;
}

/* Do headers chain on from q, either to the end of the region or long enough? */
static bool trustworthy(const struct stepper *st, vaddr q, uint64_t *budget)
{
	uint64_t head, size, prev_size;
	vaddr p = q;

	for (int n = 0; n < RESYNC_STEPS && *budget; n++, --*budget) {
		vaddr last = p;

		switch (step_at(st, p, &head, &size)) {
		case STEP_TOP:
			return true;
		case STEP_FENCE:
			return n > 0;
		case STEP_BAD:
			return false;
		default:
			p += size;
		}
		/* a free chunk repeats its size at its end */
		if (chunk_head(&st->w->view, p, &head) && !(head & CHUNK_PREV_INUSE) &&
		    (!view_read64(&st->w->view, p, &prev_size) || prev_size != p - last))
			return false;
	}
	return *budget != 0;
}

/* Lowest trustworthy chunk start at or after p; 0 if none. */
static vaddr resync(const struct stepper *st, vaddr p, bool after_gap, uint64_t *budget)
{
	for (vaddr q = p; range_holds(0, st->limit, q, CHUNK_HEADER) && *budget; q += CHUNK_ALIGN) {
		uint64_t head;

		if (q == st->top)
			return q;
		if (!chunk_head(&st->w->view, q, &head)) {
			q = round_down(q, 4096) + 4096 - CHUNK_ALIGN;
			continue;
		}
		if (head < CHUNK_MIN || (after_gap && !(head & CHUNK_PREV_INUSE)))
			continue;
		if (trustworthy(st, q, budget))
			return q;
	}
	return st->top >= p && st->top < st->limit ? st->top : 0;
}

/* What malloc_trim gives back of a binned chunk: whole pages behind its header (malloc.c mtrim). */
static uint64_t trim_inner(vaddr p, uint64_t size, uint64_t page)
{
	vaddr at = round_up(p + 48, page);

	return at < p + size ? round_down(p + size - at, page) : 0;
}

static void count_chunk(struct walk *w, const struct region *r, vaddr p, uint64_t size, bool used)
{
	struct arena *a = &w->arenas.v[r->arena];
	uint64_t usable = size - 8;

	if (used) {
		a->used.blocks++;
		a->used.bytes += usable;
		bit_set(w->heap->used, w->next_id);
		if (size >= 0x250 && size <= 0x320)
			array_push(&w->candidates, p + CHUNK_HEADER);
	} else {
		a->free[FREE_UNLISTED].blocks++;
		a->free[FREE_UNLISTED].bytes += usable;
		a->trimmable += trim_inner(p, size, w->core->page_size);
		if (usable > a->largest_free)
			a->largest_free = usable;
	}
	w->next_id++;
}

static void count_top(struct walk *w, const struct region *r, uint64_t size)
{
	struct arena *a = &w->arenas.v[r->arena];

	a->free[FREE_TOP].blocks++;
	a->free[FREE_TOP].bytes += size >= 8 ? size - 8 : 0;
	if (size >= 8 && size - 8 > a->largest_free)
		a->largest_free = size - 8;
	if (a->main && size > CHUNK_MIN) /* systrim: all whole pages but MINSIZE */
		a->trimmable += round_down(size - CHUNK_MIN - 1, w->core->page_size);
	w->next_id++;
}

/*
 * The chain of headers is a chain of dependent loads: fetch the memory ahead as a stream, so that
 * the next headers are there when their address is known. (always_inline: GCC 12 takes a function
 * that only prefetches for one without effect, and drops the call.)
 */
#define AHEAD  2048
#define WINDOW (UINT64_C(16) << 20) /* bytes mapped at a time */

static inline __attribute__((always_inline)) void fetch_ahead(const struct view *v, vaddr p,
                                                              uint64_t size)
{
	const uint8_t *at = v->mem + (p - v->lo) + AHEAD;

	if (p < v->lo || p >= v->hi || size > AHEAD)
		return;
	for (uint64_t i = 0; i < size; i += 64)
		__builtin_prefetch(at + i);
}

/* Steps from p until top, a fence or a bad header; sets the bits. *next is where it stopped. */
static enum step walk_span(const struct stepper *st, const struct region *r, struct span *s,
                           vaddr p, vaddr *next)
{
	struct walk *w = st->w;
	vaddr last = 0, mapped = p;
	uint64_t last_size = 0, head, size;

	for (;;) {
		enum step step;

		if (p >= mapped && r->limit - p > WINDOW / 64) {
			mapped = r->limit - p > WINDOW ? p + WINDOW : r->limit;
			core_will_read(w->core, p, mapped);
		}
		step = step_at(st, p, &head, &size);

		if (last) /* the chunk before: its state stands in this header */
			count_chunk(w, r, last, last_size,
			            step == STEP_BAD || (head & CHUNK_PREV_INUSE));
		if (step == STEP_TOP) {
			span_set(s, p);
			count_top(w, r, size);
			s->end = p + size;
			*next = s->end;
			return step;
		}
		if (step != STEP_CHUNK) {
			s->end = p;
			*next = p;
			return step;
		}
		span_set(s, p);
		fetch_ahead(&w->view, p, size);
		last = p;
		last_size = size;
		p += size;
	}
}

static void open_span(struct walk *w, const struct region *r, vaddr at, struct span *s)
{
	*s = (struct span){ .start = at,
		            .own_start = at,
		            .arena = r->arena,
		            .kind = r->kind,
		            .first_id = w->next_id,
		            .cell = w->heap->cell + w->next_cell };
}

static void close_span(struct walk *w, struct span *s)
{
	if (s->end == s->start)
		return;
	s->ncells = (s->end - s->start) / 1024 + 1;
	w->next_cell += s->ncells;
	span_rank(s);
	s->mem = core_at(w->core, s->start, s->end - s->start);
	array_push(&w->spans, *s);
}

static void report_break(struct walk *w, const struct region *r, vaddr at, vaddr next)
{
	vaddr end = next ? next : r->limit;
	uint64_t head;

	array_push(&w->gaps, ((struct owned){ at, end, "heap of unknown content" }));
	if (!chunk_head(&w->view, at, &head)) {
		w->heap->unread += end - at;
		walk_find(w, "heap-unsaved", at, false,
		          "the heap from 0x%llx on is not in the core", (unsigned long long)at);
		return;
	}
	w->heap->skipped += end - at;
	walk_find(w, "chunk-size", at, true,
	          "the chunk header at 0x%llx holds 0x%llx, which is no size: "
	          "overwritten, likely by the block before it; %llu bytes were skipped",
	          (unsigned long long)at, (unsigned long long)head, (unsigned long long)(end - at));
}

static void walk_region(struct walk *w, const struct region *r)
{
	struct stepper st = { w, r->limit, r->top, w->arenas.v[r->arena].main };
	uint64_t budget = RESYNC_BUDGET;
	vaddr at = r->start, next;
	size_t first = w->spans.n;

	while (at < r->limit) {
		struct span s;
		enum step end;
		vaddr stop;

		open_span(w, r, at, &s);
		end = walk_span(&st, r, &s, at, &stop);
		close_span(w, &s);
		if (end == STEP_TOP || (end == STEP_FENCE && r->top <= stop))
			break;
		/* a fence before top: somebody else called sbrk, and malloc went on behind it */
		next = end == STEP_FENCE ? after_fence(&st, stop) : stop + CHUNK_ALIGN;
		at = resync(&st, next, end == STEP_FENCE, &budget);
		if (end == STEP_BAD)
			report_break(w, r, stop, at);
		if (!at)
			break;
		if (w->spans.n > first)
			w->spans.v[w->spans.n - 1].own_end = end == STEP_FENCE ? next : at;
	}
	if (w->spans.n > first) {
		w->spans.v[first].own_start = r->own_start;
		w->spans.v[w->spans.n - 1].own_end = r->own_end;
	}
}

static void add_mmapped(struct walk *w, const struct region *r)
{
	struct span s = { .start = r->start,
		          .end = r->limit,
		          .own_start = r->own_start,
		          .own_end = r->own_end,
		          .kind = SPAN_MMAP,
		          .usable = r->usable,
		          .first_id = w->next_id,
		          .nchunks = 1 };

	s.mem = core_at(w->core, s.start, s.end - s.start);
	bit_set(w->heap->used, w->next_id++);
	w->heap->mmapped.blocks++;
	w->heap->mmapped.bytes += s.usable;
	array_push(&w->spans, s);
}

void chunks_walk(struct walk *w)
{
	for (size_t i = 0; i < w->regions.n; i++) {
		const struct region *r = &w->regions.v[i];

		if (i && r->start < w->regions.v[i - 1].limit) {
			walk_find(w, "overlap", r->start, true,
			          "two parts of the heap claim 0x%llx; the second "
			          "is skipped",
			          (unsigned long long)r->start);
			w->regions.v[i].limit = w->regions.v[i - 1].limit;
			continue;
		}
		if (r->kind == SPAN_MMAP)
			add_mmapped(w, r);
		else
			walk_region(w, r);
	}
}
