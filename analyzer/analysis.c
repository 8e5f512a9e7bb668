#include "analyzer/analysis.h"

#include "analyzer/reach/interior.h"
#include "analyzer/site/origin.h"
#include "analyzer/type/typing.h"
#include "analyzer/type/propagate.h"
#include "formats/written.h"

#include <sched.h>

unsigned analysis_threads(const struct analysis *a)
{
	cpu_set_t set;
	int n = 1;

	if (a->threads)
		return a->threads;
	if (!sched_getaffinity(0, sizeof(set), &set))
		n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}

bool analysis_open(const char *path, const struct module_options *where, struct analysis *a,
                   struct err *err)
{
	struct core *core;

	if (!core_open(path, &core, err))
		return false;
	*a = (struct analysis){ .core = core };
	if (where)
		a->where = *where;
	return true;
}

void analysis_close(struct analysis *a)
{
	interior_free(a->interior);
	origins_close(a->origins);
	types_free(a->types);
	early_free(a->early);
	if (a->has_reach)
		reach_free(&a->reach);
	if (a->has_roots)
		roots_free(&a->roots);
	if (a->has_stacks)
		stacks_free(&a->stacks);
	if (a->has_allocators)
		allocators_free(&a->allocators);
	if (a->has_trims)
		trims_free(&a->trims);
	heap_free(a->heap);
	propagation_free(a->propagation);
	typegraph_free(a->typegraph);
	if (a->has_modules)
		modules_free(&a->modules);
	core_was_read(a->core, analysis_threads(a));
	core_close(a->core);
	*a = (struct analysis){ 0 };
}

struct modules *analysis_modules(struct analysis *a)
{
	if (!a->has_modules)
		modules_find(a->core, &a->where, &a->modules);
	a->has_modules = true;
	return &a->modules;
}

struct typegraph *analysis_typegraph(struct analysis *a)
{
	if (!a->typegraph)
		a->typegraph = typegraph_new(analysis_modules(a));
	return a->typegraph;
}

static void walk(struct analysis *a)
{
	struct heap_want want = { .known = &a->debug,
		                  .lists = a->thorough,
		                  .threads = analysis_threads(a) };
	struct visitor visitor;

	early_free(a->early);
	a->early = NULL;
	if (a->marks && a->core->scarce) {
		a->early = early_new(a->core, want.threads, a->log, &visitor);
		want.visitor = &visitor;
	}
	heap_walk(a->core, want, &a->heap);
}

/* What was found for marking during the walk, if that was done and holds for the heap. */
static void take_early(struct analysis *a)
{
	if (!a->early)
		return;
	if (early_roots(a->early, a->heap, &a->stacks, &a->roots)) {
		a->has_stacks = a->has_roots = true;
		return;
	}
	early_free(a->early);
	a->early = NULL;
}

/* May libc's debug information tell more of this heap? */
static bool doubtful(const struct heap *heap)
{
	return !heap->ninstances || strcmp(heap->layout_source, "table") != 0;
}

/* Reading debug information takes longer than walking a small heap: only where it may matter. */
const struct heap *analysis_heap(struct analysis *a)
{
	const struct module *libc = NULL;
	const char *version;

	if (a->heap)
		return a->heap;
	version = modules_libc(a->core, analysis_modules(a), &libc);
	if (a->thorough || layout_lacks(version))
		debug_layout_read(a->core, &a->modules, &a->debug);
	walk(a);
	if (!a->debug.libc && !a->thorough && doubtful(a->heap)) {
		debug_layout_read(a->core, &a->modules, &a->debug);
		if (a->debug.libc) {
			heap_free(a->heap);
			walk(a);
		}
	}
	take_early(a);
	return a->heap;
}

const struct trims *analysis_trims(struct analysis *a)
{
	if (!a->has_trims)
		trims_find(a->core, analysis_heap(a), &a->trims);
	a->has_trims = true;
	return &a->trims;
}

const struct allocators *analysis_allocators(struct analysis *a)
{
	if (!a->has_allocators)
		allocators_find(a->core, analysis_modules(a), analysis_heap(a), &a->allocators);
	a->has_allocators = true;
	return &a->allocators;
}

const struct stacks *analysis_stacks(struct analysis *a)
{
	if (!a->has_stacks)
		stacks_find(a->core, analysis_heap(a), &a->stacks);
	a->has_stacks = true;
	return &a->stacks;
}

const struct roots *analysis_roots(struct analysis *a)
{
	if (!a->has_roots)
		roots_find(a->core, analysis_heap(a), analysis_stacks(a), &a->roots);
	a->has_roots = true;
	return &a->roots;
}

const struct reach *analysis_reach(struct analysis *a)
{
	if (!a->has_reach)
		reach_mark(a->core, analysis_heap(a), analysis_roots(a), analysis_threads(a),
		           a->early, &a->reach);
	early_free(a->early);
	a->early = NULL;
	a->has_reach = true;
	return &a->reach;
}

struct types *analysis_types(struct analysis *a)
{
	if (!a->types)
		typing_run(a, a->typed, &a->types);
	return a->types;
}

struct interior *analysis_interior(struct analysis *a)
{
	if (!a->interior)
		a->interior = interior_find(a);
	return a->interior;
}

struct origins *analysis_origins(struct analysis *a)
{
	if (!a->origins)
		a->origins = origins_open(a);
	return a->origins;
}
