/*
 * Allocators that are called through a variable: which variables those are is what the core says
 * that they hold. An allocator of this module is one once its code was read, so that every round
 * may find more of them.
 */
#include "analyzer/code/build.h"

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

static bool held_variable(const struct builder *b, uint64_t at, struct site_allocator *out)
{
	for (size_t i = 0; i < b->held.n; i++) {
		if (b->held.v[i].at == at) {
			*out = b->held.v[i].is;
			return true;
		}
	}
	return false;
}

/*
 * Any struct may have something else at this offset: what is asked for has to look like a size. A
 * first argument alone is the object itself as a rule, and has to be a number or a product.
 */
static bool asks(const struct flow_call *call, const struct site_allocator *is)
{
	const struct value *v = &call->arg[is->arg % FLOW_ARGS];

	if (is->size != ALLOCATOR_BYTES && is->size != ALLOCATOR_PRODUCT)
		return false;
	if (v->kind == VALUE_CONST)
		return v->add > 0;
	if (v->kind == VALUE_PRODUCT)
		return true;
	if (v->kind != VALUE_ARG && v->kind != VALUE_SYMBOL)
		return false;
	return is->arg > 0 || v->scale != 1 || (v->add && v->flags & VALUE_LOOSE);
}

bool builder_held(const struct builder *b, const struct flow_call *call, struct site_allocator *out)
{
	if (call->variable)
		return held_variable(b, call->variable, out);
	for (size_t i = 0; i < b->nmembers; i++) {
		if (b->member[i].at == call->offset && asks(call, &b->member[i].is)) {
			*out = b->member[i].is;
			return true;
		}
	}
	return false;
}

/* A function of this module that was read. */
static bool read_allocator(const struct builder *b, uint64_t at, struct site_allocator *out)
{
	const struct function *f = function_at(b->functions, at);
	const struct summary *s = f && f->start == at ? b->summary[f - b->functions->v] : NULL;

	if (!s || s->state != SUMMARY_DONE || s->wrapper.size == ALLOCATOR_NONE)
		return false;
	*out = s->wrapper;
	return true;
}

static bool is_own(const struct builder *b, vaddr target)
{
	const struct module *m = b->others->pointers->module;

	return target >= m->start && target < m->end;
}

/* Of another module, or this one's stub for it, or one of this module that has its name. */
static bool known_allocator(const struct builder *b, vaddr target, struct site_allocator *out)
{
	uint64_t at = target - b->others->pointers->module->bias;
	const struct function *f;
	const char *stub;

	if (!is_own(b, target))
		return site_pointers_known(b->others->pointers, target, out);
	stub = flow_stub(b->functions, at);
	if (stub)
		return builder_named(b, stub, out);
	f = function_at(b->functions, at);
	return f && f->start == at && f->name && site_allocator_known(f->name, out);
}

static bool is_allocator(const void *arg, vaddr target, struct site_allocator *out)
{
	const struct builder *b = arg;

	return known_allocator(b, target, out) ||
	       (is_own(b, target) &&
	        read_allocator(b, target - b->others->pointers->module->bias, out));
}

static void hold_variables(struct builder *b, const struct scan_set *starts, struct scan_set *set)
{
	const struct site_pointers *pointers = b->others->pointers;
	size_t before = b->held.n;

	for (size_t i = 0; i < pointers->n; i++) {
		const struct code_pointer *p = &pointers->v[i];
		struct held held = { .at = p->at, .target = p->target };
		uint64_t at = p->target - pointers->module->bias;

		held.own = is_own(b, p->target);
		if (starts ? !held.own || !scan_has(starts, at) || !read_allocator(b, at, &held.is)
		           : !known_allocator(b, p->target, &held.is))
			continue;
		if (held_variable(b, p->at, &held.is))
			continue;
		array_push(&b->held, held);
		scan_add(set, p->at);
	}
	if (b->held.n > before)
		keep(b);
}

static void hold_members(struct builder *b, uint64_t *bits)
{
	struct site_held *member;
	size_t n = site_pointers_members(b->others->pointers, is_allocator, b, &member);

	if (n == b->nmembers) { /* they only grow */
		mem_free(member);
		return;
	}
	mem_free(b->member);
	b->member = member;
	b->nmembers = n;
	scan_members(b->functions, member, n, bits);
}

void builder_hold(struct builder *b, const struct scan_set *starts, struct scan_set *set,
                  uint64_t *bits)
{
	if (!b->others->pointers)
		return;
	hold_variables(b, starts, set);
	hold_members(b, bits);
}
