#include "analyzer/type/typing.h"
#include "analyzer/analysis.h"
#include "analyzer/type/propagate.h"
#include "formats/stage.h"

/* A chunk is rounded up to malloc's alignment, and a rest that is too small to stand alone stays.
 */
bool typing_fits(const struct typing *t, const struct block *b, uint64_t bytes)
{
	uint64_t slack = b->span->kind == SPAN_MMAP ? t->core->page_size : 2 * t->heap->align;

	return bytes && b->size >= bytes &&
	       (b->size - bytes < slack || b->size <= 3 * t->core->machine->word);
}

/* Each of them may rely on what those before it say of a block, not of others. */
static const struct typing_each *const each[] = { &typing_vtables, &typing_clib, &typing_first };
#define EACH (sizeof(each) / sizeof(*each))

static void look_at_each(struct typing *t)
{
	struct heap_iter it = { .look = true };
	void *of[EACH];
	struct block b;

	for (size_t i = 0; i < EACH; i++)
		of[i] = each[i]->begin(t);
	while (heap_next_set(t->heap, types_wanted(t->types), &it, &b))
		for (size_t i = 0; i < EACH; i++)
			each[i]->look(of[i], &b);
	for (size_t i = 0; i < EACH; i++)
		each[i]->end(of[i]);
}

/* In this order: the surest first. */
static const struct {
	void (*run)(struct typing *t);
	bool all_only; /* it needs what all blocks are for telling what one is */
} passes[] = {
	{ look_at_each, false },   { typing_containers, false }, { typing_dwarf, true },
	{ typing_cpython, false }, { typing_lua, false },        { typing_perl, false },
	{ typing_plain, false },   { typing_transfer, false },
};
#define PASSES (sizeof(passes) / sizeof(*passes))

static void run(struct analysis *a, struct typing t, struct types **out)
{
	const struct heap *heap = t.heap = analysis_heap(a);
	struct stage outer;

	t.a = a;
	t.core = a->core;
	t.modules = analysis_modules(a);
	t.rtti = rtti_make(t.core, t.modules);
	outer = stage_steps("telling types", PASSES);
	for (size_t i = 0; i < PASSES; i++) {
		if (t.all || !passes[i].all_only)
			passes[i].run(&t);
		stage_add(1);
	}
	stage_end(outer);
	rtti_free(t.rtti);
	mem_lazy_free(t.text, heap->bits_bytes);
	mem_lazy_free(t.counted, heap->bits_bytes);
	mem_lazy_free(t.pointers, heap->bits_bytes);
	*out = t.types;
}

void typing_run(struct analysis *a, unsigned classes, struct types **out)
{
	const struct heap *heap = analysis_heap(a);
	const unsigned leaked = 1u << REACH_DEFINITE | 1u << REACH_INDIRECT;
	struct typing t = { 0 };
	uint64_t *bits = NULL;

	/* only leaked blocks point to leaked ones; to others anything may */
	if (classes)
		classes = classes & ~leaked ? 0 : leaked;
	t.all = !classes;

	if (classes)
		bits = reach_bits(analysis_reach(a), classes);
	t.types = types_make(heap, classes ? bits : heap->used);
	mem_lazy_free(bits, heap->bits_bytes);
	run(a, t, out);
}

void typing_sample(struct analysis *a, const uint64_t *wanted, struct types **out)
{
	struct typing t = { .sample = true };

	t.types = types_make(analysis_heap(a), wanted);
	run(a, t, out);
}
