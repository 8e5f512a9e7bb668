/*
 * Where an arena's chunks lie. Main arena: from sbrk_base to the end of top while brk could grow;
 * what brk could not give comes from mmap, in regions that start at a page with a chunk header and
 * end in two fenceposts or in top (malloc.c sysmalloc). Other arenas: subheaps at multiples of
 * HEAP_MAX_SIZE, each with a heap_info in front, linked backwards from the one that holds top
 * (arena.c new_heap).
 */
#include "heapwalk/walk.h"
#include "formats/written.h"

#include <stdlib.h>

#define HUGE_MAX (UINT64_C(64) << 20) /* no larger huge pages make heaps */
#define DAMAGED_CHAIN                                                              \
	8 /* chunks from a page on that make a region where a later one is damaged \
	   */
#define MAX_HEAPS 1000000

/* heap_info: ar_ptr, prev, size, mprotect_size. */
struct heap_info {
	uint64_t arena, prev, size, mprotect_size;
};

vaddr writable_end(const struct core *core, vaddr at)
{
	const struct segment *s = core_segment(core, at), *end = core->seg + core->nseg;
	vaddr to = at;

	for (; s && s < end && anonymous_rw(s) && (s->start <= at || s->start == to); s++)
		to = s->end;
	return to;
}

/*
 * Top ends where the arena's memory does, at a page: at `expected`, as malloc counts it (0: not
 * known). Where its header says otherwise, the header is wrong.
 */
static void set_top(struct walk *w, uint32_t index, struct region *r, vaddr expected)
{
	struct arena *a = &w->arenas.v[index];
	uint64_t page = w->core->page_size, size;
	vaddr end = arena_top_end(w->core, a);

	r->top = a->top;
	if (a->top_size >= chunk_fence(w->word) && a->top_size <= r->limit - a->top &&
	    !(end & (page - 1)) && (a->main || end == expected)) {
		r->limit = end;
		return;
	}
	if (expected > a->top && expected <= r->limit && !(expected & (page - 1)))
		r->limit = expected;
	if (is_unsaved(w, a->top))
		return;
	size = r->limit - a->top - chunk_lead(w->word);
	walk_find(w, "top-size", a->top + CHUNK_HEADER, !arena_locked(w, a),
	          "the top chunk of arena %u, at 0x%llx, claims %llu bytes, and it has %llu: its "
	          "size field was overwritten, likely by the block before it",
	          index, (unsigned long long)a->top, (unsigned long long)a->top_size,
	          (unsigned long long)size);
	a->top_size = r->top_size = size;
}

/* The page size that the tunable glibc.malloc.hugetlb=2 asked for (2.35 on); 0: none. */
static uint64_t huge_page(const struct walk *w, const struct arena *a)
{
	const struct instance *in = &w->instances.v[a->instance];
	uint64_t huge = 0;

	if (in->parl && in->parl->hp_pagesize >= 0)
		core_read_word(w->core, in->par + (uint64_t)in->parl->hp_pagesize, &huge);
	return huge;
}

/*
 * With huge pages, in another namespace (and on aarch64 with memory tags) malloc never asks for
 * brk, and keeps the start of its first mapped region as sbrk_base (malloc.c:
 * __always_fail_morecore). Where a chain of chunks leads from there to the end of such a region, it
 * is one, and is found as one. What follows it may be anybody's.
 */
static bool base_is_mapped(struct walk *w, const struct arena *a, vaddr base)
{
	bool at_top, may = huge_page(w, a) || w->instances.n > 1 || ~w->core->machine->pointer_mask;
	vaddr end = writable_end(w->core, base);
	struct broken broken = { 0 };

	if (a->contiguous || !may || (base & 0xfff) || end == base)
		return false;
	base = chunk_first(w->word, w->align, base);
	end = chunks_chain(w, base, end, a->top, &broken, &at_top);
	return huge_page(w, a) || (end && !(chunks_end(w, end) & 0xfff));
}

static bool is_last_fence(struct walk *w, vaddr end)
{
	unsigned word = w->word, fence = chunk_fence(word);
	vaddr at = round_down(end - chunk_lead(word) - 2 * fence, w->align);
	uint64_t head;

	return chunk_head(&w->view, at, &head, word) && (head & ~(uint64_t)CHUNK_FLAGS) == fence &&
	       chunk_head(&w->view, at + fence, &head, word) && head == (fence | CHUNK_PREV_INUSE);
}

/*
 * A region that breaks at an overwritten header ends all the same: at a page, in top or in two
 * fenceposts. Its end, or 0.
 */
static vaddr damaged_end(struct walk *w, vaddr from, vaddr limit, vaddr top, bool *at_top)
{
	vaddr top_end = 0, stop;
	uint64_t head;

	if (range_holds(from, limit, top, CHUNK_HEADER) &&
	    chunk_head(&w->view, top, &head, w->word) &&
	    range_holds(top, limit, top, head & ~(uint64_t)CHUNK_FLAGS))
		top_end = chunks_end(w, top + (head & ~(uint64_t)CHUNK_FLAGS));
	for (vaddr at = from; core_written(w->core, &at, top_end ? top : limit, &stop); at = stop) {
		vaddr end = round_up(at + 1, 4096);

		for (; end && end <= stop && w->budget; end += 4096, w->budget--)
			if (end - 0x20 >= from && is_last_fence(w, end))
				return end;
	}
	*at_top = top_end && !(top_end & 4095);
	return *at_top ? top_end : 0;
}

/*
 * Where malloc's part of [start, limit) ends that it left for a mapped region: at its fenceposts.
 * What follows may be anybody's, also where it touches (what keeps the break from growing may well
 * be memory of the program's own). limit, where its chunks do not lead there.
 */
static vaddr brk_left(struct walk *w, const struct arena *a, vaddr start, vaddr limit)
{
	struct broken broken = { 0 };
	bool at_top;
	vaddr end = chunks_chain(w, start, limit, a->top, &broken, &at_top);

	if (end)
		end = chunks_end(w, end);
	else if (broken.n >= DAMAGED_CHAIN)
		end = damaged_end(w, broken.at, limit, 0, &at_top);
	return end && end < limit ? end : limit;
}

static void add_brk(struct walk *w, uint32_t index)
{
	const struct arena *a = &w->arenas.v[index];
	const struct instance *in = &w->instances.v[a->instance];
	struct region r = { .arena = index, .kind = SPAN_BRK };
	vaddr base = in->sbrk_base, end;

	if (base && base_is_mapped(w, a, base))
		return;
	if (!base) { /* mp_ unknown: the mapping of top */
		const struct segment *s = core_segment(w->core, a->top);

		if (!s || !anonymous_rw(s))
			return;
		base = s->start;
	}
	end = writable_end(w->core, base);
	if (end == base) {
		const struct segment *s = core_segment(w->core, base);

		/* a static executable's brk may begin in the last page of .bss */
		if (!s || !(s->flags & SEG_W))
			return;
		end = s->end;
		if (writable_end(w->core, end) > end)
			end = writable_end(w->core, end);
	}
	r.own_start = base;
	r.start = chunk_first(w->word, w->align, base);
	r.limit = end;
	if (a->top >= r.start && a->top < end)
		set_top(w, index, &r, in->sbrk_base ? in->sbrk_base + a->system_mem : 0);
	else
		r.limit = brk_left(w, a, r.start, end);
	r.own_end = r.limit;
	array_push(&w->regions, r);
}

static bool read_heap_info(struct walk *w, vaddr heap, struct heap_info *h)
{
	uint64_t v[4];

	for (unsigned i = 0; i < 4; i++)
		if (!core_read_word(w->core, heap + i * w->word, &v[i]))
			return false;
	*h = (struct heap_info){ v[0], v[1], v[2], v[3] };
	return true;
}

/* With the hugetlb tunable, 2.35 to 2.41 make heaps of four huge pages: mp_.hp_pagesize tells. */
static uint64_t heap_max_of(struct walk *w, const struct arena *a)
{
	uint64_t huge = huge_page(w, a), max = heap_max(w->word);
	struct heap_info h;

	if (huge >= 4096 && huge <= HUGE_MAX && !(huge & (huge - 1)) &&
	    !(read_heap_info(w, round_down(a->addr, max), &h) && h.arena == a->addr))
		return huge * 4;
	return max;
}

/* Its size where its header does not tell: as far as top or the writable memory goes; 0: none. */
static uint64_t subheap_size(struct walk *w, const struct arena *a, vaddr heap, uint64_t max)
{
	vaddr end = writable_end(w->core, heap);

	if (a->top > heap && a->top - heap < max && a->top_size <= max - (a->top - heap))
		return arena_top_end(w->core, a) - heap;
	return end <= heap || end - heap > max ? 0 : end - heap;
}

/* Adds one subheap; false where its heap_info does not make sense. */
static bool add_subheap(struct walk *w, uint32_t index, vaddr heap, uint64_t max, uint64_t *prev)
{
	struct arena *a = &w->arenas.v[index];
	const struct state_layout *l = w->instances.v[a->instance].state;
	struct region r = { .arena = index, .kind = SPAN_ARENA, .own_start = heap };
	struct heap_info h;

	if (!read_heap_info(w, heap, &h)) {
		walk_find(w, "heap_info", heap, false, "the subheap at 0x%llx is not in the core",
		          (unsigned long long)heap);
		return false;
	}
	if (h.arena != a->addr || h.size > max || h.size & 15 || h.size < 0x40) {
		walk_find(w, "heap_info", heap, true,
		          "the header of the subheap at 0x%llx is overwritten: its arena pointer "
		          "or size is wrong; both were inferred from the arena",
		          (unsigned long long)heap);
		h = (struct heap_info){ .size = subheap_size(w, a, heap, max) };
		if (!h.size)
			return false;
	}
	*prev = h.prev;
	r.start = chunk_first(w->word, w->align,
	                      heap == round_down(a->addr, max)
	                              ? a->addr + state_size(l)
	                              : heap + (a->addr - round_down(a->addr, max)));
	r.limit = heap + h.size;
	r.own_end = r.limit;
	if (h.mprotect_size > h.size && h.mprotect_size <= max)
		r.own_end = heap + h.mprotect_size;
	if (a->top >= r.start && a->top < r.limit)
		set_top(w, index, &r, r.limit);
	a->walked += h.size;
	a->nspans++;
	if (r.start < r.limit)
		array_push(&w->regions, r);
	return true;
}

static bool has_region(const struct walk *w, size_t from, vaddr own_start)
{
	for (size_t i = from; i < w->regions.n; i++)
		if (w->regions.v[i].own_start == own_start)
			return true;
	return false;
}

static void add_subheaps(struct walk *w, uint32_t index)
{
	uint64_t max = heap_max_of(w, &w->arenas.v[index]), prev = 0;
	vaddr heap = round_down(w->arenas.v[index].top, max);
	vaddr first = round_down(w->arenas.v[index].addr, max);
	size_t from = w->regions.n;

	for (size_t n = 0; heap && n < MAX_HEAPS; n++) {
		bool ok = add_subheap(w, index, heap, max, &prev);

		if (heap == first)
			return;
		if (!ok || !prev || prev == heap || prev & (max - 1))
			break;
		heap = prev;
	}
	/* the list is broken: what else says that it is of this arena? */
	for (size_t i = 0; i < w->core->nseg; i++) {
		const struct segment *s = &w->core->seg[i];
		struct heap_info h;

		for (vaddr at = round_up(s->start, max); at >= s->start && at < s->saved_end;
		     at += max)
			if (!has_region(w, from, at) &&
			    (at == first ||
			     (read_heap_info(w, at, &h) && h.arena == w->arenas.v[index].addr)))
				add_subheap(w, index, at, max, &prev);
	}
}

/* ---- regions of a main arena that mmap gave ---- */

static int by_start(const void *a, const void *b)
{
	const struct region *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void sort_regions(struct walk *w)
{
	if (w->regions.n)
		qsort(w->regions.v, w->regions.n, sizeof(*w->regions.v), by_start);
}

/*
 * The non-contiguous main arena whose top comes first in [start, end), else the first one: several
 * libcs may have their regions side by side. *owns: it is known to be the one.
 */
static uint32_t main_for(struct walk *w, vaddr start, vaddr end, bool *owns)
{
	uint32_t first = UINT32_MAX, near = UINT32_MAX, mains = 0;

	*owns = false;
	for (uint32_t i = 0; i < w->arenas.n; i++) {
		const struct arena *a = &w->arenas.v[i];
		vaddr top = a->top + chunk_lead(w->word);

		if (!a->main || a->contiguous)
			continue;
		mains++;
		*owns = w->instances.v[a->instance].sbrk_base == start;
		if (*owns)
			return i;
		if (top >= start && top < end &&
		    (near == UINT32_MAX || a->top < w->arenas.v[near].top))
			near = i;
		if (first == UINT32_MAX)
			first = i;
	}
	*owns = near != UINT32_MAX || mains == 1;
	return near != UINT32_MAX ? near : first;
}

/* Is there such a region at page at? Returns its end, or 0. */
static vaddr try_page(struct walk *w, vaddr at, vaddr limit)
{
	bool at_top, owns, lost = w->instances.n && w->instances.v[0].lost;
	uint32_t index = main_for(w, at, limit, &owns);
	vaddr start = chunk_first(w->word, w->align, at);
	struct region r = { .start = start, .own_start = at, .kind = SPAN_ARENA };
	vaddr top = index == UINT32_MAX ? 0 : w->arenas.v[index].top, end;
	bool blind = lost && !top; /* where top is, is not known */
	struct broken broken = { 0 };
	uint64_t head;

	if (!w->budget || !chunk_head(&w->view, start, &head, w->word) ||
	    (head & CHUNK_FLAGS) != CHUNK_PREV_INUSE || head < chunk_min(w->word) ||
	    ((head & (w->align - 8)) && start != top) || index == UINT32_MAX)
		return 0;
	end = blind ? lost_region(w, start, limit, &r.top)
	            : chunks_chain(w, start, limit, top, &broken, &at_top);
	end = end ? chunks_end(w, end) : 0;
	if (!end && broken.n >= DAMAGED_CHAIN)
		end = damaged_end(w, broken.at, limit, top, &at_top);
	if (!end || (end & 0xfff))
		return 0;
	index = main_for(w, at, end, &owns);
	if (blind && r.top)
		w->arenas.v[index].top = r.top;
	else if (!blind)
		r.top = at_top ? top : 0;
	r.arena = UINT32_MAX;
	r.limit = r.own_end = end;
	if (owns || lost)
		region_give(w, &r, index);
	array_push(&w->regions, r);
	return end;
}

static bool claimed(const struct walk *w, size_t nsorted, vaddr at, vaddr *end)
{
	size_t lo = first_behind(w->regions.v, nsorted, own_end, at);

	if (lo >= nsorted || round_down(w->regions.v[lo].own_start, 4096) > at)
		return false;
	*end = round_up(w->regions.v[lo].own_end, 4096);
	return true;
}

/* The first page from at on that is no hole of the file, which a header cannot lie in. */
static bool next_page(const struct walk *w, vaddr *at, vaddr end)
{
	vaddr run = *at, stop;

	if (!core_written(w->core, &run, end, &stop))
		return false;
	if (round_down(run, 4096) > *at)
		*at = round_down(run, 4096);
	return true;
}

static void add_scattered(struct walk *w)
{
	size_t nsorted;

	sort_regions(w);
	nsorted = w->regions.n;
	for (size_t i = 0; i < w->core->nseg; i++) {
		const struct segment *s = &w->core->seg[i];
		vaddr limit, at = round_up(s->start, 4096);

		if (!anonymous_rw(s) || s->saved_end == s->start)
			continue;
		limit = writable_end(w->core, s->start);
		while (next_page(w, &at, s->saved_end)) {
			vaddr end = 0;

			if (claimed(w, nsorted, at, &end) && end > at) {
				at = end;
				continue;
			}
			end = try_page(w, at, limit);
			at = end > at ? end : at + 4096;
		}
	}
	regions_give(w, nsorted);
}

/* A main arena that has memory beyond what its brk region accounts for. */
static bool scattered(const struct arena *a, const struct walk *w)
{
	if (!a->main || (!a->system_mem && !w->instances.v[a->instance].lost))
		return false;
	if (!a->contiguous)
		return true;
	for (size_t i = 0; i < w->regions.n; i++)
		if (w->regions.v[i].top == a->top)
			return false;
	return true;
}

void regions_find(struct walk *w)
{
	bool any = false;

	for (uint32_t i = 0; i < w->arenas.n; i++) {
		struct arena *a = &w->arenas.v[i];

		if (!a->system_mem && !a->main)
			continue;
		if (!a->main)
			add_subheaps(w, i);
		else if (a->system_mem)
			add_brk(w, i);
	}
	for (size_t i = 0; i < w->arenas.n; i++) {
		struct arena *a = &w->arenas.v[i];

		if (scattered(a, w)) {
			a->contiguous = false;
			any = true;
		}
	}
	if (any)
		add_scattered(w);
	sort_regions(w);
}
