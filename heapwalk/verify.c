/*
 * verify: malloc keeps sums of what it took from the system. What was found must add up to them;
 * where it does not, something was missed, taken for too much, or the process was caught in
 * between.
 */
#include "heapwalk/walk.h"

/* Bytes of a main arena: brk region (with what others took from it in between) and mmapped regions.
 */
static uint64_t main_bytes(const struct walk *w, uint32_t index)
{
	const struct arena *a = &w->heap->arena[index];
	const struct instance *in = &w->heap->instance[a->instance];
	uint64_t sum = a->walked, brk = 0;

	for (size_t i = 0; i < w->heap->nspans; i++) {
		const struct span *s = &w->heap->span[i];

		if (s->kind == SPAN_BRK && s->arena == index)
			brk += s->own_end - s->own_start;
	}
	if (a->contiguous && in->sbrk_base && a->top >= in->sbrk_base)
		return arena_top_end(w->core, a) - in->sbrk_base;
	return sum + brk;
}

/*
 * Where several libcs have mapped regions, some are of none for sure (owner.c): then
 * what all have together is what can be compared.
 */
static bool apart_agree(const struct walk *w)
{
	uint64_t page = w->core->page_size, found = 0, system = 0;
	unsigned n = 0;

	for (uint32_t i = 0; i < w->heap->narenas; i++) {
		const struct arena *a = &w->heap->arena[i];

		if (!a->main || a->contiguous || !a->system_mem)
			continue;
		found += a->walked;
		system += a->system_mem;
		n++;
	}
	return n > 1 && (found > system ? found - system : system - found) < page;
}

static void verify_arena(struct walk *w, uint32_t index)
{
	struct arena *a = &w->heap->arena[index];
	uint64_t page = w->core->page_size, gap;

	if (a->walked < a->system_mem && w->heap->unread)
		return; /* what was missed is not in the core, and said to be */
	gap = a->walked > a->system_mem ? a->walked - a->system_mem : a->system_mem - a->walked;
	/* a region left behind may end a few bytes before its last page does */
	if (gap == 0 || (a->main && !a->contiguous && gap < page))
		return;
	if (a->main && !a->contiguous && apart_agree(w))
		return;
	walk_find(w, "system_mem", a->addr, false,
	          "arena %u: malloc took %llu bytes from the system, %llu were "
	          "found: %s",
	          index, (unsigned long long)a->system_mem, (unsigned long long)a->walked,
	          a->walked < a->system_mem ? "part of this arena was missed"
	                                    : "more was taken for it than it has");
}

static void verify_mmapped(struct walk *w)
{
	uint64_t n = 0, bytes = 0, found = 0, found_bytes = 0;
	bool drifts = false;

	for (size_t i = 0; i < w->heap->ninstances; i++) {
		if (!w->heap->instance[i].parl)
			return;
		n += w->heap->instance[i].n_mmaps;
		bytes += w->heap->instance[i].mmapped_mem;
		drifts |=
			w->heap->instance[i].parl->new_mmap; /* 2.43 adds 16 too much per mremap */
	}
	for (size_t i = 0; i < w->heap->nspans; i++) {
		const struct span *s = &w->heap->span[i];

		if (s->kind == SPAN_MMAP) {
			found++;
			found_bytes += s->own_end - s->own_start;
		}
	}
	if (found != n)
		walk_find(w, "n_mmaps", 0, false,
		          "malloc counts %llu mmapped chunks, %llu were found",
		          (unsigned long long)n, (unsigned long long)found);
	else if (found_bytes != bytes && !drifts)
		walk_find(w, "mmapped_mem", 0, false,
		          "malloc counts %llu bytes in mmapped chunks, %llu were found",
		          (unsigned long long)bytes, (unsigned long long)found_bytes);
}

/* Each thread can be caught with one chunk between two lists; more is damage. */
static void verify_unlisted(struct walk *w)
{
	uint64_t n = 0, most = w->core->nthreads;

	for (size_t i = 0; i < w->heap->narenas; i++)
		if (!(w->heap->arena[i].main && w->heap->instance[0].lost))
			n += w->heap->arena[i].free[FREE_UNLISTED].blocks;
	if (n > most)
		walk_find(w, "unlisted", 0, false,
		          "%llu chunks are marked free by their neighbours but stand in no "
		          "list: headers were overwritten, or a list was cut",
		          (unsigned long long)n);
}

void sums_verify(struct walk *w)
{
	for (uint32_t i = 0; i < w->heap->narenas; i++)
		if (w->heap->arena[i].main && w->heap->arena[i].system_mem)
			w->heap->arena[i].walked = main_bytes(w, i);
	for (uint32_t i = 0; i < w->heap->narenas; i++)
		if (w->heap->arena[i].system_mem)
			verify_arena(w, i);
	verify_mmapped(w);
	if (w->heap->listed)
		verify_unlisted(w);
}
