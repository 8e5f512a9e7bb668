/*
 * owner: which libc's main arena a mapped region is of, where a process has several (dlmopen). A
 * region without a top does not say so itself: its free chunks do, by the bins that they are in;
 * and where there is none, it is the arena that misses most of what it took from the system, the
 * largest region first.
 */
#include "heapwalk/walk.h"

#include <stdlib.h>

#define BIN_STEPS 1000 /* in one list of free chunks */
#define BIN_TRIES 100  /* free chunks of a region whose lists are followed */

void region_give(struct walk *w, struct region *r, uint32_t index)
{
	r->arena = index;
	w->arenas.v[index].walked += r->limit - r->start;
	w->arenas.v[index].nspans++;
}

/* What an arena still misses of what it took from the system. */
static uint64_t missing(const struct arena *a)
{
	return a->system_mem > a->walked ? a->system_mem - a->walked : 0;
}

/* The arena whose bin a chunk waits in: its list leads there. UINT32_MAX: to none in some steps. */
static uint32_t binned_in(struct walk *w, vaddr chunk)
{
	for (unsigned n = 0; n < BIN_STEPS; n++) {
		vaddr fd;

		if (!chunk_read(w->core, chunk + CHUNK_HEADER, &fd))
			break;
		for (uint32_t i = 0; i < w->arenas.n; i++) {
			const struct arena *a = &w->arenas.v[i];

			if (fd - a->addr < state_size(w->instances.v[a->instance].state))
				return a->main && !a->contiguous ? i : UINT32_MAX;
		}
		chunk = fd;
	}
	return UINT32_MAX;
}

/* The arena in whose bins a free chunk of the region is. */
static uint32_t arena_by_bins(struct walk *w, const struct region *r)
{
	uint64_t head, before = 0;
	vaddr p = r->start, last = 0;
	unsigned tries = 0;

	while (p < r->limit && chunk_head(&w->view, p, &head, w->word)) {
		uint64_t size = head & ~(uint64_t)CHUNK_FLAGS;
		uint32_t i = UINT32_MAX;

		if (last && !(head & CHUNK_PREV_INUSE) && before >= chunk_min(w->word)) {
			i = binned_in(w, last);
			tries++;
		}
		if (i != UINT32_MAX || tries == BIN_TRIES)
			return i;
		if (size < chunk_fence(w->word) || size > r->limit - p)
			break;
		last = p;
		before = size;
		p += size;
	}
	return UINT32_MAX;
}

static uint32_t arena_by_sums(const struct walk *w)
{
	uint32_t most = UINT32_MAX;

	for (uint32_t k = 0; k < w->arenas.n; k++) {
		const struct arena *a = &w->arenas.v[k];

		if (a->main && !a->contiguous &&
		    (most == UINT32_MAX || missing(a) > missing(&w->arenas.v[most])))
			most = k;
	}
	return most;
}

static int by_size(const void *a, const void *b)
{
	const struct region *const *x = a, *const *y = b;
	uint64_t m = (*x)->limit - (*x)->start, n = (*y)->limit - (*y)->start;

	if (m != n)
		return m < n ? 1 : -1;
	return *x < *y ? -1 : *x > *y;
}

void regions_give(struct walk *w, size_t from)
{
	ARRAY(struct region *) rest = { 0 };

	for (size_t i = from; i < w->regions.n; i++) {
		struct region *r = &w->regions.v[i];
		uint32_t index = r->arena == UINT32_MAX ? arena_by_bins(w, r) : UINT32_MAX;

		if (index != UINT32_MAX)
			region_give(w, r, index);
		else if (r->arena == UINT32_MAX)
			array_push(&rest, r);
	}
	if (rest.n)
		qsort(rest.v, rest.n, sizeof(*rest.v), by_size);
	for (size_t i = 0; i < rest.n; i++)
		region_give(w, rest.v[i], arena_by_sums(w));
	array_free(&rest);
}
