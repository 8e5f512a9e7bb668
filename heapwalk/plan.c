#include "heapwalk/plan.h"
#include "heapwalk/step.h"

#include <stdlib.h>

#define SLOTS (UINT64_C(1) << (HEAP_SLOT_BITS - HEAP_SLOT_SHIFT))

void span_slots_make(struct heap *h)
{
	h->slot = mem_lazy(SLOTS * sizeof(*h->slot));
	for (size_t i = h->nspans; i-- > 0;) {
		uint64_t last = (h->span[i].end - 1) >> HEAP_SLOT_SHIFT;

		for (uint64_t k = h->span[i].start >> HEAP_SLOT_SHIFT; k <= last && k < SLOTS; k++)
			h->slot[k] = (uint32_t)i + 1;
	}
}

void span_slots_free(struct heap *h)
{
	mem_lazy_free(h->slot, SLOTS * sizeof(*h->slot));
	h->slot = NULL;
}

static int by_owned(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

void owned_list(struct walk *w)
{
	ARRAY(struct owned) all = { 0 };
	size_t kept = 0;

	for (size_t i = 0; i < w->heap->nspans; i++) {
		const struct span *s = &w->heap->span[i];

		array_push(&all,
		           ((struct owned){ s->own_start, s->own_end,
		                            s->kind == SPAN_MMAP ? "mmapped chunk" : "heap" }));
	}
	for (size_t i = 0; i < w->instances.n; i++) {
		const struct instance *in = &w->instances.v[i];

		if (!in->lost)
			array_push(&all, ((struct owned){ in->main_arena,
			                                  in->main_arena + state_size(in->state),
			                                  "main_arena" }));
		if (in->par)
			array_push(&all,
			           ((struct owned){ in->par, in->par + in->parl->size, "mp_" }));
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_owned);
	for (size_t i = 0; i < all.n; i++) {
		if (kept && all.v[i].start < all.v[kept - 1].end)
			all.v[i].start = all.v[kept - 1].end;
		if (all.v[i].start < all.v[i].end)
			all.v[kept++] = all.v[i];
	}
	w->heap->owned = all.v;
	w->heap->nowned = kept;
}

/* What will be the region's span, if nothing in it is out of the ordinary. */
static struct span span_of(const struct walk *w, const struct region *r, size_t first_cell)
{
	struct span s = { .start = r->start,
		          .end = r->limit,
		          .own_start = r->own_start,
		          .own_end = r->own_end,
		          .arena = r->arena,
		          .kind = r->kind,
		          .usable = r->usable,
		          .first_cell = first_cell };

	if (r->kind != SPAN_MMAP) {
		s.apart = w->apart;
		s.cell = w->heap->cell + first_cell;
	}
	span_form(&s, chunk_size_at(w->word), w->align);
	if (s.cell)
		s.ncells = (s.end - s.start) / span_cell(&s) + 1;
	s.mem = core_at(w->core, s.start, s.end - s.start);
	return s;
}

/* Links are safe in all the malloc that are there: those with a layout of mp_ of 2.35 on. */
static bool safe_linking(const struct walk *w)
{
	for (size_t i = 0; i < w->instances.n; i++)
		if (!w->instances.v[i].parl || w->instances.v[i].parl->versions.from < 32)
			return false;
	return w->instances.n > 0;
}

void plan_make(struct walk *w, const struct split *split, struct parking *parking)
{
	struct heap *h = w->heap;

	h->span = mem_alloc(w->regions.n, sizeof(*h->span));
	for (size_t i = 0; i < w->regions.n; i++)
		h->span[i] = span_of(w, &w->regions.v[i], split_first_cell(split, i));
	h->nspans = w->regions.n;
	h->ncells = split_first_cell(split, w->regions.n);
	span_slots_make(h);
	owned_list(w);
	*parking = (struct parking){ .word = w->word,
		                     .loose = w->align - 1,
		                     .safe_linking = safe_linking(w),
		                     .own = tcache_least(w->word),
		                     .owned = w->candidate_max };
	if (h->nspans) {
		parking->lo = h->span[0].start;
		parking->hi = h->span[h->nspans - 1].end;
	}
}

void plan_drop(struct heap *h)
{
	span_slots_free(h);
	mem_free(h->owned);
	mem_free(h->span);
	h->owned = NULL;
	h->span = NULL;
	h->nowned = h->nspans = 0;
}
