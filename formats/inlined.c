#include "formats/inlined.h"

#include "formats/image.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#define SCOPES_MAX 64

static Dwarf_Word number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	return dwarf_formudata(dwarf_attr(die, name, &attr), &value) ? 0 : value;
}

/* Where the call was that this inlined function stands for. */
static void call_position(Dwarf_Die *unit, Dwarf_Die *die, struct inlined *out)
{
	Dwarf_Files *files;
	size_t n;

	out->line = (int)(number(die, DW_AT_call_line) & INT32_MAX);
	if (!dwarf_getsrcfiles(unit, &files, &n) && number(die, DW_AT_call_file) < n)
		out->file = dwarf_filesrc(files, number(die, DW_AT_call_file), NULL, NULL);
}

size_t module_inlined(struct modules *modules, const struct module *module, vaddr at,
                      struct inlined *out, size_t most)
{
	struct image *image = modules_image(modules, module);
	uint64_t look = at - module->bias - 1;
	Dwarf_Addr bias = 0;
	Dwarf_Die unit, *lexical = NULL, *scopes = NULL;
	size_t n = 0;
	int found;

	if (!image || !most || !image_unit(image, look, &unit) ||
	    !image_line(image, look, &out[0].file, &out[0].line))
		return 0;
	out[n++].function = NULL;
	dwfl_module_getdwarf(image->module, &bias);
	/* those of the source, then, from the innermost one outwards, those of the code */
	found = dwarf_getscopes(&unit, look - bias, &lexical);
	if (found > 0)
		found = dwarf_getscopes_die(&lexical[0], &scopes);
	for (int i = 0; i < found && i < SCOPES_MAX; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		out[n - 1].function = dwarf_diename(&scopes[i]);
		if (tag == DW_TAG_subprogram || n == most)
			break;
		out[n] = (struct inlined){ 0 };
		call_position(&unit, &scopes[i], &out[n++]);
	}
	mem_free(lexical);
	mem_free(scopes);
	return n;
}
