#include "analyzer/site/site_pointer.h"

#include "formats/wordrun.h"

#include <stdlib.h>

#define POINTERS_MOST (1u << 18) /* of one module */

void site_pointers_make(const struct core *core, const struct modules *modules,
                        const struct module *module, const struct allocator_at *known,
                        size_t nknown, struct site_pointers *out)
{
	struct wordrun run = wordruns(core, module->data_start, module->data_end);
	ARRAY(struct code_pointer) list = { 0 };

	while (wordrun_next(&run)) {
		for (uint64_t i = 0; i + 8 <= run.bytes && list.n < POINTERS_MOST; i += 8) {
			vaddr to = load64(run.mem + i);
			const struct module *m = module_at(modules, to);
			struct code_pointer p = { run.at + i - module->bias, to };

			if (m && (to < m->data_start || to >= m->data_end))
				array_push(&list, p);
		}
	}
	*out = (struct site_pointers){ module, list.v, list.n, known, nknown };
}

void site_pointers_free(struct site_pointers *pointers)
{
	mem_free(pointers->v);
	*pointers = (struct site_pointers){ 0 };
}

vaddr site_pointers_target(const struct site_pointers *pointers, uint64_t at)
{
	size_t i = first_where(k, 0, pointers->n, pointers->v[k].at >= at);

	return i < pointers->n && pointers->v[i].at == at ? pointers->v[i].target : 0;
}

bool site_pointers_known(const struct site_pointers *pointers, vaddr target,
                         struct site_allocator *out)
{
	size_t i = first_where(k, 0, pointers->nknown, pointers->known[k].at >= target);

	if (i == pointers->nknown || pointers->known[i].at != target)
		return false;
	*out = pointers->known[i].is;
	return true;
}

/* Field by field: what is between them may be anything. */
bool site_allocator_same(const struct site_allocator *a, const struct site_allocator *b)
{
	return a->size == b->size && a->arg == b->arg && a->other == b->other && a->out == b->out &&
	       a->string == b->string && a->zeroed == b->zeroed && a->loose == b->loose &&
	       a->scale == b->scale && a->add == b->add && a->shift == b->shift;
}

static bool own(const struct site_index *index, uint64_t at, struct site_allocator *out)
{
	for (size_t i = 0; i < index->nexports; i++) {
		if (index->export[i].at == at) {
			*out = index->export[i].is;
			return true;
		}
	}
	return false;
}

bool site_pointers_agree(const struct site_pointers *pointers, const struct site_index *index)
{
	size_t n = 0;

	for (size_t i = 0; i < pointers->n; i++) {
		const struct code_pointer *p = &pointers->v[i];
		struct site_allocator is;

		if (!site_pointers_known(pointers, p->target, &is) &&
		    !own(index, p->target - pointers->module->bias, &is))
			continue;
		if (n == index->nheld || index->held[n].at != p->at ||
		    !site_allocator_same(&index->held[n].is, &is))
			return false;
		n++;
	}
	return n == index->nheld;
}
