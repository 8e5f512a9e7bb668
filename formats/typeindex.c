/*
 * One pass over the entries of a module: which variables have an address or a place in TLS, and
 * which structs, classes and unions are defined. Functions are gone into for their static
 * variables, classes for the classes in them.
 */
#include "formats/elfhead.h"
#include "formats/typegraph_in.h"
#include "formats/variable.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	DEPTH_MOST = 64,
	VARIABLES_MOST = 1 << 22,
	DEFINITIONS_MOST = 1 << 22,
	SHORT = 16, /* bytes of an expression that is a plain address */
};

struct pass {
	struct typegraph *graph;
	struct typeindex *index;
	const struct elfhead *head;
	struct die_ref level[DEPTH_MOST];
	size_t depth;
	struct image *image;
	struct idmap imported;            /* units of the shared file: address */
	ARRAY(struct die_ref) shared;     /* the same, in the order in which they were met */
	bool in_shared, damaged, runtime; /* runtime: module_is_runtime */
	unsigned split;                   /* units whose .dwo file is not there */
};

/* ---- variables ---- */

/* An address, or a constant that is none, by its index in .debug_addr. */
static bool indexed_address(Dwarf_Attribute *attr, bool constant, uint64_t *at)
{
	Dwarf_Attribute address;
	Dwarf_Op *ops;
	size_t n;

	return !dwarf_getlocation(attr, &ops, &n) && n >= 1 &&
	       !dwarf_getlocation_attr(attr, &ops[0], &address) &&
	       !(constant ? dwarf_formudata(&address, at) : dwarf_formaddr(&address, at));
}

/*
 * DW_OP_addr; DW_OP_addrx; for TLS a constant, then DW_OP_form_tls_address or GNU's of before
 * DWARF 3.
 */
static bool constant_place(Dwarf_Attribute *attr, uint64_t *at, bool *tls)
{
	Dwarf_Block block;
	const uint8_t *p;

	if (dwarf_formblock(attr, &block) || block.length < 2 || block.length > SHORT)
		return false;
	p = block.data;
	*tls = p[block.length - 1] == DW_OP_GNU_push_tls_address ||
	       p[block.length - 1] == DW_OP_form_tls_address;
	if (p[0] == DW_OP_addrx || p[0] == DW_OP_GNU_addr_index)
		return indexed_address(attr, false, at);
	if (p[0] == DW_OP_constx || p[0] == DW_OP_GNU_const_index)
		return *tls && indexed_address(attr, true, at);
	if (p[0] == DW_OP_const8u || (p[0] == DW_OP_addr && block.length - *tls == 9)) {
		if (block.length != 9 + (size_t)*tls)
			return false;
		*at = load64(p + 1);
	} else if (p[0] == DW_OP_const4u || p[0] == DW_OP_addr) {
		if (block.length != 5 + (size_t)*tls)
			return false;
		*at = load32(p + 1);
	} else {
		return false;
	}
	return *tls || p[0] == DW_OP_addr;
}

/*
 * With split DWARF, gcc has the address in the file's TLS segment where the offset into it belongs
 * (seen of gcc 12).
 */
static uint64_t tls_offset(const struct elfhead *head, uint64_t at)
{
	for (size_t i = 0; i < head->nphdrs; i++) {
		const Elf64_Phdr *ph = &head->phdr[i];

		if (ph->p_type == PT_TLS && at >= ph->p_memsz && at >= ph->p_vaddr &&
		    at - ph->p_vaddr < ph->p_memsz)
			return at - ph->p_vaddr;
	}
	return at;
}

static void take_variable(struct pass *pass, Dwarf_Die *die)
{
	struct index_variable v = { .die = { die->addr, die->cu } };
	Dwarf_Attribute attr;
	variable_list *list;
	bool tls = false;

	if (!dwarf_attr(die, DW_AT_location, &attr) || !constant_place(&attr, &v.at, &tls))
		return;
	list = tls ? &pass->index->tls : &pass->index->variable;
	v.at = tls ? tls_offset(pass->head, v.at) : v.at + pass->index->bias;
	if (list->n < VARIABLES_MOST)
		array_push(list, v);
}

/* ---- definitions ---- */

static void take_definition(struct pass *pass, Dwarf_Die *die)
{
	struct typegraph *graph = pass->graph;
	struct definition d = { .die = { die->addr, die->cu }, .runtime = pass->runtime };
	const char *name = dwarf_diename(die);
	Dwarf_Attribute attr;
	Dwarf_Word value;
	uint32_t first;

	if (!name || !dwarf_attr(die, DW_AT_byte_size, &attr) || dwarf_formudata(&attr, &d.size) ||
	    graph->definition.n >= DEFINITIONS_MOST)
		return;
	if (dwarf_attr(die, DW_AT_decl_line, &attr) && !dwarf_formudata(&attr, &value))
		d.line = (uint32_t)value;
	d.hash = name_hash(name, strlen(name));
	d.next = first = idmap_get(&graph->by_name, d.hash);
	for (unsigned i = 0; first != UINT32_MAX && i < CHAIN_MOST; i++) {
		struct definition *other = &graph->definition.v[first];

		if (other->size == d.size && other->line == d.line) {
			other->runtime &= d.runtime;
			return;
		}
		first = other->next;
	}
	idmap_put(&graph->by_name, d.hash, (uint32_t)graph->definition.n);
	array_push(&graph->definition, d);
}

/* ---- the walk ---- */

/*
 * What several files share was moved by dwz to a file of its own: of that one, only the units that
 * this file's import are its own. Those that lie in the file itself are met anyway.
 */
static void take_import(struct pass *pass, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die unit;
	uint64_t key;

	if (!pass->image->alt || !dwarf_attr(die, DW_AT_import, &attr) ||
	    (dwarf_whatform(&attr) != DW_FORM_GNU_ref_alt &&
	     dwarf_whatform(&attr) != DW_FORM_ref_sup4 &&
	     dwarf_whatform(&attr) != DW_FORM_ref_sup8 && !pass->in_shared) ||
	    !dwarf_formref_die(&attr, &unit))
		return;
	key = (uint64_t)(uintptr_t)unit.addr;
	if (idmap_get(&pass->imported, key) != UINT32_MAX)
		return;
	idmap_put(&pass->imported, key, 0);
	array_push(&pass->shared, ((struct die_ref){ unit.addr, unit.cu }));
}

/* Is there something in it that is wanted? */
static bool visit(struct pass *pass, Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_variable:
		take_variable(pass, die);
		return false;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		take_definition(pass, die);
		return true;
	case DW_TAG_namespace:
	case DW_TAG_module:
		return true;
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
		return true;
	case DW_TAG_imported_unit:
		take_import(pass, die);
		return false;
	default:
		return false;
	}
}

static void walk_unit(struct pass *pass, Dwarf_Die *unit)
{
	Dwarf_Die die;

	int none = dwarf_child(unit, &die);

	pass->depth = 0;
	pass->damaged |= none < 0;
	if (none)
		return;
	while (++pass->graph->dies < DIES_MOST) {
		Dwarf_Die child;
		void *last = die.addr;

		if (visit(pass, &die) && pass->depth < DEPTH_MOST &&
		    dwarf_child(&die, &child) == 0) {
			pass->level[pass->depth++] = (struct die_ref){ die.addr, die.cu };
			die = child;
			continue;
		}
		while ((none = dwarf_siblingof(&die, &die)) || die.addr <= last) {
			pass->damaged |= none < 0 || !none;
			if (!pass->depth)
				return;
			die_again(&pass->level[--pass->depth], &die);
			last = die.addr;
		}
	}
	typegraph_complain(pass->graph,
	                   "the debug information has more than %llu entries: what is "
	                   "in the others is not told",
	                   (unsigned long long)DIES_MOST);
}

static bool is_file(const char *folder, const char *name)
{
	struct stat st;
	char path[4096];

	if (snprintf(path, sizeof(path), "%s%s%s", folder ? folder : "", folder ? "/" : "", name) >=
	    (int)sizeof(path))
		return false;
	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/*
 * The unit proper of a skeleton, from its .dwo file. libdw opens what the name says, so that it has
 * to be a plain file.
 */
static bool split_unit(Dwarf_CU *cu, Dwarf_Die *skeleton, Dwarf_Die *unit)
{
	Dwarf_Attribute attr;
	const char *name, *folder;

	name = dwarf_formstring(dwarf_attr(skeleton, DW_AT_dwo_name, &attr));
	if (!name)
		name = dwarf_formstring(dwarf_attr(skeleton, DW_AT_GNU_dwo_name, &attr));
	folder = dwarf_formstring(dwarf_attr(skeleton, DW_AT_comp_dir, &attr));
	if (!name || !is_file(name[0] == '/' ? NULL : folder, name))
		return false;
	return !dwarf_cu_info(cu, NULL, NULL, NULL, unit, NULL, NULL, NULL) && unit->addr &&
	       dwarf_tag(unit) != DW_TAG_invalid;
}

bool unit_whole(void *entry)
{
	Dwarf_Die *unit = entry, split;

	if (!dwarf_hasattr(unit, DW_AT_dwo_name) && !dwarf_hasattr(unit, DW_AT_GNU_dwo_name))
		return true;
	if (!split_unit(unit->cu, unit, &split))
		return false;
	*unit = split;
	return true;
}

static void walk_file(struct pass *pass, Dwarf *dwarf)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;
	uint8_t type = 0;

	int none;

	while (!(none = dwarf_get_units(dwarf, cu, &cu, NULL, &type, &unit, NULL))) {
		if (type == DW_UT_skeleton) {
			Dwarf_Die split;

			if (!split_unit(cu, &unit, &split)) {
				pass->split++;
				continue;
			}
			unit = split;
		}
		walk_unit(pass, &unit);
		if (pass->graph->dies >= DIES_MOST)
			return;
	}
	pass->damaged |= none < 0;
}

static int by_at(const void *a, const void *b)
{
	const struct index_variable *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->die.addr < y->die.addr ? -1 : x->die.addr > y->die.addr;
}

bool module_index(struct typegraph *graph, const struct module *module)
{
	struct typeindex *index = &graph->index[module - graph->modules->v];
	struct image *image = modules_image(graph->modules, module);
	struct pass pass = { .graph = graph, .index = index, .image = image };
	Dwarf *dwarf;

	if (index->tried)
		return index->has;
	index->tried = true;
	pass.runtime = module_is_runtime(module);
	dwarf = image ? image_debug(image, &index->bias) : NULL;
	if (!dwarf)
		return false;
	pass.head = image->head;
	walk_file(&pass, dwarf);
	pass.in_shared = true;
	for (size_t i = 0; i < pass.shared.n; i++) {
		Dwarf_Die unit;

		die_again(&pass.shared.v[i], &unit);
		walk_unit(&pass, &unit);
	}
	array_free(&pass.shared);
	idmap_free(&pass.imported);
	if (pass.damaged)
		typegraph_complain(graph,
		                   "the debug information of %s is damaged: what could not be read "
		                   "of types and variables is not told; see whether readelf "
		                   "--debug-dump=info complains of the file, too",
		                   module->path);
	if (pass.split)
		typegraph_complain(
			graph,
			"%u of the units of %s have their debug information in .dwo files that "
			"are not where they were compiled: types and variables of "
			"theirs are not known",
			pass.split, module->path);
	index->has = index->variable.n || index->tls.n || graph->definition.n;
	if (index->variable.n)
		qsort(index->variable.v, index->variable.n, sizeof(*index->variable.v), by_at);
	if (index->tls.n)
		qsort(index->tls.v, index->tls.n, sizeof(*index->tls.v), by_at);
	graph->sorted = false;
	return index->has;
}

/* ---- looking up ---- */

static const char *last_part(const char *name)
{
	const char *part = name;
	int depth = 0;

	for (const char *p = name; *p; p++) {
		depth += *p == '<' || *p == '(';
		depth -= (*p == '>' || *p == ')') && p > name && p[-1] != '-';
		if (!depth && p[0] == ':' && p[1] == ':')
			part = p + 2;
	}
	return part;
}

/* Names of templates differ in spaces only: "> >" and ">>". */
static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a == ' ')
			a++;
		while (*b == ' ')
			b++;
		if (*a != *b)
			return false;
		if (!*a)
			return true;
	}
}

uint32_t definition_of(struct typegraph *graph, const char *plain, const char *name)
{
	uint32_t at = idmap_get(&graph->by_name, name_hash(plain, strlen(plain)));
	uint32_t found = CTYPE_NONE;

	for (unsigned i = 0; at != UINT32_MAX && i < CHAIN_MOST; i++) {
		struct definition d = graph->definition.v[at];
		Dwarf_Die die;
		uint32_t id;

		at = d.next;
		die_again(&d.die, &die);
		id = type_of_die(graph, &die);
		if (id == CTYPE_NONE || id == found || !graph->node.v[id]->type.name ||
		    !same_name(graph->node.v[id]->type.name, name))
			continue;
		if (found != CTYPE_NONE)
			return CTYPE_NONE;
		found = id;
	}
	return at == UINT32_MAX ? found : CTYPE_NONE;
}

uint32_t ctype_named(struct typegraph *graph, const char *name)
{
	return definition_of(graph, last_part(name), name);
}

/* ---- by size ---- */

static int by_size(const void *a, const void *b, void *arg)
{
	const struct typegraph *graph = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	uint64_t x = graph->definition.v[i].size, y = graph->definition.v[k].size;

	if (x != y)
		return x < y ? -1 : 1;
	return i < k ? -1 : i > k;
}

size_t ctype_sized(struct typegraph *graph, uint64_t least, uint64_t most, uint32_t *id, size_t max)
{
	size_t i, n = 0;

	if (!graph->sorted) {
		graph->by_size.n = 0;
		for (uint32_t k = 0; k < graph->definition.n; k++)
			if (!graph->definition.v[k].runtime)
				array_push(&graph->by_size, k);
		if (graph->by_size.n)
			qsort_r(graph->by_size.v, graph->by_size.n, sizeof(*graph->by_size.v),
			        by_size, graph);
		graph->sorted = true;
	}
	i = first_where(k, 0, graph->by_size.n,
	                graph->definition.v[graph->by_size.v[k]].size >= least);
	for (; i < graph->by_size.n; i++) {
		const struct definition *d = &graph->definition.v[graph->by_size.v[i]];
		Dwarf_Die die;

		if (d->size > most)
			break;
		if (n < max) {
			die_again(&d->die, &die);
			id[n] = type_of_die(graph, &die);
		}
		n++;
	}
	return n;
}
