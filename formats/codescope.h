/*
 * codescope: whose code an address is, by the debug information: the unit, the function, and the
 * functions that were inlined in it there. What a unit has is gone through once, when it is first
 * asked for, and kept by address: libdw's own search goes through the whole unit each time, which
 * takes 12 ms in a unit of many templates. Names and lines are not its business. Private to
 * formats/.
 */
#ifndef FORMATS_CODESCOPE_H
#define FORMATS_CODESCOPE_H

#include "formats/base.h"

struct image;
struct codescope; /* what is kept, for one image */
struct Dwarf_CU;

/* An entry of the debug information: what it takes to make a Dwarf_Die again. */
struct die_ref {
	void *addr;
	struct Dwarf_CU *cu;
};

/* The entry again, as libdw wants it: a Dwarf_Die. */
void die_again(const struct die_ref *ref, void *die);

/* The unit that covers the file's address at goes to *unit, a Dwarf_Die. False: none does. */
bool codescope_unit(struct image *image, uint64_t at, void *unit);

/*
 * The functions around the file's address at: those inlined there, the innermost first, then the
 * one that they are in; at most `most`. Returns how many; 0: the debug information tells none.
 * Entries last as long as the image.
 */
size_t codescope_functions(struct image *image, uint64_t at, struct die_ref *out, size_t most);

void codescope_free(struct codescope *scope); /* accepts NULL */

#endif
