/*
 * Stepping from chunk header to chunk header, and what each step must satisfy. A region ends in the
 * arena's top chunk, or in fenceposts: headers of two words' size (two of them in the main arena,
 * whose brk was interrupted; one in a subheap that was left for a new one), then in a subheap one
 * of size 0. Where the remainder of such a subheap was too small for a free chunk, the fencepost is
 * a chunk of size 0x20 in front of the size 0 (malloc.c sysmalloc; with words of 4 bytes it is one
 * of 8, or where blocks are aligned to 8 of 16).
 *
 * Where the chain breaks, walking goes on at the next sound chunk (resync.c). Where what lies
 * between is one chunk with a bad header, it stays a chunk of the span; else it is skipped, a gap.
 */
#include "heapwalk/links.h"
#include "formats/stage.h"
#include "heapwalk/split.h"
#include "heapwalk/step.h"

#include <stdio.h>

/* The address after the fenceposts that start at p. */
static vaddr after_fence(const struct stepper *st, vaddr p)
{
	unsigned word = st->w->word;
	uint64_t head;

	for (int i = 0; i < 3 && range_holds(0, st->limit, p, CHUNK_HEADER); i++) {
		uint64_t size;

		if (!chunk_head(&st->w->view, p, &head, word))
			break;
		size = head & ~(uint64_t)CHUNK_FLAGS;
		if (size == 0 && !st->main)
			return p + CHUNK_HEADER;
		if (size != chunk_fence(word) && !(i == 0 && !st->main && size == chunk_min(word)))
			break;
		p += size;
	}
	return p;
}

vaddr chunks_chain(struct walk *w, vaddr start, vaddr limit, vaddr top, struct broken *broken,
                   bool *at_top)
{
	struct stepper st = { .w = w, .limit = limit, .top = top, .main = true };
	uint64_t head, size, n = 0;
	vaddr p = start, end = 0;

	*at_top = false;
	for (;; n++, p += size) {
		enum step step = step_at(&st, p, &head, &size);

		if (step == STEP_CHUNK)
			continue;
		*at_top = step == STEP_TOP;
		if (step == STEP_TOP)
			end = p + size;
		else if (step == STEP_FENCE && n)
			end = after_fence(&st, p);
		break;
	}
	*broken = (struct broken){ .at = end ? 0 : p, .n = n };
	if (!end)
		w->budget -= n < w->budget ? n : w->budget;
	return end;
}

/* One chunk more (by 1) or fewer (by UINT64_MAX) in its arena's tallies. */
static inline __attribute__((always_inline)) void tally_chunk(struct walk *w,
                                                              const struct region *r, uint64_t size,
                                                              bool used, uint64_t by, unsigned word)
{
	struct arena *a = &w->arenas.v[r->arena];
	struct tally *t = used ? &a->used : &a->free[FREE_UNLISTED];

	t->blocks += by;
	t->bytes += by * (size - word);
}

static inline __attribute__((always_inline)) void count_by(struct walk *w, const struct region *r,
                                                           vaddr p, uint64_t size, bool used,
                                                           unsigned word)
{
	struct arena *a = &w->arenas.v[r->arena];

	tally_chunk(w, r, size, used, 1, word);
	if (used) {
		bit_set(w->heap->used, w->next_id);
		if (size >= tcache_least(word) && size <= w->candidate_max)
			array_push(&w->candidates, p + CHUNK_HEADER);
	} else {
		uint64_t fd, bk;

		if (view_read_word(&w->view, p + 16, &fd, word) &&
		    view_read_word(&w->view, p + 16 + word, &bk, word))
			links_add(w, p, chunk_ours(fd, word), chunk_ours(bk, word));
		if (size - word > a->largest_free)
			a->largest_free = size - word;
	}
	w->next_id++;
}

static void count_chunk(struct walk *w, const struct region *r, vaddr p, uint64_t size, bool used)
{
	count_by(w, r, p, size, used, w->word);
}

static void count_top(struct walk *w, const struct region *r, uint64_t size)
{
	struct arena *a = &w->arenas.v[r->arena];
	uint64_t usable = size >= w->word ? size - w->word : 0;

	a->free[FREE_TOP].blocks++;
	a->free[FREE_TOP].bytes += usable;
	if (usable > a->largest_free)
		a->largest_free = usable;
	w->next_id++;
}

bool chunk_linked(struct walk *w, vaddr p)
{
	unsigned word = w->word;
	vaddr fd, bk, back, forth;

	return chunk_read(w->core, p + 16, &fd) && chunk_read(w->core, p + 16 + word, &bk) &&
	       chunk_read(w->core, fd + 16 + word, &back) && chunk_read(w->core, bk + 16, &forth) &&
	       back == p && forth == p;
}

/*
 * The header at p says that the chunk before it, [last, p), is free. A free chunk repeats its size
 * at its end. Where it does not, either the flag or that size was overwritten; or a thread is in
 * the middle of free(), which clears the flag before it does the rest. True: the chunk is free.
 */
static bool really_free(struct walk *w, const struct region *r, vaddr last, vaddr p)
{
	uint64_t prev_size;

	if (!chunk_prev(&w->view, p, &prev_size, w->word) || prev_size == p - last)
		return true;
	if (chunk_linked(w, last)) {
		walk_find(w, "prev-size", last + CHUNK_HEADER, true,
		          "the free block at 0x%llx ends in 0x%llx, not in the size of its chunk, "
		          "0x%llx: it was written to after free",
		          (unsigned long long)last + CHUNK_HEADER, (unsigned long long)prev_size,
		          (unsigned long long)(p - last));
		return true;
	}
	walk_find(
		w, "prev-inuse", p + CHUNK_HEADER, !arena_locked(w, &w->arenas.v[r->arena]),
		"the chunk header of the block at 0x%llx says that the block before it is free, "
		"but that is in no list: the lowest byte of the header was overwritten with 0, as "
		"by a string that is one byte too long",
		(unsigned long long)p + CHUNK_HEADER);
	return false;
}

/* The part of a region that is to be walked ends: the chunk before at.p is the last. */
static enum step end_part(const struct stepper *st, const struct region *r, struct span *s,
                          const struct place *at, vaddr *next)
{
	uint64_t head;

	s->end = *next = at->p;
	if (at->p > st->until || !at->last || !chunk_head(&st->w->view, at->p, &head, st->w->word))
		return STEP_BAD;
	count_chunk(st->w, r, at->last, at->last_size,
	            (head & CHUNK_PREV_INUSE) || !really_free(st->w, r, at->last, at->p));
	return STEP_CHUNK;
}

static inline __attribute__((always_inline)) enum step walk_by(const struct stepper *st,
                                                               const struct region *r,
                                                               struct span *s, vaddr p, vaddr *next,
                                                               unsigned word)
{
	struct walk *w = st->w;
	struct place at = { .p = p };
	uint64_t head, size;

	for (;;) {
		enum step step;

		if (at.p >= w->reached) {
			w->reached = ahead_reach(w->ahead, at.p);
			stage_add(w->reached - at.p);
			if (w->show && at.last)
				w->show(w->show_of, s, at.last);
		}
		if (st->until && at.p >= st->until)
			return end_part(st, r, s, &at, next);
		step = step_by(st, at.p, &head, &size, word);
		if (at.last) /* the chunk before: its state stands in this header */
			count_by(w, r, at.last, at.last_size,
			         step == STEP_BAD || (head & CHUNK_PREV_INUSE) ||
			                 !really_free(w, r, at.last, at.p),
			         word);
		if (step == STEP_TOP) {
			span_set(s, at.p);
			count_top(w, r, size);
			s->end = at.p + size;
			*next = s->end;
			return step;
		}
		if (step != STEP_CHUNK) {
			s->end = at.p;
			*next = at.p;
			return step;
		}
		span_set(s, at.p);
		at.last = at.p;
		at.last_size = size;
		at.p += size;
		stride(st, r, s, &at);
	}
}

enum step chunks_span(const struct stepper *st, const struct region *r, struct span *s, vaddr p,
                      vaddr *next)
{
	return st->w->word == 8 ? walk_by(st, r, s, p, next, 8) : walk_by(st, r, s, p, next, 4);
}

void chunks_open(struct walk *w, const struct region *r, vaddr at, struct span *s)
{
	*s = (struct span){ .start = at,
		            .first_cell = w->next_cell,
		            .own_start = at + chunk_lead(w->word),
		            .arena = r->arena,
		            .kind = r->kind,
		            .apart = w->apart,
		            .first_id = w->next_id,
		            .cell = w->heap->cell + w->next_cell };
	span_form(s, chunk_size_at(w->word), w->align);
}

void chunks_close(struct walk *w, struct span *s)
{
	if (s->end == s->start)
		return;
	s->ncells = (s->end - s->start) / span_cell(s) + 1;
	w->next_cell += s->ncells;
	span_rank(s);
	s->mem = core_at(w->core, s->start, s->end - s->start);
	array_push(&w->spans, *s);
}

static uint64_t head_size(struct walk *w, vaddr p)
{
	uint64_t head = 0;

	chunk_head(&w->view, p, &head, w->word);
	return head & ~(uint64_t)CHUNK_FLAGS;
}

/* The last n chunks, from p to the end of the span, were made up by a wrong size. */
static void take_back(struct walk *w, const struct region *r, struct span *s, vaddr p)
{
	uint32_t n = 0;

	for (vaddr at = p; at < s->end; at += head_size(w, at))
		n++;
	w->next_id -= n;
	for (uint32_t id = w->next_id; p < s->end; id++) {
		uint64_t size = head_size(w, p);

		tally_chunk(w, r, size, bit_get(w->heap->used, id), UINT64_MAX, w->word);
		bit_clear(w->heap->used, id);
		span_clear(s, p);
		p += size;
	}
}

/*
 * The state of the chunk in front of a damaged one, [last, p), stands in the damaged header: what
 * tells instead is whether it is in a list.
 */
static void judge_front(struct walk *w, const struct region *r, vaddr last, vaddr p)
{
	uint32_t id = w->next_id - 1;
	bool used = bit_get(w->heap->used, id), is = !chunk_linked(w, last);

	if (used == is)
		return;
	tally_chunk(w, r, p - last, used, UINT64_MAX, w->word);
	tally_chunk(w, r, p - last, is, 1, w->word);
	if (is)
		bit_set(w->heap->used, id);
	else
		bit_clear(w->heap->used, id);
}

static void forget_candidates(struct walk *w, vaddr from)
{
	while (w->candidates.n && w->candidates.v[w->candidates.n - 1] > from)
		w->candidates.n--;
}

static void report_fault(struct walk *w, const struct region *r, const struct fault *f)
{
	vaddr end = f->next ? f->next : r->limit;
	uint64_t head = 0, n = end - f->chunk;
	const char *effect = f->repaired ? "its extent was inferred from the next sound header, "
	                                   "%llu bytes on"
	                                 : "%llu bytes were skipped";
	char text[128];

	chunk_head(&w->view, f->chunk, &head, w->word);
	snprintf(text, sizeof(text), effect, (unsigned long long)n);
	walk_find(w, "chunk-size", f->chunk + CHUNK_HEADER, true,
	          "the chunk header of the block at 0x%llx holds 0x%llx, which is not its size: "
	          "overwritten, likely by the block before it; %s",
	          (unsigned long long)f->chunk + CHUNK_HEADER, (unsigned long long)head, text);
	if (f->repaired) {
		w->heap->repaired += n;
		array_push(&w->inferred, ((struct owned){ f->chunk, end, "chunk" }));
		return;
	}
	array_push(&w->gaps, ((struct owned){ f->chunk, end, "heap of unknown content" }));
	w->heap->skipped += n;
}

static void report_unsaved(struct walk *w, const struct region *r, vaddr at, vaddr next)
{
	vaddr end = next ? next : r->limit;

	array_push(&w->gaps, ((struct owned){ at, end, "heap of unknown content" }));
	w->heap->unread += end - at;
	walk_find(w, "heap-unsaved", at, false, "the heap from 0x%llx on is not in the core",
	          (unsigned long long)at);
}

/* A bad header at stop. True: the span goes on at *next, else a new one does (0: there is none). */
static bool mend(struct resync *rs, struct span *s, vaddr stop, vaddr *next)
{
	struct walk *w = rs->st.w;
	struct fault f;
	uint64_t head;

	if (!chunk_head(&w->view, stop, &head, w->word)) {
		*next = resync_after_gap(rs, stop + w->align);
		report_unsaved(w, rs->r, stop, *next);
		return false;
	}
	resync_find(rs, s, stop, &f);
	if (f.chunk < stop) {
		take_back(w, rs->r, s, f.chunk);
		forget_candidates(w, f.chunk);
		s->end = f.chunk;
	}
	if (f.before)
		judge_front(w, rs->r, f.before, f.chunk);
	report_fault(w, rs->r, &f);
	*next = f.next;
	if (f.repaired) {
		span_set(s, f.chunk);
		count_chunk(w, rs->r, f.chunk, f.next - f.chunk, f.used);
		s->end = f.next;
	}
	return f.repaired;
}

/*
 * Where memory ends whose last chunk or fencepost ends at p. glibc rounds down what it leaves to
 * its alignment, and memory ends at an even multiple of 8.
 */
vaddr chunks_end(const struct walk *w, vaddr p)
{
	return round_up(p + chunk_lead(w->word), w->align);
}

static void walk_region(struct walk *w, const struct region *r)
{
	struct resync rs = {
		.st = { w, r->limit, r->top, r->top_size, 0, w->arenas.v[r->arena].main },
		.r = r,
	};
	vaddr at = r->start;
	size_t first = w->spans.n;

	while (at < r->limit) {
		struct span s;
		vaddr stop, next = 0;
		enum step end;

		chunks_open(w, r, at, &s);
		end = chunks_span(&rs.st, r, &s, at, &stop);
		while (end == STEP_BAD && mend(&rs, &s, stop, &next))
			end = chunks_span(&rs.st, r, &s, next, &stop);
		chunks_close(w, &s);
		if (end == STEP_TOP || (end == STEP_FENCE && r->top <= stop))
			break;
		/* a fence before top: somebody else called sbrk, and malloc went on behind it */
		if (end == STEP_FENCE) {
			stop = after_fence(&rs.st, stop);
			next = resync_after_gap(&rs, stop);
		}
		if (!next)
			break;
		if (w->spans.n > first)
			w->spans.v[w->spans.n - 1].own_end = end == STEP_FENCE
			                                             ? chunks_end(w, stop)
			                                             : next + chunk_lead(w->word);
		at = next;
	}
	if (w->spans.n > first) {
		w->spans.v[first].own_start = r->own_start;
		w->spans.v[w->spans.n - 1].own_end = r->own_end;
	}
	resync_free(&rs);
}

static void add_mmapped(struct walk *w, const struct region *r, size_t first_cell)
{
	struct span s = { .start = r->start,
		          .end = r->limit,
		          .own_start = r->own_start,
		          .own_end = r->own_end,
		          .kind = SPAN_MMAP,
		          .usable = r->usable,
		          .first_cell = first_cell,
		          .first_id = w->next_id,
		          .nchunks = 1 };

	span_form(&s, chunk_size_at(w->word), w->align);
	s.mem = core_at(w->core, s.start, s.end - s.start);
	bit_set(w->heap->used, w->next_id++);
	w->heap->mmapped.blocks++;
	w->heap->mmapped.bytes += s.usable;
	array_push(&w->spans, s);
}

void chunks_walk(struct walk *w, unsigned threads, const struct visitor *visitor)
{
	struct stage outer = stage_bytes("walking the heap", split_bytes(w));
	struct split *split = split_walk(w, threads, visitor);
	bool whole = true;

	for (size_t i = 0; i < w->regions.n; i++)
		if (w->regions.v[i].kind != SPAN_MMAP)
			ahead_add(w->ahead, w->regions.v[i].start, w->regions.v[i].limit);
	for (size_t i = 0; i < w->regions.n; i++) {
		const struct region *r = &w->regions.v[i];

		if (i && r->start + chunk_lead(w->word) < w->regions.v[i - 1].limit) {
			walk_find(w, "overlap", r->start, true,
			          "two parts of the heap claim 0x%llx; the second "
			          "is skipped",
			          (unsigned long long)r->start);
			w->regions.v[i].limit = w->regions.v[i - 1].limit;
			continue;
		}
		if (r->kind == SPAN_MMAP) {
			add_mmapped(w, r, split ? split_first_cell(split, i) : 0);
		} else if (!split || !split_take(split, w, i)) {
			walk_region(w, r);
			whole = false;
		}
	}
	w->heap->visited = split && visitor && whole;
	if (w->heap->visited)
		w->heap->ncells = split_first_cell(split, w->regions.n);
	split_free(split);
	stage_end(outer);
}
