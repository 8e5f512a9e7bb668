/*
 * field: the members of a block whose type debug information tells, with what their pointers lead
 * to. What is in other members is content, and only shown where that was asked for.
 */
#ifndef ANALYZER_TYPE_FIELD_H
#define ANALYZER_TYPE_FIELD_H

#include "analyzer/process/place.h"

struct field {
	uint64_t offset;  /* bytes into the block */
	uint32_t bits;    /* of a bitfield; 0: none */
	const char *name; /* "io.in", "[0].next" */
	const char *type;
	bool pointer;
	bool saved; /* a pointer: it is in the core, and this is what it says: */
	uint64_t value;
	const char *to;      /* a pointer: to what, in words */
	const char *content; /* else: where it was asked for and is a number; NULL: not told */
};

#define FIELDS_MOST 64

struct fields {
	struct field *v;
	size_t n;
	bool more;         /* than FIELDS_MOST */
	uint64_t elements; /* of the array that the block is, of which the first is told; 0: it is
	                      none */
};

/* Of a used block. n is 0 where debug information does not tell what it is. The strings are the
 * pool's. */
void fields_of(struct places *places, const struct block *block, bool content, struct pool *pool,
               struct fields *out);

/* "session.io.in": type and member at an address in a block; NULL: not told. */
const char *field_at(struct analysis *a, const struct block *block, vaddr at, struct pool *pool);

#endif
