/*
 * Allocators that are called through a variable: which variables those are is what the core says
 * that they hold. An allocator of this module is one once its code was read, so that every round
 * may find more of them.
 */
#include "analyzer/site/site_build.h"

#include <stdlib.h>

static int by_at(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Where they are: what is loaded from there is as good as what the loader wrote. */
static void keep(struct builder *b)
{
	mem_free(b->kept);
	b->kept = mem_alloc(b->held.n + 1, sizeof(*b->kept));
	for (size_t i = 0; i < b->held.n; i++)
		b->kept[i] = b->held.v[i].at;
	if (b->held.n)
		qsort(b->kept, b->held.n, sizeof(*b->kept), by_at);
	b->functions->kept = b->kept;
	b->functions->nkept = b->held.n;
}

bool builder_held(const struct builder *b, uint64_t at, struct site_allocator *out)
{
	for (size_t i = 0; i < b->held.n; i++) {
		if (b->held.v[i].at == at) {
			*out = b->held.v[i].is;
			return true;
		}
	}
	return false;
}

/* A function of this module. */
static bool own_allocator(const struct builder *b, uint64_t at, const struct scan_set *starts,
                          struct site_allocator *out)
{
	const struct function *f = starts && scan_has(starts, at) ? function_at(b->functions, at)
	                                                          : NULL;
	const struct summary *s = f ? b->summary[f - b->functions->v] : NULL;

	if (!s || s->state != SUMMARY_DONE || s->wrapper.size == ALLOCATOR_NONE)
		return false;
	*out = s->wrapper;
	return true;
}

/* Of another module, or this one's stub for it, or one of this module that has its name. */
static bool known_allocator(const struct builder *b, const struct code_pointer *p, uint64_t at,
                            struct site_allocator *out)
{
	const struct function *f = function_at(b->functions, at);
	const char *stub = flow_stub(b->functions, at);

	if (site_pointers_known(b->others->pointers, p->target, out))
		return true;
	if (stub)
		return builder_named(b, stub, out);
	return f && f->start == at && f->name && site_allocator_known(f->name, out);
}

void builder_hold(struct builder *b, const struct scan_set *starts, struct scan_set *set)
{
	const struct site_pointers *pointers = b->others->pointers;
	size_t before = b->held.n;

	for (size_t i = 0; pointers && i < pointers->n; i++) {
		const struct code_pointer *p = &pointers->v[i];
		struct held held = { .at = p->at, .target = p->target };
		uint64_t at = p->target - pointers->module->bias;
		bool is;

		held.own = p->target >= pointers->module->start &&
		           p->target < pointers->module->end;
		is = starts ? held.own && own_allocator(b, at, starts, &held.is)
		            : known_allocator(b, p, at, &held.is);
		if (!is || builder_held(b, p->at, &held.is))
			continue;
		array_push(&b->held, held);
		scan_add(set, p->at);
	}
	if (b->held.n > before)
		keep(b);
}
