/*
 * The names are those of malloc/malloc.c. Behaviour that no offset tells (masked links, the size of
 * mmapped chunks) is taken from the release that has the same telling members.
 */
#include "heapwalk/debuglayout.h"

#include "formats/dwtype.h"

enum { STATE, PAR, TCACHE, TYPES };

bool state_in_table(const struct state_layout *l)
{
	return !l || (l >= state_layouts && l < state_layouts + state_nlayouts);
}

bool par_in_table(const struct par_layout *l)
{
	return !l || (l >= par_layouts && l < par_layouts + par_nlayouts);
}

bool tcache_in_table(const struct tcache_layout *l)
{
	return !l || (l >= tcache_layouts && l < tcache_layouts + tcache_nlayouts);
}

/* ---- malloc_state ---- */

enum { TOP, BINS, FASTBINS, NEXT, ATTACHED, SYSTEM_MEM, STATE_FIELDS };

static const char *const state_names[STATE_FIELDS] = {
	[TOP] = "top",
	[BINS] = "bins",
	[NEXT] = "next",
	[FASTBINS] = "fastbinsY",
	[ATTACHED] = "attached_threads",
	[SYSTEM_MEM] = "system_mem",
};

static bool same_state(const struct state_layout *a, const struct state_layout *b)
{
	return a->word == b->word && a->bins == b->bins && a->fastbins == b->fastbins &&
	       a->nfast == b->nfast && a->attached == b->attached;
}

/* The releases whose malloc works alike: attached_threads came in 2.23, 2.43 has no fastbins. */
static struct versions state_age(const struct state_layout *l)
{
	if (l->fastbins < 0)
		return (struct versions){ 43, 43 };
	return l->attached ? (struct versions){ 27, 42 } : (struct versions){ 17, 22 };
}

static void take_state(const struct dwtype *t, unsigned word, struct debug_layout *out)
{
	const struct dwfield *f = t->field;
	struct state_layout *own = &out->own_state;

	if (!t->found || t->size > INT16_MAX || !f[TOP].found || !f[BINS].found || !f[NEXT].found ||
	    !f[SYSTEM_MEM].found || f[BINS].size != (uint64_t)MALLOC_BINS * word)
		return;
	own->word = (uint8_t)word;
	own->bins = (uint16_t)f[BINS].offset;
	own->attached = f[ATTACHED].found;
	own->fastbins = -1;
	if (f[FASTBINS].found) {
		own->fastbins = (int16_t)f[FASTBINS].offset;
		own->nfast = (uint16_t)(f[FASTBINS].size / word);
	}
	own->versions = state_age(own);
	if (f[TOP].offset != state_top(own) || f[NEXT].offset != state_next(own) ||
	    f[SYSTEM_MEM].offset != state_system_mem(own) || t->size != state_size(own) ||
	    (own->attached && f[ATTACHED].offset != state_attached(own)))
		return;
	out->state = own;
	for (size_t i = 0; i < state_nlayouts; i++)
		if (same_state(own, &state_layouts[i]))
			out->state = &state_layouts[i];
}

/* ---- malloc_par ---- */

enum {
	THRESHOLD,
	THP_MODE,
	HP_PAGESIZE,
	N_MMAPS,
	NO_DYN,
	MAPPED_MEM,
	MAX_MAPPED_MEM,
	SBRK_BASE,
	CACHE_BINS,
	CACHE_SMALL_BINS,
	CACHE_COUNT,
	PAR_FIELDS
};

static const char *const par_names[PAR_FIELDS] = {
	[THRESHOLD] = "mmap_threshold",       [THP_MODE] = "thp_mode",
	[HP_PAGESIZE] = "hp_pagesize",        [N_MMAPS] = "n_mmaps",
	[NO_DYN] = "no_dyn_threshold",        [MAPPED_MEM] = "mmapped_mem",
	[MAX_MAPPED_MEM] = "max_mmapped_mem", [SBRK_BASE] = "sbrk_base",
	[CACHE_BINS] = "tcache_bins",         [CACHE_SMALL_BINS] = "tcache_small_bins",
	[CACHE_COUNT] = "tcache_count",
};

static bool same_par(const struct par_layout *a, const struct par_layout *b)
{
	return a->word == b->word && a->hp_pagesize == b->hp_pagesize && a->n_mmaps == b->n_mmaps &&
	       a->mmapped_mem == b->mmapped_mem && a->sbrk_base == b->sbrk_base &&
	       a->tcache == b->tcache && a->size == b->size;
}

static struct versions par_age(const struct par_layout *l)
{
	if (l->new_mmap)
		return (struct versions){ 43, 43 };
	if (l->hp_pagesize >= 0)
		return (struct versions){ 35, 42 };
	return l->tcache >= 0 ? (struct versions){ 26, 34 } : (struct versions){ 17, 25 };
}

static void take_par(const struct dwtype *t, unsigned word, struct debug_layout *out)
{
	const struct dwfield *f = t->field;
	const struct dwfield *bins = f[CACHE_BINS].found ? &f[CACHE_BINS] : &f[CACHE_SMALL_BINS];
	struct par_layout *own = &out->own_par;

	if (!t->found || t->size > INT16_MAX || !f[N_MMAPS].found || !f[MAPPED_MEM].found ||
	    !f[SBRK_BASE].found || f[THRESHOLD].offset != 2 * word || !f[THRESHOLD].found ||
	    f[NO_DYN].offset != f[N_MMAPS].offset + 12 ||
	    f[MAX_MAPPED_MEM].offset != f[MAPPED_MEM].offset + word ||
	    (bins->found && f[CACHE_COUNT].offset != bins->offset + 2 * word))
		return;
	*own = (struct par_layout){
		.word = (uint8_t)word,
		.hp_pagesize = f[HP_PAGESIZE].found ? (int16_t)f[HP_PAGESIZE].offset : -1,
		.n_mmaps = (uint16_t)f[N_MMAPS].offset,
		.mmapped_mem = (uint16_t)f[MAPPED_MEM].offset,
		.sbrk_base = (uint16_t)f[SBRK_BASE].offset,
		.tcache = bins->found ? (int16_t)bins->offset : -1,
		.size = (uint16_t)t->size,
		.new_mmap = f[THP_MODE].found,
	};
	own->versions = par_age(own);
	out->par = own;
	for (size_t i = 0; i < par_nlayouts; i++)
		if (same_par(own, &par_layouts[i]))
			out->par = &par_layouts[i];
}

/* ---- tcache_perthread_struct ---- */

enum { COUNTS, NUM_SLOTS, ENTRIES, TCACHE_FIELDS };

static const char *const tcache_names[TCACHE_FIELDS] = {
	[COUNTS] = "counts",
	[NUM_SLOTS] = "num_slots",
	[ENTRIES] = "entries",
};

static bool same_tcache(const struct tcache_layout *a, const struct tcache_layout *b)
{
	return a->word == b->word && a->bins == b->bins && a->count_bytes == b->count_bytes &&
	       a->counts_down == b->counts_down && a->entries == b->entries && a->size == b->size;
}

/* Of 2.30 to 2.41 nothing but the links themselves tells whether they are masked. */
static void take_tcache(const struct dwtype *t, unsigned word, struct debug_layout *out)
{
	const struct dwfield *f = t->field;
	const struct dwfield *count = f[COUNTS].found ? &f[COUNTS] : &f[NUM_SLOTS];
	struct tcache_layout *own = &out->own_tcache;

	if (!t->found || t->size > INT16_MAX || !count->found || count->offset ||
	    !f[ENTRIES].found || (count->element != 1 && count->element != 2) ||
	    f[ENTRIES].size / word * count->element > f[ENTRIES].offset)
		return;
	*own = (struct tcache_layout){
		.word = (uint8_t)word,
		.versions = f[NUM_SLOTS].found ? (struct versions){ 42, 43 }
		                               : (struct versions){ 26, 41 },
		.bins = (uint16_t)(f[ENTRIES].size / word),
		.count_bytes = (uint8_t)count->element,
		.counts_down = f[NUM_SLOTS].found,
		.entries = (uint16_t)f[ENTRIES].offset,
		.safe_linking = count->element == 2,
		.size = (uint16_t)t->size,
	};
	out->tcache = own;
	for (size_t i = 0; i < tcache_nlayouts; i++)
		if (same_tcache(own, &tcache_layouts[i]))
			out->tcache = &tcache_layouts[i];
}

/* ---- all of them ---- */

static void ask(struct dwfield *field, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		field[i].name = names[i];
}

void debug_layout_read(const struct core *core, struct modules *modules, struct debug_layout *out)
{
	struct dwfield state[STATE_FIELDS + 1] = { 0 }, par[PAR_FIELDS + 1] = { 0 },
					    tcache[TCACHE_FIELDS + 1] = { 0 };
	struct dwtype types[TYPES] = {
		[STATE] = { .name = "malloc_state", .field = state },
		[PAR] = { .name = "malloc_par", .field = par },
		[TCACHE] = { .name = "tcache_perthread_struct", .field = tcache },
	};
	unsigned word = core->machine->word;
	const struct module *libc = NULL;

	*out = (struct debug_layout){ 0 };
	modules_libc(core, modules, &libc);
	ask(state, state_names, STATE_FIELDS);
	ask(par, par_names, PAR_FIELDS);
	ask(tcache, tcache_names, TCACHE_FIELDS);
	if (!libc || !module_types(modules, libc, "__libc_malloc", types, TYPES))
		return;
	take_state(&types[STATE], word, out);
	take_par(&types[PAR], word, out);
	take_tcache(&types[TCACHE], word, out);
	if (out->state || out->par || out->tcache)
		out->libc = libc;
}
