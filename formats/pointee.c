#include "formats/pointee.h"

#include "formats/codescope.h"
#include "formats/image.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#define DEPTH          24   /* of scopes in one function */
#define STEPS          4000 /* entries of one function that are looked at */
#define POINTERS       3    /* to pointers, on the way to a type */
#define FUNCTIONS_MOST 64
#define TYPEDS         16 /* typedefs and qualifiers on the way to a type */

struct search {
	uint64_t line, size;
	struct pointee *out;
	size_t n, most;
};

static Dwarf_Word number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	return dwarf_formudata(dwarf_attr_integrate(die, name, &attr), &value) ? 0 : value;
}

static Dwarf_Die *refer(Dwarf_Die *die, unsigned name, Dwarf_Die *to)
{
	Dwarf_Attribute attr;

	return dwarf_formref_die(dwarf_attr_integrate(die, name, &attr), to);
}

/* Without typedefs and qualifiers. False: there are too many, or none is behind them. */
static bool bare(Dwarf_Die *type)
{
	for (unsigned i = 0; i < TYPEDS; i++) {
		int tag = dwarf_tag(type);

		if (tag != DW_TAG_typedef && tag != DW_TAG_const_type &&
		    tag != DW_TAG_volatile_type && tag != DW_TAG_restrict_type)
			return true;
		if (!refer(type, DW_AT_type, type))
			return false;
	}
	return false;
}

static bool is_class(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);

	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

static void take(struct search *s, Dwarf_Die *type, const char *name, bool here)
{
	Dwarf_Word size;

	if (!is_class(type) || dwarf_aggregate_size(type, &size) || size != s->size)
		return;
	if (dwarf_diename(type))
		name = dwarf_diename(type);
	if (!name)
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->out[i].name, name)) {
			s->out[i].here = s->out[i].here || here;
			return;
		}
	}
	if (s->n < s->most) {
		s->out[s->n] = (struct pointee){ .name = name, .size = size, .here = here };
		wordkind_read(type, s->out[s->n++].kind);
	}
}

/* A variable, a parameter, or what a function returns. */
static void take_variable(struct search *s, Dwarf_Die *die)
{
	bool here = number(die, DW_AT_decl_line) == s->line;
	const char *name = NULL;
	bool pointer = false;
	Dwarf_Die type;

	if (!refer(die, DW_AT_type, &type) || !bare(&type))
		return;
	for (unsigned i = 0; i < POINTERS && dwarf_tag(&type) == DW_TAG_pointer_type; i++) {
		if (!refer(&type, DW_AT_type, &type))
			return;
		if (dwarf_tag(&type) == DW_TAG_typedef) /* a struct without a name of its own */
			name = dwarf_diename(&type);
		if (!bare(&type))
			return;
		here = here && !i;
		pointer = true;
	}
	if (pointer)
		take(s, &type, name, here && dwarf_tag(die) == DW_TAG_variable);
}

/* A constructor that is inlined has its class's name, and its class around its declaration. */
static void take_constructor(struct search *s, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	Dwarf_Die function, this, type;

	if (!name || number(die, DW_AT_call_line) != s->line ||
	    !refer(die, DW_AT_abstract_origin, &function) || dwarf_child(&function, &this))
		return;
	do {
		if (dwarf_tag(&this) != DW_TAG_formal_parameter)
			continue;
		if (refer(&this, DW_AT_type, &type) && bare(&type) &&
		    dwarf_tag(&type) == DW_TAG_pointer_type && refer(&type, DW_AT_type, &type) &&
		    bare(&type) && dwarf_diename(&type) && !strcmp(dwarf_diename(&type), name))
			take(s, &type, NULL, true);
		return;
	} while (!dwarf_siblingof(&this, &this));
}

/* The entries below one function's, those of functions that are inlined in it left out. */
static void walk(struct search *s, Dwarf_Die *function)
{
	Dwarf_Die at[DEPTH];
	unsigned depth = 0;

	take_variable(s, function);
	if (dwarf_child(function, &at[0]))
		return;
	for (unsigned i = 0; i < STEPS; i++) {
		int tag = dwarf_tag(&at[depth]);

		if (tag == DW_TAG_variable || tag == DW_TAG_formal_parameter)
			take_variable(s, &at[depth]);
		else if (tag == DW_TAG_inlined_subroutine)
			take_constructor(s, &at[depth]);
		if (tag == DW_TAG_lexical_block && depth + 1 < DEPTH &&
		    !dwarf_child(&at[depth], &at[depth + 1])) {
			depth++;
			continue;
		}
		while (dwarf_siblingof(&at[depth], &at[depth])) {
			if (!depth--)
				return;
		}
	}
}

size_t module_pointees(struct modules *modules, const struct module *module, vaddr at,
                       unsigned depth, uint64_t line, uint64_t size, struct pointee *out,
                       size_t most)
{
	struct image *image = modules_image(modules, module);
	struct search s = { .line = line, .size = size, .out = out, .most = most };
	struct die_ref function[FUNCTIONS_MOST];
	size_t n = image ? codescope_functions(image, at - module->bias - 1, function,
	                                       FUNCTIONS_MOST)
	                 : 0;
	Dwarf_Die die;

	if (depth < n) {
		die_again(&function[depth], &die);
		walk(&s, &die);
	}
	return s.n;
}
