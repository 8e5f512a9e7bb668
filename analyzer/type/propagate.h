/*
 * propagate: what blocks are by what points to them: from typed variables, and from objects whose
 * vtable tells their class, along typed pointers from block to block. What a pointer's type says is
 * believed where the block's size fits it and what is in the block does not speak against it; a
 * type that often does not fit is a header or base of others, and nothing is said of what it points
 * to.
 *
 * Needs debug information; without any it finds nothing. Memory: 4 bytes a chunk of the heap and
 * what the types take. Time in the order of the typed blocks.
 */
#ifndef ANALYZER_TYPE_PROPAGATE_H
#define ANALYZER_TYPE_PROPAGATE_H

#include "analyzer/type/typing.h"
#include "formats/typegraph.h"

struct propagation;

/*
 * What the type of a block is in the graph of types; CTYPE_NONE: not told. *array: elements of it
 * fill the block. *head: bytes of the block in front of it: a header that the program's allocator
 * keeps there.
 */
uint32_t propagation_type(const struct propagation *p, uint32_t id, bool *array, uint64_t *head);

/*
 * Is this offset (> 0) of a block where what typed pointers go to begins: a member of its type, or
 * all of the object behind a header?
 */
bool propagation_member(const struct propagation *p, uint32_t id, uint64_t offset);

void propagation_free(struct propagation *p); /* accepts NULL */

/* The graph lives as long as the analysis; the result is kept in it. Proposes to t->types. */
void typing_dwarf(struct typing *t);

#endif
