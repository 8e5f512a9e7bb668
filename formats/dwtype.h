/*
 * dwtype: sizes of structs and offsets of their members, from the debug information of a module. It
 * does not know what a struct is for.
 */
#ifndef FORMATS_DWTYPE_H
#define FORMATS_DWTYPE_H

#include "formats/module.h"

struct dwfield {
	const char *name; /* in; NULL ends a list */
	bool found;
	uint64_t offset, size; /* bytes */
	uint64_t element;      /* bytes of one element of an array; else size */
};

struct dwtype {
	const char *name; /* in: of the struct, without "struct" */
	bool found;
	uint64_t size; /* bytes */
	struct dwfield *field;
};

/*
 * Looks for n types in the compilation unit that defines `function`, and in what it imports; fills
 * in those that are found. False: no debug information of the module is at hand, or the function is
 * not in it. Reads the debug file in the first call of a module only.
 */
bool module_types(struct modules *modules, const struct module *module, const char *function,
                  struct dwtype *types, size_t n);

#endif
