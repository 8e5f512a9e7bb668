/*
 * threadlocal: which thread-local variable of which module lies at an address. It knows where a
 * loader puts a module's static TLS and nothing of what was allocated later (dlopen).
 */
#ifndef FORMATS_THREADLOCAL_H
#define FORMATS_THREADLOCAL_H

#include "formats/module.h"

/* Where the TLS of a module is in the thread whose thread pointer is tp. False: not known. */
bool threadlocal_start(const struct core *core, struct modules *modules,
                       const struct module *module, vaddr tp, vaddr *start);

/*
 * at: an address in the static TLS of a thread whose thread pointer is tp. False: no name is known
 * there;
 * out->module is NULL where the module is not known either. No line; module_offset is that from the
 * beginning of the module's TLS.
 */
bool threadlocal_symbol(const struct core *core, struct modules *modules, vaddr tp, vaddr at,
                        struct symbol *out);

#endif
