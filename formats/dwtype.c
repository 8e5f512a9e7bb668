#include "formats/dwtype.h"

#include "formats/codescope.h"
#include "formats/image.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

enum {
	IMPORTS_MAX = 4096, /* units that dwz split off, of one unit */
	DIES_MAX = 1 << 20, /* of all units searched: libc's malloc.c has 3,000 */
};

struct search {
	struct dwtype *types;
	size_t n, left; /* left: not found yet */
	unsigned dies, imports;
};

/* Address of a function, in the addresses of the file; 0: it is not defined there. */
static Dwarf_Addr function_at(struct image *image, const char *function)
{
	int n = dwfl_module_getsymtab(image->module);

	for (int i = 1; i < n; i++) {
		GElf_Sym sym;
		GElf_Addr at;
		GElf_Word section = SHN_UNDEF;
		const char *name = dwfl_module_getsym_info(image->module, i, &sym, &at, &section,
		                                           NULL, NULL);
		size_t length = name ? strcspn(name, "@") : 0; /* a version may follow */

		if (length == strlen(function) && section != SHN_UNDEF &&
		    GELF_ST_TYPE(sym.st_info) == STT_FUNC && !strncmp(name, function, length))
			return at;
	}
	return 0;
}

static uint64_t number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	return dwarf_formudata(dwarf_attr_integrate(die, name, &attr), &value) ? 0 : value;
}

/* Bytes of a member's type, and of one element where it is an array. */
static void measure(Dwarf_Die *member, struct dwfield *field)
{
	Dwarf_Attribute attr;
	Dwarf_Die type, peeled, element;
	Dwarf_Word size = 0;

	if (!dwarf_formref_die(dwarf_attr_integrate(member, DW_AT_type, &attr), &type) ||
	    dwarf_peel_type(&type, &peeled) || dwarf_aggregate_size(&peeled, &size))
		return;
	field->size = field->element = size;
	if (dwarf_tag(&peeled) == DW_TAG_array_type &&
	    dwarf_formref_die(dwarf_attr_integrate(&peeled, DW_AT_type, &attr), &element) &&
	    !dwarf_aggregate_size(&element, &size))
		field->element = size;
}

static void read_members(Dwarf_Die *record, struct dwtype *type)
{
	Dwarf_Die member;
	unsigned steps = 0;

	if (dwarf_child(record, &member))
		return;
	do {
		const char *name = dwarf_diename(&member);

		if (dwarf_tag(&member) != DW_TAG_member || !name)
			continue;
		for (struct dwfield *f = type->field; f->name; f++) {
			if (strcmp(f->name, name))
				continue;
			f->found = true;
			f->offset = number(&member, DW_AT_data_member_location);
			measure(&member, f);
		}
	} while (++steps < DIES_MAX && !dwarf_siblingof(&member, &member));
}

static void read_record(struct search *s, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	uint64_t size = number(die, DW_AT_byte_size);

	for (size_t i = 0; name && size && i < s->n; i++) {
		struct dwtype *t = &s->types[i];

		if (t->found || strcmp(name, t->name))
			continue;
		t->found = true;
		t->size = size;
		read_members(die, t);
		s->left--;
	}
}

/* The children of a unit. Those that it imports go to the end of the list. */
static void search_unit(struct search *s, Dwarf_Die *unit, Dwarf_Die *list, size_t *listed)
{
	Dwarf_Die die;

	if (dwarf_child(unit, &die))
		return;
	do {
		Dwarf_Attribute attr;

		if (dwarf_tag(&die) == DW_TAG_structure_type)
			read_record(s, &die);
		else if (dwarf_tag(&die) == DW_TAG_imported_unit && *listed < IMPORTS_MAX &&
		         dwarf_formref_die(dwarf_attr(&die, DW_AT_import, &attr), &list[*listed]))
			++*listed;
	} while (s->left && ++s->dies < DIES_MAX && !dwarf_siblingof(&die, &die));
}

bool module_types(struct modules *modules, const struct module *module, const char *function,
                  struct dwtype *types, size_t n)
{
	struct image *image = modules_image(modules, module);
	struct search s = { .types = types, .n = n, .left = n };
	Dwarf_Addr bias, at;
	Dwarf *dwarf = image ? dwfl_module_getdwarf(image->module, &bias) : NULL;
	Dwarf_Die *list;
	size_t listed = 1;

	at = dwarf ? function_at(image, function) : 0;
	if (!at)
		return false;
	list = mem_alloc(IMPORTS_MAX, sizeof(*list));
	if (codescope_unit(image, at, &list[0]))
		for (size_t i = 0; i < listed && s.left; i++)
			search_unit(&s, &list[i], list, &listed);
	else
		listed = 0;
	mem_free(list);
	return listed > 0;
}
