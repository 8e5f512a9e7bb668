/*
 * ring: arenas other than the main one, where the ring that leads through all of them has gaps or
 * its beginning, the main arena, is lost. Each stands behind the heap_info of its first heap, which
 * leads to it, and its own bins prove it.
 */
#include "heapwalk/lost.h"

/* The layout of which most list heads are there: on i386 those of 2.27 and 2.43 share all but six.
 */
static const struct state_layout *layout_at(struct walk *w, vaddr arena)
{
	const struct state_layout *best = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < state_nlayouts; i++) {
		const struct state_layout *l = &state_layouts[i];
		unsigned heads;

		if (l->word != w->word || !arena_has_bins(w, arena, l) ||
		    !arena_attached_fits(w, arena, l))
			continue;
		heads = arena_heads(w, arena, l);
		if (heads > most) {
			most = heads;
			best = l;
		}
	}
	return best;
}

/* The first heap of an arena has heap_info, then malloc_state. */
static void try_heap(struct lost *l, vaddr heap)
{
	uint64_t arena;

	if (!core_read_word(l->w->core, heap, &arena) || !heap_info_fits(l->w->word, arena - heap))
		return;
	if (!l->state)
		l->state = layout_at(l->w, arena);
	if (l->state && arena_has_bins(l->w, arena, l->state))
		array_push(&l->arenas, arena);
}

void ring_arenas(struct lost *l)
{
	uint64_t max = heap_max(l->w->word);

	for (size_t i = 0; i < l->w->core->nseg; i++) {
		const struct segment *s = &l->w->core->seg[i];
		vaddr heap = round_up(s->start, max);

		if (!anonymous_rw(s))
			continue;
		for (; heap >= s->start && heap < s->saved_end; heap += max)
			try_heap(l, heap);
	}
}

static size_t index_of(const struct lost *l, vaddr arena)
{
	size_t i = 0;

	while (i < l->arenas.n && l->arenas.v[i] != arena)
		i++;
	return i;
}

static vaddr next_of(const struct lost *l, vaddr arena)
{
	vaddr next = 0;

	core_read_word(l->w->core, arena + state_next(l->state), &next);
	return next;
}

static void add_arena(struct lost *l, vaddr at)
{
	struct arena a = { .addr = at, .instance = (uint32_t)l->w->instances.n };

	arena_read(l->w, &a, l->state);
	array_push(&l->w->arenas, a);
}

/* Adds arenas in the order of the ring from this one on, as far as it can be followed. */
static void add_from(struct lost *l, vaddr at, uint8_t *added)
{
	for (size_t i = index_of(l, at); i < l->arenas.n && !added[i]; i = index_of(l, at)) {
		added[i] = 1;
		add_arena(l, at);
		at = next_of(l, at);
	}
}

void ring_add(struct lost *l, vaddr next)
{
	size_t n = l->arenas.n;
	uint8_t *added = mem_alloc(n, 1), *led = mem_alloc(n, 1);

	for (size_t i = 0; i < n; i++) {
		size_t to = index_of(l, next_of(l, l->arenas.v[i]));

		if (to < n)
			led[to] = 1;
	}
	add_from(l, next, added);
	for (size_t i = 0; i < n; i++)
		if (!led[i])
			add_from(l, l->arenas.v[i], added);
	for (size_t i = 0; i < n; i++)
		add_from(l, l->arenas.v[i], added);
	mem_free(added);
	mem_free(led);
}

/* Does a main arena's next lead to where another arena's struct was? */
static bool leads_to_heap(const struct walk *w, vaddr next)
{
	const struct segment *s = core_segment(w->core, next);

	return s && anonymous_rw(s) && next >= s->saved_end &&
	       heap_info_fits(w->word, next & (heap_max(w->word) - 1));
}

vaddr ring_main(const struct lost *l)
{
	for (size_t i = 0; i < l->arenas.n; i++) {
		vaddr next = next_of(l, l->arenas.v[i]);
		const struct segment *s = core_segment(l->w->core, next);

		if (s && index_of(l, next) == l->arenas.n &&
		    (s->file >= 0 || (!l->w->core->nfiles && !leads_to_heap(l->w, next))))
			return next;
	}
	return 0;
}

/* ---- a ring with gaps ---- */

static const struct state_layout *layout_of_par(struct walk *w, vaddr slot0)
{
	const struct state_layout any = { .word = (uint8_t)w->word,
		                          .versions = { 0, UINT8_MAX },
		                          .attached = true };
	struct arena main = { .addr = slot0, .main = true };
	struct instance in = { .main_arena = slot0, .state = &any };

	arena_read(w, &main, &any);
	par_find(w, &in, &main);
	for (size_t i = 0; in.parl && i < state_nlayouts; i++)
		if (state_layouts[i].word == w->word &&
		    state_layouts[i].versions.to >= in.parl->versions.from &&
		    state_layouts[i].versions.from <= in.parl->versions.to)
			return &state_layouts[i];
	return NULL;
}

const struct state_layout *ring_layout(struct walk *w, vaddr slot0)
{
	struct lost l = { .w = w };
	uint64_t next;
	bool leads;

	ring_arenas(&l);
	for (size_t i = 0; i < l.arenas.n; i++) {
		if (next_of(&l, l.arenas.v[i]) == slot0 - l.state->bins) {
			array_free(&l.arenas);
			return l.state;
		}
	}
	leads = core_read_word(w->core, slot0 + (unsigned)MALLOC_BINS * w->word + 16, &next) &&
	        (leads_to_heap(w, next) || index_of(&l, next) < l.arenas.n);
	array_free(&l.arenas);
	if (!leads)
		return NULL;
	return l.state ? l.state : layout_of_par(w, slot0);
}

void ring_follow(struct walk *w, vaddr main, const struct state_layout *state)
{
	struct lost l = { .w = w, .state = state };
	vaddr next = 0;

	ring_arenas(&l);
	core_read_word(w->core, main + state_next(state), &next);
	add_arena(&l, main);
	w->arenas.v[w->arenas.n - 1].main = true;
	ring_add(&l, next);
	for (size_t i = 0; i <= l.arenas.n; i++) {
		const struct segment *s = core_segment(w->core, next);

		if (leads_to_heap(w, next)) {
			w->heap->unread += s->end - s->saved_end;
			walk_find(w, "arena-unsaved", next, false,
			          "the arena at 0x%llx is not in the core: its blocks are not "
			          "counted",
			          (unsigned long long)next);
		}
		if (i < l.arenas.n)
			next = next_of(&l, l.arenas.v[i]);
	}
	array_free(&l.arenas);
}
