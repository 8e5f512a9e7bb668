/*
 * Finding malloc_state without symbols. An empty bin is a list head that points to itself: at
 * address X of the bins array both words hold X less two words. 127 such heads (empty, or linked to
 * chunks that link back) stand in a row in every main_arena, and nothing else looks like that. The
 * list `next` through all arenas, which must come back, then tells the offset of bins and so the
 * layout.
 */
#include "formats/written.h"
#include "heapwalk/walk.h"

#include <stdlib.h>

#define BIN_HEADS         127
#define BIN_HEADS_DAMAGED 100 /* accept a run with some overwritten heads */
#define BAD_HEADS         8   /* tolerated on each side */
#define MAX_ARENAS        100000

/* Is there a bin's list head at X (its fd word)? */
static bool is_bin_head(struct view *view, vaddr x)
{
	unsigned word = view->core->machine->word, mask = 2 * word - 1;
	uint64_t fd, bk, back, forth;
	vaddr self = x - 2 * word;

	if (!view_read_word(view, x, &fd, word) || !view_read_word(view, x + word, &bk, word))
		return false;
	if (fd == self && bk == self)
		return true;
	if (fd & mask || bk & mask || !fd || !bk)
		return false;
	return core_read_word(view->core, fd + 3 * word, &back) && back == self &&
	       core_read_word(view->core, bk + 2 * word, &forth) && forth == self;
}

/* Does a bin's list head that leads to chunks, of which one is not in the core, stand at X? */
static bool may_be_head(struct view *view, vaddr x)
{
	unsigned word = view->core->machine->word;
	uint64_t link[2], back;
	bool unsaved = false;

	for (unsigned i = 0; i < 2; i++) {
		const struct segment *s;

		if (!view_read_word(view, x + word * i, &link[i], word) || link[i] & (2 * word - 1))
			return false;
		if (core_read_word(view->core, link[i] + word * (3 - i), &back)) {
			if (back != x - 2 * word)
				return false;
			continue;
		}
		s = core_segment(view->core, link[i]);
		if (!s || !anonymous_rw(s))
			return false;
		unsaved = true;
	}
	return unsaved;
}

unsigned arena_heads(struct walk *w, vaddr arena, const struct state_layout *l)
{
	unsigned good = 0;

	for (unsigned bin = 0; bin < BIN_HEADS; bin++)
		good += is_bin_head(&w->view, arena + l->bins + 2 * w->word * bin);
	return good;
}

/* A few list heads of an arena will do: one of them may be damaged. */
bool arena_has_bins(struct walk *w, vaddr arena, const struct state_layout *l)
{
	unsigned good = 0;

	for (unsigned bin = 0; bin < BIN_HEADS; bin += 18)
		good += is_bin_head(&w->view, arena + l->bins + 2 * w->word * bin);
	return good >= 5; /* of 8 */
}

/* Follows next from main back to main; appends what is between. False if it does not close. */
static bool follow_arenas(struct walk *w, vaddr main, const struct state_layout *l, bool add)
{
	vaddr at = main;
	size_t n = 0;
	uint64_t next;

	do {
		if (!core_read_word(w->core, at + state_next(l), &next) || ++n > MAX_ARENAS)
			return false;
		if (at != main && !arena_has_bins(w, at, l))
			return false;
		if (add) {
			struct arena a = { .addr = at, .main = at == main };

			a.instance = (uint32_t)w->instances.n;
			array_push(&w->arenas, a);
		}
		at = next;
	} while (at != main);
	return true;
}

/* 2.22 and older have no attached_threads: the word there is system_mem, a size of pages. */
bool arena_attached_fits(struct walk *w, vaddr main, const struct state_layout *l)
{
	uint64_t word;

	if (l->bins != (l->word == 8 ? 0x68 : 0x38))
		return true;
	if (!core_read_word(w->core, main + state_next(l) + 2 * l->word, &word))
		return false;
	return l->attached == (word < 0x10000);
}

bool arena_ring(struct walk *w, vaddr main, const struct state_layout *l)
{
	return follow_arenas(w, main, l, false);
}

/* What libc's debug information says comes first. */
static const struct state_layout *state_of(struct walk *w, vaddr slot0, vaddr *main)
{
	const struct state_layout *known = w->known ? w->known->state : NULL;

	*main = known ? slot0 - known->bins : 0;
	if (known && debug_layout_of(w->known, *main) && follow_arenas(w, *main, known, false))
		return known;
	for (size_t i = 0; i < state_nlayouts; i++) {
		const struct state_layout *l = &state_layouts[i];

		*main = slot0 - l->bins;
		if (l->word == w->word && follow_arenas(w, *main, l, false) &&
		    arena_attached_fits(w, *main, l))
			return l;
	}
	return NULL;
}

void arena_read(struct walk *w, struct arena *a, const struct state_layout *l)
{
	uint64_t head = 0, v = 0;
	uint32_t flags = 0;

	chunk_read(w->core, a->addr + state_top(l), &a->top);
	core_read_word(w->core, a->addr + state_system_mem(l), &a->system_mem);
	core_read_word(w->core, a->addr + state_system_mem(l) + l->word, &a->max_system_mem);
	if (l->attached && core_read_word(w->core, a->addr + state_attached(l), &v))
		a->attached_threads = v;
	core_read32(w->core, a->addr + 4, &flags);
	a->contiguous = a->main && !(flags & 2); /* NONCONTIGUOUS_BIT, malloc.c */
	if (a->top && a->system_mem && chunk_head(&w->view, a->top, &head, l->word))
		a->top_size = head & ~(uint64_t)CHUNK_FLAGS;
}

static void add_instance(struct walk *w, vaddr main, const struct state_layout *l)
{
	struct instance in = { .main_arena = main, .state = l };
	const struct filemap *f = core_file(w->core, main);
	size_t first = w->arenas.n;

	in.module = f && !f->anonymous ? f->path : NULL;
	if (follow_arenas(w, main, l, false))
		follow_arenas(w, main, l, true);
	else
		ring_follow(w, main, l);
	for (size_t i = first; i < w->arenas.n; i++) {
		arena_read(w, &w->arenas.v[i], l);
		in.used |= w->arenas.v[i].system_mem != 0;
	}
	par_find(w, &in, &w->arenas.v[first]);
	in.used |= in.n_mmaps != 0;
	array_push(&w->instances, in);
}

/*
 * The run of list heads around X: returns the first one's address and the count. A few heads within
 * may fail the test, as the chunks that they link to may be damaged.
 */
static vaddr head_run(struct walk *w, vaddr x, size_t *count)
{
	unsigned step = 2 * w->word;
	vaddr lo = x, hi = x;
	size_t bad = 0;

	for (vaddr at = x; at >= step && (hi - at) / step < BIN_HEADS - 1 && bad < BAD_HEADS;) {
		at -= step;
		if (is_bin_head(&w->view, at))
			lo = at;
		else
			bad += !may_be_head(&w->view, at);
	}
	bad = 0;
	for (vaddr at = x; (at - lo) / step < BIN_HEADS - 1 && bad < BAD_HEADS;) {
		at += step;
		if (is_bin_head(&w->view, at))
			hi = at;
		else
			bad += !may_be_head(&w->view, at);
	}
	*count = (hi - lo) / step + 1;
	return lo;
}

/* An arena other than the main one stands right behind the heap_info of its first heap, which says
 * so. */
static bool behind_heap_info(const struct walk *w, vaddr arena)
{
	uint64_t owner;

	for (unsigned bytes = 0x10; bytes <= 0x30; bytes += 8)
		if (heap_info_fits(w->word, bytes) &&
		    core_read_word(w->core, arena - bytes, &owner) && owner == arena)
			return true;
	return false;
}

/* Is the arena whose bins begin at slot0 another than a main one, whatever its layout? */
static bool is_other(const struct walk *w, vaddr slot0)
{
	for (size_t i = 0; i < state_nlayouts; i++)
		if (state_layouts[i].word == w->word &&
		    behind_heap_info(w, slot0 - state_layouts[i].bins))
			return true;
	return false;
}

/* Without a file map any arena may be seen first: the main one of its list, which is closed. */
static vaddr main_of(struct walk *w, vaddr arena, const struct state_layout *l)
{
	vaddr at = arena;

	while (behind_heap_info(w, at) && follow_arenas(w, arena, l, false))
		if (!core_read_word(w->core, at + state_next(l), &at) || at == arena)
			return arena;
	return at;
}

static bool is_known(const struct walk *w, vaddr arena)
{
	for (size_t i = 0; i < w->arenas.n; i++)
		if (w->arenas.v[i].addr == arena)
			return true;
	return false;
}

/* Returns where to go on. */
static vaddr try_run(struct walk *w, vaddr x)
{
	const struct state_layout *l = NULL;
	size_t count;
	vaddr lo = head_run(w, x, &count), main = 0, slot, step = 2 * w->word;

	if (count < BIN_HEADS_DAMAGED)
		return x + w->word;
	/* system_mem, or max_system_mem */
	if (is_unsaved(w, lo + (unsigned)MALLOC_BINS * w->word + 16 + 3 * w->word)) {
		if (!is_other(w, lo))
			w->half = lo;
		return lo + count * step;
	}
	for (slot = lo; !l && lo - slot <= step * (BIN_HEADS - BIN_HEADS_DAMAGED); slot -= step)
		l = state_of(w, slot, &main);
	if (!l && count == BIN_HEADS)
		l = state_infer(w, lo, &main);
	for (slot = lo; !l && lo - slot <= step * (BIN_HEADS - BIN_HEADS_DAMAGED); slot -= step) {
		if (is_other(w, slot))
			return lo + count * step;
		if ((l = ring_layout(w, slot)))
			main = slot - l->bins;
	}
	if (!l) {
		walk_find(w, "main_arena", lo, false,
		          "a malloc_state was seen at 0x%llx, but no known "
		          "layout fits it: an unknown glibc, or its list of arenas is damaged",
		          (unsigned long long)lo);
		return lo + count * step;
	}
	if (!is_known(w, main))
		add_instance(w, main_of(w, main, l), l);
	return main + state_size(l);
}

static bool worth_scanning(const struct core *core, const struct segment *s)
{
	if (!(s->flags & SEG_W) || s->saved_end == s->start)
		return false;
	return s->file >= 0 || (!core->nfiles && s->end - s->start <= UINT64_C(64) << 20);
}

static void scan_segment(struct walk *w, const struct segment *s)
{
	unsigned word = w->word;

	for (vaddr stop, at = s->start; core_written(w->core, &at, s->saved_end, &stop);
	     at = at > stop ? at : stop) {
		at = round_up(at, word);
		while (at < stop && stop - at >= 2 * word) {
			const uint8_t *p = s->mem + (at - s->start);

			if (load_word(p, word) == at - 2 * word &&
			    load_word(p + word, word) == at - 2 * word)
				at = try_run(w, at);
			else
				at += word;
		}
	}
}

static void sort_used_first(struct walk *w)
{
	ARRAY(struct arena) arenas = { 0 };
	ARRAY(struct instance) ins = { 0 };

	for (int used = 1; used >= 0; used--) {
		for (size_t i = 0; i < w->instances.n; i++) {
			if (w->instances.v[i].used != (bool)used)
				continue;
			for (size_t k = 0; k < w->arenas.n; k++) {
				struct arena a = w->arenas.v[k];

				if (a.instance != i)
					continue;
				a.instance = (uint32_t)ins.n;
				array_push(&arenas, a);
			}
			array_push(&ins, w->instances.v[i]);
		}
	}
	array_free(&w->arenas);
	array_free(&w->instances);
	memcpy(&w->arenas, &arenas, sizeof(arenas));
	memcpy(&w->instances, &ins, sizeof(ins));
}

void instances_find(struct walk *w)
{
	for (size_t i = 0; i < w->core->nseg; i++)
		if (worth_scanning(w->core, &w->core->seg[i]))
			scan_segment(w, &w->core->seg[i]);
	sort_used_first(w);
}
