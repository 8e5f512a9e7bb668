/*
 * What structure alone tells of a glibc that the tables do not have. The 127 list heads end where
 * the list of arenas begins, in every release, so that list tells where an arena starts; mp_ is
 * searched as the newest releases have it, with words inserted or taken away; and it says how many
 * lists a tcache has. Nothing is taken for true that sums or lists do not confirm.
 */
#include "heapwalk/walk.h"

enum {
	BINS_MAX = 0x200, /* bytes of malloc_state before its bins: 0x68 in 2.17 */
	SHIFTS = 5,
};

/* Top lies in memory that malloc may have, and the sums are sums. */
static bool plausible(struct walk *w, vaddr main, const struct state_layout *l)
{
	uint64_t top, system, most;
	const struct segment *s;

	if (!core_read_word(w->core, main + state_top(l), &top) ||
	    !core_read_word(w->core, main + state_system_mem(l), &system) ||
	    !core_read_word(w->core, main + state_system_mem(l) + l->word, &most))
		return false;
	s = core_segment(w->core, top);
	return s && (s->flags & SEG_W) && system && system <= most && most < UINT64_C(1) << 47;
}

const struct state_layout *state_infer(struct walk *w, vaddr slot0, vaddr *main)
{
	unsigned word = w->word, nfast = word == 8 ? 10 : 11;
	unsigned fast = (nfast + 2) * word; /* bytes: the fastbins, top, last_remainder */

	for (unsigned bins = 8 + 2 * word; bins <= BINS_MAX; bins += word) {
		struct state_layout l = { .word = (uint8_t)word,
			                  .versions = { 43, 43 },
			                  .bins = (uint16_t)bins };
		struct state_layout *kept;
		uint64_t attached;

		l.fastbins = -1;
		if (bins >= fast + 8) {
			l.versions = (struct versions){ 27, 42 };
			l.fastbins = (int16_t)(bins - fast);
			l.nfast = (uint16_t)nfast;
		}
		if (!core_read_word(w->core, slot0 - bins + state_attached(&l), &attached))
			continue;
		l.attached = attached < 0x10000;
		if (!arena_ring(w, slot0 - bins, &l) || !plausible(w, slot0 - bins, &l))
			continue;
		*main = slot0 - bins;
		kept = pool_alloc(&w->heap->pool, sizeof(*kept));
		*kept = l;
		return kept;
	}
	return NULL;
}

size_t par_variants(struct walk *w, const struct state_layout *state, struct par_layout **out)
{
	static const int words[SHIFTS] = { 1, 2, 3, 4, -1 };
	struct par_layout *all = pool_alloc(&w->heap->pool, par_nlayouts * SHIFTS * sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < par_nlayouts; i++) {
		for (size_t k = 0; k < SHIFTS && layouts_overlap(&par_layouts[i], state); k++) {
			struct par_layout l = par_layouts[i];
			int shift = words[k] * l.word;

			l.n_mmaps = (uint16_t)(l.n_mmaps + shift);
			l.mmapped_mem = (uint16_t)(l.mmapped_mem + shift);
			l.sbrk_base = (uint16_t)(l.sbrk_base + shift);
			if (l.tcache >= 0)
				l.tcache = (int16_t)(l.tcache + shift);
			l.size = (uint16_t)(l.size + shift);
			if (l.n_mmaps >= 5 * l.word)
				all[n++] = l;
		}
	}
	*out = all;
	return n;
}

const struct tcache_layout *tcache_infer(struct walk *w)
{
	uint64_t bins = w->instances.v[0].tcache_bins;
	struct tcache_layout *l;

	if (bins <= 64 || bins == 76 || bins > TCACHE_BINS_MAX)
		return NULL;
	l = pool_alloc(&w->heap->pool, sizeof(*l));
	*l = (struct tcache_layout){ .word = (uint8_t)w->word,
		                     .versions = { 42, 43 },
		                     .bins = (uint16_t)bins,
		                     .count_bytes = 2,
		                     .counts_down = true,
		                     .entries = (uint16_t)round_up(2 * bins, w->word),
		                     .safe_linking = true };
	l->size = (uint16_t)(l->entries + w->word * bins);
	return l;
}

/* ---- how it is known ---- */

static void narrow(struct versions *all, const struct versions *v)
{
	all->from = v->from > all->from ? v->from : all->from;
	all->to = v->to < all->to ? v->to : all->to;
}

/* Does libc's debug information say what was found? It may know one structure, and not the other.
 */
static bool from_debug(const struct walk *w, const struct instance *in, bool *misfit)
{
	const struct debug_layout *d = w->known;

	*misfit = false;
	if (!d || in->lost || !debug_layout_of(d, in->main_arena))
		return false;
	*misfit = (d->state && d->state != in->state) || (d->par && in->parl && d->par != in->parl);
	return d->state && d->par && !*misfit;
}

void layout_name(struct walk *w)
{
	struct heap *h = w->heap;
	const struct instance *in = h->ninstances ? &h->instance[0] : NULL;
	struct versions all;
	bool table;

	if (!in)
		return;
	all = in->state->versions;
	if (in->parl)
		narrow(&all, &in->parl->versions);
	if (in->tcache)
		narrow(&all, &in->tcache->versions);
	table = state_in_table(in->state) && par_in_table(in->parl) && tcache_in_table(in->tcache);
	if (from_debug(w, in, &h->debug_misfit))
		h->layout_source = "dwarf";
	else
		h->layout_source = table && all.from <= all.to && !in->lost ? "table" : "inferred";
	if (table && all.from <= all.to)
		h->versions = all.from == all.to
		                      ? pool_printf(&h->pool, "2.%u", all.from)
		                      : pool_printf(&h->pool, "2.%u-2.%u", all.from, all.to);
}
