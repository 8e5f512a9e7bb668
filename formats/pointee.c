#include "formats/pointee.h"

#include "formats/codescope.h"
#include "formats/image.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#define DEPTH          24   /* of scopes in one function */
#define STEPS          4000 /* entries of one function that are looked at */
#define POINTERS       3    /* to pointers, on the way to a type */
#define MEMBERS        500  /* of one struct that are looked at */
#define OUTWARDS       4    /* functions that code is inlined in */
#define FUNCTIONS_MOST 64
#define TYPEDS         16 /* typedefs and qualifiers on the way to a type */

struct search {
	uint64_t line, size;
	struct pointee *out;
	struct home *home; /* not NULL: these are looked for, and no pointees */
	uint32_t offset;
	uint8_t far;
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

/* What the type of a variable or member points to. Returns how many pointers there are. */
static unsigned pointed(Dwarf_Die *die, Dwarf_Die *type, const char **name)
{
	unsigned n = 0;

	*name = NULL;
	if (!refer(die, DW_AT_type, type) || !bare(type))
		return 0;
	for (; n < POINTERS && dwarf_tag(type) == DW_TAG_pointer_type; n++) {
		if (!refer(type, DW_AT_type, type))
			return 0;
		if (dwarf_tag(type) == DW_TAG_typedef) /* a struct without a name of its own */
			*name = dwarf_diename(type);
		if (!bare(type))
			return 0;
	}
	return n;
}

/* Has it a pointer at the offset? */
static void take_home(struct search *s, Dwarf_Die *type, const char *name)
{
	uint8_t kind[WORDKINDS];
	uint32_t word = s->offset / 8;
	Dwarf_Word size;

	if (dwarf_diename(type))
		name = dwarf_diename(type);
	if (!name || dwarf_aggregate_size(type, &size) || size > UINT32_MAX ||
	    (uint64_t)s->offset + 8 > size || s->n == s->most)
		return;
	wordkind_read(type, kind);
	if (word < WORDKINDS && kind[word] != WORDKIND_POINTER && kind[word] != WORDKIND_UNKNOWN)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->home[i].name, name))
			return;
	s->home[s->n++] = (struct home){ name, s->offset, (uint32_t)size, s->far };
}

static void take_homes(struct search *s, Dwarf_Die *type, const char *name)
{
	Dwarf_Die member, to;

	if (!s->far)
		take_home(s, type, name);
	if (!s->far || dwarf_child(type, &member))
		return;
	for (unsigned i = 0; i < MEMBERS; i++) {
		if (dwarf_tag(&member) == DW_TAG_member && pointed(&member, &to, &name) &&
		    is_class(&to))
			take_home(s, &to, name);
		if (dwarf_siblingof(&member, &member))
			return;
	}
}

/* A variable, a parameter, or what a function returns. */
static void take_variable(struct search *s, Dwarf_Die *die)
{
	bool here = number(die, DW_AT_decl_line) == s->line;
	const char *name;
	Dwarf_Die type;
	unsigned n = pointed(die, &type, &name);

	if (n && s->home && is_class(&type))
		take_homes(s, &type, name);
	else if (n && !s->home)
		take(s, &type, name, here && n == 1 && dwarf_tag(die) == DW_TAG_variable);
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
		else if (tag == DW_TAG_inlined_subroutine && !s->home)
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

size_t module_homes(struct modules *modules, const struct module *module, vaddr at, uint32_t offset,
                    struct home *out, size_t most)
{
	struct image *image = modules_image(modules, module);
	struct search s = { .line = UINT64_MAX, .home = out, .offset = offset, .most = most };
	struct die_ref function[FUNCTIONS_MOST];
	size_t n = image ? codescope_functions(image, at - module->bias, function, FUNCTIONS_MOST)
	                 : 0;
	Dwarf_Die die;

	for (s.far = 0; s.far < 2 && !s.n; s.far++) {
		for (size_t i = 0; i < n && i < OUTWARDS; i++) {
			die_again(&function[i], &die);
			walk(&s, &die);
		}
	}
	return s.n;
}
