#include "analyzer/typing.h"
#include "analyzer/analysis.h"

void typing_run(struct analysis *a, unsigned classes, struct types **out)
{
	const struct heap *heap = analysis_heap(a);
	struct typing t = { .a = a, .core = a->core, .heap = heap, .all = !classes };
	uint64_t *bits = NULL;

	if (classes)
		bits = reach_bits(analysis_reach(a), classes);
	t.types = types_make(heap, classes ? bits : heap->used);
	mem_lazy_free(bits, heap->bits_bytes);
	t.modules = analysis_modules(a);
	t.rtti = rtti_make(t.core, t.modules);
	typing_vtables(&t);
	typing_containers(&t);
	rtti_free(t.rtti);
	*out = t.types;
}
