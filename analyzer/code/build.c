/*
 * An index is made in rounds. In the first, the functions that call an allocator known by name are
 * read; what turns out to be an allocator itself (it returns its own allocator's block, of the size
 * that it was asked for) or to return a fresh block leads to more callers, which are read in the
 * next round, until there are none or ROUNDS are done.
 */
#include "analyzer/code/build.h"

#include <stdlib.h>

#define ROUNDS       5
#define DEPTH        24   /* of functions that are read because another one calls them */
#define WRAPPER_SIZE 1024 /* bytes of code, at most */

/* ---- sites ---- */

static size_t call_slot(const struct builder *b, uint64_t call, unsigned k)
{
	size_t i = (size_t)((call + k) * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (b->site_cap - 1);

	while (b->site_of[i] &&
	       (b->sites.v[b->site_of[i] - 1].call != call || b->sites.v[b->site_of[i] - 1].k != k))
		i = (i + 1) & (b->site_cap - 1);
	return i;
}

static void grow_calls(struct builder *b)
{
	mem_free(b->site_of);
	b->site_cap = b->site_cap ? b->site_cap * 2 : 1024;
	b->site_of = mem_alloc(b->site_cap, sizeof(*b->site_of));
	for (size_t i = 0; i < b->sites.n; i++)
		b->site_of[call_slot(b, b->sites.v[i].call, b->sites.v[i].k)] = (uint32_t)i + 1;
}

uint32_t builder_site(struct builder *b, uint64_t call, unsigned k, uint64_t function)
{
	struct site_entry entry = {
		.call = call, .function = function, .size = SITE_ANY, .k = (uint8_t)k
	};
	size_t i;

	if (b->sites.n * 2 >= b->site_cap)
		grow_calls(b);
	i = call_slot(b, call, k);
	if (!b->site_of[i]) {
		if (b->sites.n >= b->limits->sites) {
			b->partial = true;
			return SITE_NONE;
		}
		array_push(&b->sites, entry);
		array_push(&b->last_store, 0);
		b->site_of[i] = (uint32_t)b->sites.n;
	}
	return b->site_of[i] - 1;
}

bool builder_valid(const struct builder *b, uint32_t reader, uint32_t round)
{
	const struct summary *s = b->summary[reader];

	return s && s->round == round;
}

void builder_store(struct builder *b, uint32_t site, const struct site_store *store)
{
	struct pending_store p = { site,     (uint32_t)b->stores.n, b->reader,
		                   b->round, b->last_store.v[site], *store };

	if (b->stores.n >= b->limits->stores) {
		b->partial = true;
		return;
	}
	array_push(&b->stores, p);
	b->last_store.v[site] = (uint32_t)b->stores.n;
}

/* ---- allocators ---- */

static bool extra_allocator(const struct builder *b, const char *name, struct site_allocator *out)
{
	const struct site_others *o = b->others;
	size_t i = first_where(k, 0, o->nextra, strcmp(o->extra[k].name, name) >= 0);

	if (i == o->nextra || strcmp(o->extra[i].name, name) != 0)
		return false;
	*out = o->extra[i].is;
	return true;
}

bool builder_named(const struct builder *b, const char *name, struct site_allocator *out)
{
	return site_allocator_known(name, out) || extra_allocator(b, name, out);
}

bool builder_allocator(struct builder *b, const struct flow_call *call, struct site_allocator *out)
{
	uint64_t target = call->target;
	const struct function *f;
	struct summary *s;

	if ((call->variable || call->member) && builder_held(b, call, out))
		return true;
	if (call->name && builder_named(b, call->name, out))
		return true;
	if (!target && call->name)
		target = function_named(b->functions, call->name);
	f = target ? function_at(b->functions, target) : NULL;
	if (!f || f->start != target)
		return false;
	s = b->summary[f - b->functions->v];
	if (b->callers[(f - b->functions->v) / 64] >> (f - b->functions->v) % 64 & 1)
		s = builder_summary(b, (size_t)(f - b->functions->v));
	if (!s || s->state != SUMMARY_DONE || s->wrapper.size == ALLOCATOR_NONE)
		return false;
	*out = s->wrapper;
	return true;
}

/* ---- functions ---- */

/*
 * Does the function that asked for this block fill it? Then it makes things, and wraps nothing;
 * where there are names, as they tell what wraps, even if all it stores are copied bytes.
 */
static bool is_filled(const struct builder *b, uint32_t site, size_t from, int32_t shift,
                      bool names)
{
	for (size_t i = from; i < b->stores.n; i++) {
		const struct pending_store *p = &b->stores.v[i];

		if (p->site != site || (int64_t)p->store.offset < shift)
			continue;
		if (p->store.kind == STORE_ZERO ||
		    (p->store.kind == STORE_CONST && !p->store.value) ||
		    (p->store.kind == STORE_OTHER && p->store.width == 1 && !names))
			continue;
		return true;
	}
	return false;
}

static void judge_wrapper(struct builder *b, struct summary *s, const struct function *f,
                          size_t first_store)
{
	uint32_t site = s->returned;

	if (s->wrapper.size == ALLOCATOR_NONE)
		return;
	if (s->wrapper.out != ALLOCATOR_RESULT) {
		b->sites.v[s->asked].flags |= SITE_WRAPPER;
		return;
	}
	if (site == SITE_NONE || s->returned_add < 0 || s->returned_add > 64 ||
	    b->sites.v[site].function != f->start ||
	    (!s->named && (f->end - f->start > WRAPPER_SIZE || s->fills ||
	                   is_filled(b, site, first_store, s->returned_add, f->name != NULL)))) {
		s->wrapper.size = ALLOCATOR_NONE;
		return;
	}
	s->wrapper.shift = s->returned_add;
	for (size_t i = 0; i < b->sites.n; i++)
		if (b->sites.v[i].function == f->start &&
		    (b->sites.v[i].flags & SITE_RETURNED ||
		     b->sites.v[i].asks == s->wrapper.arg + 1))
			b->sites.v[i].flags |= SITE_WRAPPER;
	s->returned = SITE_NONE;
}

static bool is_zeroing(const struct builder *b, uint32_t site, size_t from)
{
	if (b->sites.v[site].flags & SITE_ZEROED)
		return true;
	for (size_t i = from; i < b->stores.n; i++)
		if (b->stores.v[i].site == site && b->stores.v[i].store.kind == STORE_ZERO &&
		    b->stores.v[i].store.value >= 64)
			return true;
	return false;
}

/* Names of what is in std and __gnu_cxx (Itanium C++ ABI, 5.1). */
static bool is_library(const char *name)
{
	static const char *const begin[] = { "_ZNSt",          "_ZNKSt", "_ZSt", "_ZN9__gnu_cxx",
		                             "_ZNK9__gnu_cxx", "_ZNSa",  "_ZNSs" };

	for (size_t i = 0; i < sizeof(begin) / sizeof(*begin); i++)
		if (!strncmp(name, begin[i], strlen(begin[i])))
			return true;
	return false;
}

static void read_function(struct builder *b, size_t function, struct summary *s)
{
	const struct function *f = &b->functions->v[function];
	struct builder_sink mem;
	size_t first_store = b->stores.n;
	uint32_t site, reader = b->reader;

	b->reader = (uint32_t)function;
	s->round = b->round;
	s->state = SUMMARY_RUNNING;
	s->wrapper.size = ALLOCATOR_NONE;
	s->returned = SITE_NONE;
	s->returned_inside = SITE_NONE;
	s->returned_scale = 0;
	s->inside_scale = 0;
	s->same = 0;
	s->fills = false;
	s->nsites = 0;
	s->library = f->name && is_library(f->name);
	s->named = f->name && site_allocator_named(f->name);
	s->steps.n = 0;
	s->calls.n = 0;
	b->depth++;
	if (!flow_read(b->functions, b->decoder, f->start, f->end,
	               builder_sink(b, s, f->start, &mem), &b->flow))
		b->partial = true;
	b->depth--;
	b->reader = reader;
	site = s->wrapper.out == ALLOCATOR_RESULT ? s->returned : s->asked;
	judge_wrapper(b, s, f, first_store);
	if (s->wrapper.size != ALLOCATOR_NONE)
		s->wrapper.zeroed = is_zeroing(b, site, first_store);
	s->state = SUMMARY_DONE;
}

struct summary *builder_summary(struct builder *b, size_t function)
{
	struct summary *s = b->summary[function];

	if (s && s->state != SUMMARY_NONE)
		return s;
	if (b->depth >= DEPTH || !b->flow.insns)
		return NULL;
	if (!s)
		s = b->summary[function] = mem_alloc(1, sizeof(*s));
	read_function(b, function, s);
	return s;
}

/* ---- rounds ---- */

static void known_targets(const struct builder *b, struct scan_set *set)
{
	const struct functions *f = b->functions;
	struct site_allocator is;

	for (size_t i = 0; i < f->nslots; i++)
		if (builder_named(b, f->slot[i].name, &is))
			scan_add(set, f->slot[i].at);
	scan_stubs(f, set);
	for (size_t i = 0; i < f->ndefined; i++)
		if (builder_named(b, f->defined[i].name, &is))
			scan_add(set, f->defined[i].at);
}

/* A library calls its own exported functions by way of slots, too. */
static void slots_of(const struct builder *b, const struct scan_set *functions,
                     struct scan_set *set)
{
	const struct functions *f = b->functions;

	for (size_t i = 0; i < f->nslots; i++) {
		uint64_t at = function_named(f, f->slot[i].name);

		if (at && scan_has(functions, at))
			scan_add(set, f->slot[i].at);
	}
	scan_stubs(f, set);
}

/* Is it of interest who calls this function? */
static bool is_target(const struct builder *b, const struct summary *s)
{
	if (s->state != SUMMARY_DONE)
		return false;
	if (s->library && (s->nsites || s->wrapper.size != ALLOCATOR_NONE))
		return true;
	return b->round <= ROUNDS && (s->nsites || s->wrapper.size != ALLOCATOR_NONE ||
	                              s->returned != SITE_NONE || s->returned_inside != SITE_NONE);
}

/* Functions that this round found to be worth calling. */
static void new_targets(struct builder *b, const uint64_t *told, struct scan_set *set,
                        uint64_t *bits)
{
	struct scan_set found = { 0 };

	for (size_t i = 0; i < b->functions->n; i++) {
		const struct summary *s = b->summary[i];

		if (!s || told[i / 64] >> i % 64 & 1 || !is_target(b, s))
			continue;
		scan_add(&found, b->functions->v[i].start);
		scan_add(set, b->functions->v[i].start);
	}
	if (found.n)
		slots_of(b, &found, set);
	builder_hold(b, &found, set, bits);
	scan_free(&found);
}

static void tell(const struct builder *b, uint64_t *told)
{
	for (size_t i = 0; i < b->functions->n; i++) {
		const struct summary *s = b->summary[i];

		if (s && is_target(b, s))
			told[i / 64] |= UINT64_C(1) << i % 64;
	}
}

static void read_callers(struct builder *b, const uint64_t *bits)
{
	size_t n = b->functions->n;

	for (size_t i = 0; i < n; i++) /* what they knew of their callees may be out of date */
		if (bits[i / 64] >> i % 64 & 1 && b->summary[i])
			b->summary[i]->state = SUMMARY_NONE;
	for (size_t i = 0; i < n && b->flow.insns; i++)
		if (bits[i / 64] >> i % 64 & 1)
			builder_summary(b, i);
}

static bool any(const uint64_t *bits, size_t words)
{
	size_t i = 0;

	while (i < words && !bits[i])
		i++;
	return i < words;
}

static void run_rounds(struct builder *b)
{
	size_t words = b->functions->n / 64 + 1;
	uint64_t *told = mem_alloc(words, 8), *bits = mem_alloc(words, 8);
	struct scan_set set = { 0 };

	known_targets(b, &set);
	builder_hold(b, NULL, &set, bits);
	for (b->round = 1;
	     b->round <= LIBRARY_ROUNDS && (set.n || any(bits, words)) && b->flow.insns;
	     b->round++) {
		scan_callers(b->functions, &set, bits);
		for (size_t i = 0; i < words; i++)
			b->callers[i] |= bits[i];
		read_callers(b, bits);
		scan_free(&set);
		memset(bits, 0, words * 8);
		new_targets(b, told, &set, bits);
		tell(b, told);
	}
	scan_free(&set);
	mem_free(told);
	mem_free(bits);
}

bool builder_run(struct builder *b)
{
	b->decoder = code_open();
	b->summary = mem_alloc(b->functions->n + 1, sizeof(struct summary *));
	b->callers = mem_alloc(b->functions->n / 64 + 1, 8);
	b->flow.insns = b->limits->insns;
	run_rounds(b);
	b->partial = b->partial || !b->flow.insns;
	b->limits->insns = b->flow.insns;
	return b->sites.n > 0;
}

void builder_free(struct builder *b)
{
	for (size_t i = 0; b->summary && i < b->functions->n; i++) {
		if (b->summary[i])
			array_free(&b->summary[i]->steps);
		if (b->summary[i])
			array_free(&b->summary[i]->calls);
		mem_free(b->summary[i]);
	}
	mem_free(b->summary);
	mem_free(b->callers);
	mem_free(b->site_of);
	code_close(b->decoder);
	array_free(&b->sites);
	array_free(&b->last_store);
	array_free(&b->lifted);
	array_free(&b->stores);
	array_free(&b->tags);
	array_free(&b->asked);
	array_free(&b->held);
	mem_free(b->kept);
	mem_free(b->member);
}
