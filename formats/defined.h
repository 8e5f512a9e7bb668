/*
 * defined: which symbols the checked file of a module defines, for its own use or for others. It
 * reads symbol tables only, and does not know what a symbol means.
 */
#ifndef FORMATS_DEFINED_H
#define FORMATS_DEFINED_H

#include "formats/module.h"

/*
 * Bit i of *found: names[i] (of n <= 64) is defined in the module. False: neither its file nor its
 * debug file is at hand.
 */
bool module_defines(struct modules *modules, const struct module *module, const char *const *names,
                    size_t n, uint64_t *found);

#endif
