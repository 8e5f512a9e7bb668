#include "analyzer/code/index.h"

#include "analyzer/code/build.h"
#include "analyzer/code/entrance.h"

#include <stdlib.h>

#define STORES_MOST 256 /* of one site */
#define TAGS_MOST   128

static int by_call(const void *a, const void *b)
{
	const struct site_entry *x = a, *y = b;

	if (x->call != y->call)
		return x->call < y->call ? -1 : 1;
	return x->k < y->k ? -1 : x->k > y->k;
}

static int by_site(const void *a, const void *b)
{
	const struct pending_store *x = a, *y = b;

	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	if (x->store.offset != y->store.offset)
		return x->store.offset < y->store.offset ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int by_tag(const void *a, const void *b)
{
	const struct pending_tag *x = a, *y = b;

	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	if (x->tag.global != y->tag.global)
		return x->tag.global < y->tag.global ? -1 : 1;
	if (x->tag.parent != y->tag.parent)
		return x->tag.parent < y->tag.parent ? -1 : 1;
	if (x->tag.inner != y->tag.inner)
		return x->tag.inner < y->tag.inner ? -1 : 1;
	if (x->tag.offset != y->tag.offset)
		return x->tag.offset < y->tag.offset ? -1 : 1;
	return x->tag.at < y->tag.at ? -1 : x->tag.at > y->tag.at;
}

static bool same_store(const struct site_store *a, const struct site_store *b)
{
	return a->offset == b->offset && a->width == b->width && a->kind == b->kind &&
	       a->value == b->value && a->add == b->add && a->moved == b->moved;
}

/* Sites in the order of their calls; returns the new number of each. */
static uint32_t *renumber(struct builder *b, struct site_index *out)
{
	uint32_t *number = mem_alloc(b->sites.n + 1, sizeof(*number));

	out->n = b->sites.n;
	out->v = mem_alloc(out->n + 1, sizeof(*out->v));
	for (size_t i = 0; i < out->n; i++) {
		out->v[i] = b->sites.v[i];
		out->v[i].store = (uint32_t)i; /* for a moment: the old number */
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_call);
	for (uint32_t i = 0; i < out->n; i++) {
		number[out->v[i].store] = i;
		out->v[i].store = 0;
	}
	return number;
}

static void take_stores(struct builder *b, const uint32_t *number, struct site_index *out)
{
	size_t n = 0;

	for (size_t i = 0; i < b->stores.n; i++) {
		struct pending_store p = b->stores.v[i];

		if (!builder_valid(b, p.reader, p.round))
			continue;
		p.site = number[p.site];
		if (p.store.kind == STORE_BLOCK)
			p.store.value = number[p.store.value];
		b->stores.v[n++] = p;
	}
	if (n)
		qsort(b->stores.v, n, sizeof(*b->stores.v), by_site);
	out->store = mem_alloc(n + 1, sizeof(*out->store));
	for (size_t i = 0; i < n; i++) {
		const struct pending_store *p = &b->stores.v[i];
		struct site_entry *e = &out->v[p->site];
		bool again = false;

		if (!e->nstores)
			e->store = (uint32_t)out->nstores;
		for (uint32_t j = e->nstores; j-- > 0 && !again;)
			again = same_store(&out->store[e->store + j], &p->store);
		if (again || e->nstores == STORES_MOST)
			continue;
		out->store[out->nstores++] = p->store;
		e->nstores++;
	}
}

static void take_tags(struct builder *b, const uint32_t *number, struct site_index *out)
{
	size_t n = 0;

	for (size_t i = 0; i < b->tags.n; i++) {
		struct pending_tag p = b->tags.v[i];

		if (!builder_valid(b, p.reader, p.round))
			continue;
		p.site = number[p.site];
		if (p.tag.parent != SITE_NONE)
			p.tag.parent = number[p.tag.parent];
		b->tags.v[n++] = p;
	}
	if (n)
		qsort(b->tags.v, n, sizeof(*b->tags.v), by_tag);
	out->tag = mem_alloc(n + 1, sizeof(*out->tag));
	for (size_t i = 0; i < n; i++) {
		const struct pending_tag *p = &b->tags.v[i];
		struct site_entry *e = &out->v[p->site];

		if (!e->ntags)
			e->tag = (uint32_t)out->ntags;
		else if (i && b->tags.v[i - 1].site == p->site &&
		         !memcmp(&b->tags.v[i - 1].tag, &p->tag, sizeof(p->tag)))
			continue;
		if (e->ntags == TAGS_MOST)
			continue;
		out->tag[out->ntags++] = p->tag;
		e->ntags++;
	}
}

typedef ARRAY(struct site_export) export_list;

/* What only a pointer leads to: functions without a name, stubs for what other modules have. */
static void take_nameless(const struct builder *b, export_list *list)
{
	for (size_t i = 0; i < b->held.n; i++) {
		uint64_t at = b->held.v[i].target - b->others->pointers->module->bias;
		struct site_export export = { "", at, b->held.v[i].is };
		const struct function *f = function_at(b->functions, at);
		bool known = !b->held.v[i].own || (f && f->name);

		for (size_t j = 0; j < list->n && !known; j++)
			known = list->v[j].at == at;
		if (!known)
			array_push(list, export);
	}
}

/* Allocators that are there for others. */
static void take_exports(const struct builder *b, struct site_index *out)
{
	const struct functions *f = b->functions;
	export_list list = { 0 };

	take_nameless(b, &list);

	for (size_t i = 0; i < f->ndefined; i++) {
		const struct function *at = function_at(f, f->defined[i].at);
		const struct summary *s = at && at->start == f->defined[i].at
		                                  ? b->summary[at - f->v]
		                                  : NULL;
		struct site_export export = { .at = f->defined[i].at };

		if (site_allocator_known(f->defined[i].name, &export.is))
			;
		else if (s && s->state == SUMMARY_DONE && s->wrapper.size != ALLOCATOR_NONE)
			export.is = s->wrapper;
		else
			continue;
		if (list.n && !strcmp(list.v[list.n - 1].name, f->defined[i].name))
			continue;
		export.name = pool_strndup(&out->pool, f->defined[i].name, 4096);
		array_push(&list, export);
	}
	out->export = list.v; /* sorted, as f->defined is */
	out->nexports = list.n;
}

static int by_asking(const void *a, const void *b)
{
	const struct site_asked *x = a, *y = b;

	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	if (x->scale != y->scale)
		return x->scale < y->scale ? -1 : 1;
	return x->add < y->add ? -1 : x->add > y->add;
}

static void take_asked(const struct builder *b, const uint32_t *number, struct site_index *out)
{
	size_t n = 0;

	out->asked = mem_alloc(b->asked.n + 1, sizeof(*out->asked));
	for (size_t i = 0; i < b->asked.n; i++) {
		const struct pending_asked *p = &b->asked.v[i];

		if (!builder_valid(b, p->reader, p->round))
			continue;
		out->asked[out->nasked] = p->is;
		out->asked[out->nasked++].site = number[p->is.site];
	}
	if (out->nasked)
		qsort(out->asked, out->nasked, sizeof(*out->asked), by_asking);
	for (size_t i = 0; i < out->nasked; i++) {
		struct site_asked *last = n ? &out->asked[n - 1] : NULL;

		if (last && !by_asking(last, &out->asked[i])) {
			last->calls++;
			continue;
		}
		out->asked[n] = out->asked[i];
		out->asked[n].calls = 1;
		if (!out->v[out->asked[n].site].nasked++)
			out->v[out->asked[n].site].asked = (uint32_t)n;
		n++;
	}
	out->nasked = n;
}

/* Does it return a block of another function's? */
static bool hands_on(const struct summary *s)
{
	return s && s->state == SUMMARY_DONE &&
	       (s->returned != SITE_NONE || s->returned_inside != SITE_NONE);
}

static void add_callers(struct site_entry *e, uint32_t n)
{
	uint32_t sum = e->callers + (n < UINT16_MAX ? n : UINT16_MAX);

	e->callers = sum < UINT16_MAX ? (uint16_t)sum : UINT16_MAX;
}

/* To the sites of what a function returns, unless they are its own. */
static void add_elsewhere(struct site_index *out, const uint32_t *number, uint32_t site,
                          int64_t other, uint64_t function, uint32_t n)
{
	struct site_entry *e = &out->v[number[site]];

	if (e->function != function)
		add_callers(e, n);
	e = other ? &out->v[number[other - 1]] : e;
	if (other && e->function != function)
		add_callers(e, n);
}

/* How many calls there are of the functions that sites are in. */
static void count_callers(const struct builder *b, const uint32_t *number, struct site_index *out)
{
	const struct functions *f = b->functions;
	struct scan_set set = { 0 };
	uint32_t *calls;

	for (size_t i = 0; i < out->n; i++)
		scan_add(&set, out->v[i].function);
	for (size_t i = 0; i < f->n; i++)
		if (hands_on(b->summary[i]))
			scan_add(&set, f->v[i].start);
	calls = scan_count(f, &set);
	for (size_t i = 0; i < out->n; i++)
		add_callers(&out->v[i], calls[scan_slot(&set, out->v[i].function)]);
	for (size_t i = 0; i < f->n; i++) {
		const struct summary *s = b->summary[i];
		uint32_t n = hands_on(s) ? calls[scan_slot(&set, f->v[i].start)] : 0;

		if (n && s->returned != SITE_NONE)
			add_elsewhere(out, number, s->returned, s->returned_scale, f->v[i].start,
			              n);
		if (n && s->returned_inside != SITE_NONE)
			add_elsewhere(out, number, s->returned_inside, s->inside_scale,
			              f->v[i].start, n);
	}
	mem_free(calls);
	scan_free(&set);
}

bool site_index_build(struct modules *modules, const struct module *module,
                      const struct site_others *others, struct site_limits *limits,
                      struct site_index *out, struct err *err)
{
	struct functions functions;
	struct builder b = { .functions = &functions, .others = others, .limits = limits };
	uint32_t *number;

	if (!functions_read(modules, module, &functions, err))
		return false;
	*out = (struct site_index){ .damaged = functions.damaged };
	builder_run(&b);
	builder_lift(&b);
	number = renumber(&b, out);
	take_stores(&b, number, out);
	take_tags(&b, number, out);
	take_asked(&b, number, out);
	take_exports(&b, out);
	if (others->pointers)
		site_pointers_tell(others->pointers, out);
	count_callers(&b, number, out);
	if (others->library)
		reach_entrances(&functions, out);
	else
		reach_uses(&functions, others, out);
	out->partial = b.partial;
	mem_free(number);
	builder_free(&b);
	functions_free(&functions);
	return true;
}

void site_index_free(struct site_index *index)
{
	mem_free(index->v);
	mem_free(index->store);
	mem_free(index->tag);
	mem_free(index->asked);
	mem_free(index->export);
	mem_free(index->held);
	mem_free(index->entrance);
	mem_free(index->reached);
	mem_free(index->use);
	mem_free(index->name);
	mem_free(index->member);
	pool_free(&index->pool);
	*index = (struct site_index){ 0 };
}
