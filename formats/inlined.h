/*
 * inlined: the source positions that one address stands for: the innermost line, then the calls of
 * functions that were inlined around it, outwards to the function that the code belongs to. From
 * debug information only; it knows no symbol table.
 */
#ifndef FORMATS_INLINED_H
#define FORMATS_INLINED_H

#include "formats/module.h"

struct inlined {
	const char *function; /* as in the source, not demangled further; NULL: not known */
	const char *file;     /* NULL: not known */
	int line;
};

/*
 * Positions of the instruction before `at`, which is where a call returns to, innermost first, at
 * most `most`. Returns how many; 0: no debug information covers it. Strings live as long as
 * modules.
 */
size_t module_inlined(struct modules *modules, const struct module *module, vaddr at,
                      struct inlined *out, size_t most);

#endif
