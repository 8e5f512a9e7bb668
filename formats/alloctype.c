#include "formats/alloctype.h"

#include "formats/codescope.h"
#include "formats/image.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#define ALLOC_TYPE     0x3e0e /* DW_AT_LLVM_alloc_type: llvm/BinaryFormat/Dwarf.def, LLVM 22 */
#define DEPTH          24     /* of scopes in one function */
#define STEPS          20000  /* entries of one function that are looked at */
#define FUNCTIONS_MOST 64
#define TYPEDS         16 /* typedefs and qualifiers on the way to a type */

static Dwarf_Die *refer(Dwarf_Die *die, unsigned name, Dwarf_Die *to)
{
	Dwarf_Attribute attr;

	return dwarf_formref_die(dwarf_attr(die, name, &attr), to);
}

static bool returns_to(Dwarf_Die *call, Dwarf_Addr at)
{
	Dwarf_Attribute attr;
	Dwarf_Addr next;

	return !dwarf_formaddr(dwarf_attr(call, DW_AT_call_return_pc, &attr), &next) && next == at;
}

/* The call's entry, in the function or in what is inlined in it. */
static bool find_call(Dwarf_Die *function, Dwarf_Addr to, Dwarf_Die *call)
{
	Dwarf_Die at[DEPTH];
	unsigned depth = 0;

	if (dwarf_child(function, &at[0]))
		return false;
	for (unsigned i = 0; i < STEPS; i++) {
		int tag = dwarf_tag(&at[depth]);

		if (tag == DW_TAG_call_site && returns_to(&at[depth], to)) {
			*call = at[depth];
			return true;
		}
		if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) &&
		    depth + 1 < DEPTH && !dwarf_child(&at[depth], &at[depth + 1])) {
			depth++;
			continue;
		}
		while (dwarf_siblingof(&at[depth], &at[depth])) {
			if (!depth--)
				return false;
		}
	}
	return false;
}

/* Its first name, and what is behind typedefs and qualifiers. */
static bool take(Dwarf_Die *type, struct pointee *out)
{
	const char *name = dwarf_diename(type);
	Dwarf_Word size;
	unsigned i = 0;
	int tag;

	for (tag = dwarf_tag(type); tag == DW_TAG_typedef || tag == DW_TAG_const_type ||
	                            tag == DW_TAG_volatile_type || tag == DW_TAG_atomic_type;
	     tag = dwarf_tag(type)) {
		if (i++ == TYPEDS || !refer(type, DW_AT_type, type))
			return false;
		name = dwarf_diename(type) ? dwarf_diename(type) : name;
	}
	if (!name || dwarf_aggregate_size(type, &size) || !size)
		return false;
	*out = (struct pointee){ .name = name, .size = size, .here = true };
	if (tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type)
		wordkind_read(type, out->kind);
	return true;
}

bool module_alloc_type(struct modules *modules, const struct module *module, vaddr at,
                       struct pointee *out)
{
	struct image *image = modules_image(modules, module);
	struct die_ref function[FUNCTIONS_MOST];
	size_t n = image ? codescope_functions(image, at - module->bias - 1, function,
	                                       FUNCTIONS_MOST)
	                 : 0;
	Dwarf_Die die, call, type;

	if (!n)
		return false;
	die_again(&function[n - 1], &die); /* all of its calls are there, inlined ones too */
	return find_call(&die, at - module->bias, &call) && refer(&call, ALLOC_TYPE, &type) &&
	       take(&type, out);
}
