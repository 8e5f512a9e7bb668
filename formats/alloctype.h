/*
 * alloctype: what a call allocates, where the compiler wrote that into the debug information: the
 * attribute DW_AT_LLVM_alloc_type of a call site, which clang has written for C++'s `new` since its
 * release 22 where it optimizes. It knows no other sign of a type.
 */
#ifndef FORMATS_ALLOCTYPE_H
#define FORMATS_ALLOCTYPE_H

#include "formats/pointee.h"

/*
 * Of the call that returns to `at`; of new T[n] it is T. here is set. False: it is not told.
 * Bounded in steps.
 */
bool module_alloc_type(struct modules *modules, const struct module *module, vaddr at,
                       struct pointee *out);

#endif
