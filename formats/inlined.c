#include "formats/inlined.h"

#include "formats/codescope.h"
#include "formats/image.h"
#include "formats/linetable.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#define SCOPES_MAX 64

static Dwarf_Word number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	return dwarf_formudata(dwarf_attr(die, name, &attr), &value) ? 0 : value;
}

/* Where the call was that this inlined function stands for. */
static void call_position(struct image *image, Dwarf_Die *unit, Dwarf_Die *die, struct inlined *out)
{
	out->line = (int)(number(die, DW_AT_call_line) & INT32_MAX);
	out->file = linetable_file(image, unit, number(die, DW_AT_call_file));
}

size_t module_inlined(struct modules *modules, const struct module *module, vaddr at,
                      struct inlined *out, size_t most)
{
	struct image *image = modules_image(modules, module);
	uint64_t look = at - module->bias - 1;
	struct die_ref function[SCOPES_MAX];
	Dwarf_Die unit, die;
	size_t n = 0, found;

	if (!image || !most || !codescope_unit(image, look, &unit) ||
	    !linetable_at(image, look, &out[0].file, &out[0].line))
		return 0;
	out[n++].function = NULL;
	found = codescope_functions(image, look, function, SCOPES_MAX);
	for (size_t i = 0; i < found; i++) {
		die_again(&function[i], &die);
		out[n - 1].function = dwarf_diename(&die);
		if (i + 1 == found || n == most)
			break;
		out[n] = (struct inlined){ 0 };
		call_position(image, &unit, &die, &out[n++]);
	}
	return n;
}
