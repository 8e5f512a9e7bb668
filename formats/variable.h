/*
 * variable: the variables of a program with their types, from its modules' debug information:
 * global and static ones by address, thread-local ones by their offset into the module's TLS, and
 * those of a function by where they are at a frame's pc.
 */
#ifndef FORMATS_VARIABLE_H
#define FORMATS_VARIABLE_H

#include "formats/typegraph.h"

struct variable {
	const char *name; /* qualified; a static one of a function: its own name */
	uint32_t type;
	uint64_t size;   /* bytes; 0: its type does not tell */
	uint64_t offset; /* from its beginning to the address that was asked about */
};

/*
 * Reads which variables and which types a module has: needed before any of them can be found.
 * False: it has no debug information on this host. Takes time in the order of its size, once.
 */
bool module_index(struct typegraph *graph, const struct module *module);

/* The variable that covers an address of the process. False: none in an indexed module. */
bool variable_at(struct typegraph *graph, vaddr at, struct variable *out);

/* The same for an offset into the module's TLS. */
bool variable_tls_at(struct typegraph *graph, const struct module *module, uint64_t at,
                     struct variable *out);

#endif
