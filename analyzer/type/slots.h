/*
 * slots: where the pointers of a type are, and which type is in which at an offset: what the graph
 * of types means for memory. It reads no memory.
 */
#ifndef ANALYZER_TYPE_SLOTS_H
#define ANALYZER_TYPE_SLOTS_H

#include "formats/typegraph.h"

struct slot {
	uint64_t offset;
	uint32_t type;  /* what a pointer at offset points to; of a part: of its elements */
	uint32_t count; /* a part: an array of so many elements; 0: a pointer */
	bool truth;     /* no pointer: a bool, whose byte is 0 or 1 */
	bool node;      /* to a container's node, where it points to a block; else to its head */
	bool empty;     /* where it leads nowhere it is not NULL but a number up to SLOT_EMPTY */
};

#define SLOT_EMPTY 64 /* an alignment, in place of a Vec's pointer in Rust */

struct layout {
	struct slot *v; /* by offset */
	size_t n;
	uint64_t size; /* bytes of the type */
	uint64_t
		flexible; /* bytes of an element of the array that it ends in; 0: it ends in none */
	uint32_t tail;    /* type of that element */
};

struct slots; /* layouts, each made when asked for */
struct slots *slots_make(struct typegraph *graph);
void slots_free(struct slots *slots); /* accepts NULL */

/*
 * Pointers to what is not known (void, char, functions, declared only) are no slots, nor what is in
 * a union, of which a type alone does not tell which member is there. Nodes of the standard
 * containers (libstdc++) are told by the container's own type: the pointers are to a base class.
 */
const struct layout *slots_of(struct slots *slots, uint32_t type);

/* May a pointer to this be followed: does it say what is there? */
bool slots_telling(struct typegraph *graph, uint32_t type);

/* Is `part` in `whole` at an offset, as a member, base class or element, or the same? */
bool slots_within(struct typegraph *graph, uint32_t whole, uint64_t offset, uint32_t part);

#endif
