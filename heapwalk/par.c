/*
 * Finding mp_ (struct malloc_par) without symbols: it lies in the same file's writable pages as
 * main_arena. Every word there is tried against every known layout; a candidate must satisfy the
 * invariants that malloc keeps, and is scored by defaults. Decisive is sbrk_base: with a contiguous
 * main arena, top's end - sbrk_base == system_mem (malloc.c sysmalloc).
 */
#include "formats/written.h"
#include "heapwalk/walk.h"

enum {
	SCORE_MIN = 4,
	PAR_REACH = 1 << 20, /* bytes from main_arena to the mapping that holds mp_ */
	SCORE_SURE = 12,     /* below it, layouts that no known release has are tried, too */
};

/* The layouts that are tried, and the best so far. */
struct search {
	const struct par_layout *l;
	size_t n;
	struct par *best;
	int score;
};

struct par {
	vaddr at;
	const struct par_layout *l;
	uint32_t n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn;
	uint64_t trim, pad, threshold, test, arena_max, mapped, max_mapped, base;
	uint64_t bins, max_bytes, count;
};

static void par_load(const uint8_t *p, const struct par_layout *l, struct par *out)
{
	unsigned word = l->word;

	out->l = l;
	out->n_mmaps = load32(p + l->n_mmaps);
	out->n_mmaps_max = load32(p + l->n_mmaps + 4);
	out->max_n_mmaps = load32(p + l->n_mmaps + 8);
	out->no_dyn = load32(p + l->n_mmaps + 12);
	out->trim = load_word(p, word);
	out->pad = load_word(p + word, word);
	out->threshold = load_word(p + 2 * word, word);
	out->test = load_word(p + 3 * word, word);
	out->arena_max = load_word(p + 4 * word, word);
	out->mapped = load_word(p + l->mmapped_mem, word);
	out->max_mapped = load_word(p + l->mmapped_mem + word, word);
	out->base = load_word(p + l->sbrk_base, word);
	out->bins = out->max_bytes = out->count = 0;
	if (l->tcache >= 0) {
		out->bins = load_word(p + l->tcache, word);
		out->max_bytes = load_word(p + l->tcache + word, word);
		out->count = load_word(p + l->tcache + 2 * word, word);
	}
}

/* What malloc never breaks. 2.43 may leave mmapped_mem non-zero with no mapping left (mremap). */
static bool par_valid(const struct par *p)
{
	if (p->n_mmaps > p->max_n_mmaps || p->no_dyn > 1 || p->n_mmaps_max > 1u << 30)
		return false;
	if (p->max_n_mmaps > 1u << 24 || p->mapped > p->max_mapped || p->mapped & 7)
		return false;
	if (!p->l->new_mmap && (p->n_mmaps == 0) != (p->mapped == 0))
		return false;
	if (p->mapped < (uint64_t)p->n_mmaps * 4096)
		return false;
	if (p->bins > TCACHE_BINS_MAX || p->count > UINT16_MAX || p->max_bytes > UINT32_MAX)
		return false;
	return p->pad <= UINT64_C(1) << 32 && p->test <= 1024 && p->arena_max <= 1u << 20;
}

static int par_score(const struct core *core, const struct par *p, const struct arena *main)
{
	const struct segment *s = p->base ? core_segment(core, p->base) : NULL;
	int score = 0;

	if (p->base && !s)
		return -1;
	if (s) {
		score += main->system_mem ? 1 : 0; /* no arena without it (malloc.c sysmalloc) */
		score += s == core_segment(core, main->top) ? 4 : 0;
		score += p->base <= main->top &&
		                         arena_top_end(core, main) - p->base == main->system_mem
		                 ? 6
		                 : 0;
	} else if (!main->system_mem) {
		score += 2;
	}
	score += p->n_mmaps_max == 65536 ? 2 : 0;
	score += p->test == 8 || p->test == 2 ? 1 : 0;
	score += p->threshold >= 1024 && p->threshold <= UINT64_C(1) << 32 ? 1 : 0;
	score += p->trim == 131072 || p->trim == 2 * p->threshold ? 2 : 0;
	score += p->pad == 131072 ? 2 : 0;
	if (p->l->tcache >= 0) {
		score -= p->bins ? 0 : 1; /* none only where libc was built without tcache */
		score += p->bins == 64 || p->bins == 76 ? 2 : 0;
		score += p->count == 7 || p->count == 16 ? 2 : 0;
		/* tidx2usize(63); one more than that chunk's size from 2.42 on */
		score += p->max_bytes == 63 * 16 + 3u * p->l->word ||
		                         p->max_bytes == 63 * 16 + 4u * p->l->word + 1
		                 ? 3
		                 : 0;
	}
	return score;
}

/*
 * Is this the data of the file that main_arena is in? The same libc may be there once more, in
 * another namespace of dlmopen: megabytes away, where its own mp_ is less than a page from it.
 */
static bool same_file(const struct core *core, const struct segment *s, vaddr main)
{
	const struct segment *m = core_segment(core, main);

	if (s == m)
		return true;
	if ((s->start > main ? s->start - main : main - s->end) > PAR_REACH)
		return false;
	return m && m->file >= 0 && s->file >= 0 && (s->flags & SEG_W) &&
	       !strcmp(core->files[s->file].path, core->files[m->file].path);
}

static void try_layouts(struct walk *w, const struct segment *s, vaddr at,
                        const struct instance *in, const struct arena *main, struct search *search)
{
	for (size_t i = 0; i < search->n; i++) {
		const struct par_layout *l = &search->l[i];
		struct par p;
		int score;

		if (s->saved_end - at < l->size || !layouts_overlap(l, in->state))
			continue;
		par_load(s->mem + (at - s->start), l, &p);
		p.at = at;
		if (!par_valid(&p))
			continue;
		score = par_score(w->core, &p, main);
		if (score > search->score) {
			*search->best = p;
			search->score = score;
		}
	}
}

#define BEFORE 256 /* bytes of zeroes that it may begin with, in a hole of the file */

static void scan_segment(struct walk *w, const struct segment *s, const struct instance *in,
                         const struct arena *main, struct search *search)
{
	for (vaddr stop, run = s->start; core_written(w->core, &run, s->saved_end, &stop);
	     run = stop)
		for (vaddr at = run - s->start > BEFORE ? round_up(run, w->word) - BEFORE
		                                        : round_up(s->start, w->word);
		     at < stop; at += w->word)
			try_layouts(w, s, at, in, main, search);
}

/* Tries n layouts at each word of the file's data; returns the best score, at least `least`. */
static int search_par(struct walk *w, const struct instance *in, const struct arena *main,
                      const struct par_layout *l, size_t n, int least, struct par *best)
{
	struct search search = { .l = l, .n = n, .best = best, .score = least };

	for (size_t i = 0; i < w->core->nseg; i++) {
		const struct segment *s = &w->core->seg[i];

		if (s->saved_end > s->start && same_file(w->core, s, in->main_arena))
			scan_segment(w, s, in, main, &search);
	}
	return search.score;
}

void par_find(struct walk *w, struct instance *in, const struct arena *main)
{
	const struct debug_layout *known = w->known;
	struct par best = { 0 };
	struct par_layout *variants;
	size_t n;
	int score = SCORE_MIN, least;

	if (known && known->par && debug_layout_of(known, in->main_arena))
		score = search_par(w, in, main, known->par, 1, score, &best);
	if (score < SCORE_SURE)
		score = search_par(w, in, main, par_layouts, par_nlayouts, score, &best);
	if ((score < SCORE_SURE || !state_in_table(in->state)) && main->system_mem &&
	    (!best.l || best.l != (known ? known->par : NULL))) {
		n = par_variants(w, in->state, &variants);
		least = score < SCORE_SURE ? SCORE_SURE - 1 : score;
		search_par(w, in, main, variants, n, least, &best);
	}
	if (!best.l) {
		walk_find(w, "mp_", in->main_arena, false,
		          "malloc's parameters (mp_) were not found: the "
		          "number of mmapped chunks cannot be checked");
		return;
	}
	in->par = best.at;
	in->parl = best.l;
	in->n_mmaps = best.n_mmaps;
	in->mmapped_mem = best.mapped;
	in->sbrk_base = best.base;
	in->trim_threshold = best.trim;
	in->top_pad = best.pad;
	in->mmap_threshold = best.threshold;
	in->arena_max = best.arena_max;
	in->tcache_bins = best.bins;
	in->tcache_count = best.count;
}
