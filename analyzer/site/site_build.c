/*
 * An index is made in rounds. In the first, the functions that call an allocator known by name are
 * read; what turns out to be an allocator itself (it returns its own allocator's block, of the size
 * that it was asked for) or to return a fresh block leads to more callers, which are read in the
 * next round, until there are none or ROUNDS are done.
 */
#include "analyzer/site/site_build.h"

#include <stdlib.h>

#define ROUNDS         5
#define DEPTH          24   /* of functions that are read because another one calls them */
#define LIBRARY_ROUNDS 16   /* of which those behind ROUNDS are for the C++ library's templates */
#define LIFTED_STORES  64   /* that are taken over from a site */
#define WRAPPER_SIZE   1024 /* bytes of code, at most */

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

static void mark_library(struct builder *b)
{
	for (size_t i = 0; i < b->sites.n; i++) {
		struct site_entry *e = &b->sites.v[i];
		const struct function *f = function_at(b->functions, e->function);
		const struct summary *s = f ? b->summary[f - b->functions->v] : NULL;

		if (s && s->library)
			e->flags |= SITE_LIBRARY;
	}
}

/* By the template whose function asks for it (Itanium C++ ABI; libstdc++ and its __cxx11). */
static uint8_t holds_of(const struct builder *b, const struct site_entry *e)
{
	static const struct {
		const char *begin;
		enum site_holds is;
	} names[] = {
		{ "_ZNSt8_Rb_tree", HOLDS_TREE },
		{ "_ZNSt3map", HOLDS_TREE },
		{ "_ZNSt10_Hashtable", HOLDS_HASH },
		{ "_ZNSt8__detail16_Hashtable_alloc", HOLDS_HASH },
		{ "_ZNSt8__detail9_Map_base", HOLDS_HASH },
		{ "_ZNSt7__cxx114list", HOLDS_LIST },
		{ "_ZNSt7__cxx1110_List_base", HOLDS_LIST },
		{ "_ZNSt6vector", HOLDS_VECTOR },
		{ "_ZNSt12_Vector_base", HOLDS_VECTOR },
		{ "_ZNSt5deque", HOLDS_DEQUE },
		{ "_ZNSt11_Deque_base", HOLDS_DEQUE },
		{ "_ZNSt14__shared_count", HOLDS_SHARED },
	};
	const struct function *f = function_at(b->functions, e->function);

	for (size_t i = 0; f && f->name && i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(f->name, names[i].begin, strlen(names[i].begin)))
			return (uint8_t)names[i].is;
	return HOLDS_ANY;
}

static void lift(struct builder *b, const struct lifted *l)
{
	struct site_entry *to = &b->sites.v[l->site], *from = &b->sites.v[l->inner];
	uint32_t at = b->last_store.v[l->inner];

	if (!l->sized) {
		to->size = from->size;
		to->scale = from->scale;
		to->add = from->add;
		to->string = from->string;
		to->holds = from->holds ? from->holds : holds_of(b, from);
		to->flags = (uint8_t)((from->flags & ~(SITE_WRAPPER | SITE_LIBRARY)) | SITE_INSIDE |
		                      (to->flags & SITE_LIBRARY));
	}
	from->flags |= SITE_WRAPPER;
	for (unsigned n = 0; at && n < LIFTED_STORES; n++) {
		struct pending_store p = b->stores.v[at - 1];

		at = p.before;
		if (!builder_valid(b, p.reader, p.round) || p.site != l->inner)
			continue;
		b->reader = l->reader;
		b->round = l->round;
		builder_store(b, l->site, &p.store);
	}
}

/* One that stands for another comes behind that one. */
static int by_level(const void *a, const void *b)
{
	const struct lifted *x = a, *y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return x->inner < y->inner ? -1 : x->inner > y->inner;
}

/* How many stand behind each other: a few rounds are enough, as there were no more of reading. */
static void find_levels(struct builder *b)
{
	uint8_t *level = mem_alloc(b->sites.n + 1, 1);

	for (unsigned round = 0; round < LIBRARY_ROUNDS; round++) {
		for (size_t i = 0; i < b->lifted.n; i++) {
			struct lifted *l = &b->lifted.v[i];

			if (l->site != l->inner && level[l->site] <= level[l->inner] &&
			    level[l->inner] < LIBRARY_ROUNDS)
				level[l->site] = (uint8_t)(level[l->inner] + 1);
			l->level = level[l->site];
		}
	}
	mem_free(level);
}

void builder_lift(struct builder *b)
{
	size_t n = 0;

	mark_library(b);
	for (size_t i = 0; i < b->lifted.n; i++)
		if (builder_valid(b, b->lifted.v[i].reader, b->lifted.v[i].round))
			b->lifted.v[n++] = b->lifted.v[i];
	b->lifted.n = n;
	find_levels(b);
	if (n)
		qsort(b->lifted.v, n, sizeof(*b->lifted.v), by_level);
	for (size_t i = 0; i < n; i++)
		if (!i || by_level(&b->lifted.v[i - 1], &b->lifted.v[i]))
			lift(b, &b->lifted.v[i]);
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

	if (call->variable && builder_held(b, call->variable, out))
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
static void new_targets(struct builder *b, const uint64_t *told, struct scan_set *set)
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
	builder_hold(b, &found, set);
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

static void run_rounds(struct builder *b)
{
	size_t words = b->functions->n / 64 + 1;
	uint64_t *told = mem_alloc(words, 8), *bits = mem_alloc(words, 8);
	struct scan_set set = { 0 };

	known_targets(b, &set);
	builder_hold(b, NULL, &set);
	for (b->round = 1; b->round <= LIBRARY_ROUNDS && set.n && b->flow.insns; b->round++) {
		memset(bits, 0, words * 8);
		scan_callers(b->functions, &set, bits);
		for (size_t i = 0; i < words; i++)
			b->callers[i] |= bits[i];
		read_callers(b, bits);
		scan_free(&set);
		new_targets(b, told, &set);
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
	array_free(&b->held);
	mem_free(b->kept);
}
