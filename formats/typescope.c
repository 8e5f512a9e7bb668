/*
 * An entry does not tell what it is in. For each unit that is asked about, it is noted once where
 * namespaces and classes begin and end: entries lie in the file in the order of the tree.
 */
#include "formats/typegraph_in.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

enum { DEPTH_MOST = 64 };

struct level {
	Dwarf_Die die;
	void *last;
	const char *scope;
};

const char *qualified(struct typegraph *graph, const char *scope, const char *name)
{
	if (!scope || !name)
		return name;
	if (strlen(scope) + strlen(name) > NAME_MOST)
		return name;
	return pool_printf(&graph->pool, "%s::%s", scope, name);
}

static bool has_scope(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/* Anonymous classes add nothing. */
static const char *enter(struct typegraph *graph, const char *scope, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	if (!name && dwarf_tag(die) == DW_TAG_namespace)
		name = "(anonymous namespace)";
	return name ? qualified(graph, scope, name) : scope;
}

static bool in_cplusplus(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
		return false;
	default:
		return true;
	}
}

static void note(struct scopes *out, Dwarf_Die *die, const char *scope)
{
	struct scope_start start = { dwarf_dieoffset(die), scope };

	array_push(&out->start, start);
}

/* To the next entry behind the level's one, or behind those that it is in. False: that was all. */
static bool advance(struct level *level, size_t *depth, struct scopes *out)
{
	bool left = false;

	while (*depth) {
		struct level *l = &level[*depth - 1];

		l->last = l->die.addr;
		if (!dwarf_siblingof(&l->die, &l->die) && l->die.addr > l->last) {
			if (left)
				note(out, &l->die, l->scope);
			return true;
		}
		left = true;
		--*depth;
	}
	return false;
}

/* Into the level's entry, if it has names inside. */
static bool descend(struct typegraph *graph, struct level *level, size_t *depth, struct scopes *out)
{
	struct level *l = &level[*depth - 1], *inner = &level[*depth];

	if (*depth == DEPTH_MOST || !has_scope(dwarf_tag(&l->die)) ||
	    dwarf_child(&l->die, &inner->die) != 0)
		return false;
	inner->scope = enter(graph, l->scope, &l->die);
	note(out, &inner->die, inner->scope);
	++*depth;
	return true;
}

static void note_scopes(struct typegraph *graph, Dwarf_Die *unit, struct scopes *out)
{
	struct level level[DEPTH_MOST] = { 0 };
	size_t depth = 1;

	if (!in_cplusplus(unit) || dwarf_child(unit, &level[0].die) != 0)
		return;
	while (++graph->dies < DIES_MOST)
		if (!descend(graph, level, &depth, out) && !advance(level, &depth, out))
			return;
}

const char *scope_of(struct typegraph *graph, void *entry)
{
	Dwarf_Die *die = entry, mem, declared, *unit;
	Dwarf_Attribute attr;
	const struct scopes *s;
	size_t behind;
	uint64_t at;
	uint32_t i;

	/* type units have the declaration in its scope, and the definition outside */
	if (dwarf_attr(die, DW_AT_specification, &attr) && dwarf_formref_die(&attr, &declared))
		die = &declared;
	at = dwarf_dieoffset(die);
	unit = dwarf_diecu(die, &mem, NULL, NULL);
	if (!unit)
		return NULL;
	i = idmap_get(&graph->by_unit, (uint64_t)(uintptr_t)die->cu);
	if (i == UINT32_MAX) {
		struct scopes made = { 0 };

		note_scopes(graph, unit, &made);
		i = (uint32_t)graph->scopes.n;
		array_push(&graph->scopes, made);
		idmap_put(&graph->by_unit, (uint64_t)(uintptr_t)die->cu, i);
	}
	s = &graph->scopes.v[i];
	behind = first_behind(s->start.v, s->start.n, at, at);
	return behind ? s->start.v[behind - 1].name : NULL;
}
