#include "formats/variable.h"

#include "formats/typegraph_in.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

enum { FLEXIBLE = 1 << 16 }; /* bytes that an initialized flexible array is taken to have at most */

/* A static member or an extern variable has its name where it is declared. */
static const char *name_of(struct typegraph *graph, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die declared = *die;

	if (dwarf_attr(die, DW_AT_specification, &attr) ||
	    dwarf_attr(die, DW_AT_abstract_origin, &attr))
		if (!dwarf_formref_die(&attr, &declared))
			return NULL;
	return qualified(graph, scope_of(graph, &declared),
	                 dwarf_formstring(dwarf_attr_integrate(&declared, DW_AT_name, &attr)));
}

/* Does it end in an array that has as many elements as there is room for? */
static bool flexible(struct typegraph *graph, const struct ctype *t)
{
	const struct ctype *last = t->nmembers ? ctype_get(graph, t->member[t->nmembers - 1].type)
	                                       : NULL;

	return t->kind == CTYPE_RECORD && last && last->kind == CTYPE_ARRAY && !last->count;
}

/* A declaration may have an array without its bounds, and the definition have them. */
static bool find(struct typegraph *graph, const variable_list *list, uint64_t at,
                 struct variable *out)
{
	size_t behind = first_behind(list->v, list->n, at, at);

	for (size_t i = behind; i-- > 0 && list->v[i].at == list->v[behind - 1].at;) {
		Dwarf_Die die;

		die_again(&list->v[i].die, &die);
		*out = (struct variable){ .type = type_of_entry(graph, &die) };
		out->size = ctype_get(graph, out->type)->size;
		out->offset = at - list->v[i].at;
		if (out->offset >= out->size && out->offset &&
		    !(flexible(graph, ctype_get(graph, out->type)) && out->offset < FLEXIBLE))
			continue;
		out->name = name_of(graph, &die);
		return out->name != NULL;
	}
	return false;
}

bool variable_at(struct typegraph *graph, vaddr at, struct variable *out)
{
	const struct module *m = module_at(graph->modules, at);

	return m && graph->index[m - graph->modules->v].has &&
	       find(graph, &graph->index[m - graph->modules->v].variable, at - m->bias, out);
}

bool variable_tls_at(struct typegraph *graph, const struct module *m, uint64_t at,
                     struct variable *out)
{
	return graph->index[m - graph->modules->v].has &&
	       find(graph, &graph->index[m - graph->modules->v].tls, at, out);
}
