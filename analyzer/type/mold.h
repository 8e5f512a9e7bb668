/*
 * mold: what each word of a type may be, so that a block can be held against it: a number is no
 * pointer to a block, a pointer no number. It reads no memory.
 */
#ifndef ANALYZER_TYPE_MOLD_H
#define ANALYZER_TYPE_MOLD_H

#include "formats/typegraph.h"

#define MOLD_WORDS 64 /* of a type that are looked at */

enum mold_kind {
	MOLD_ANY,     /* a union, padding, text, an array of numbers that may not be filled */
	MOLD_NUMBER,  /* a number; no address */
	MOLD_POINTER, /* NULL, or the address of a word.to */
	MOLD_ADDRESS, /* NULL, or the address of bytes, or of what is not known */
	MOLD_CODE,    /* NULL, or the address of a function */
};

struct mold {
	uint32_t type;
	unsigned n; /* words */
	struct {
		uint8_t kind; /* enum mold_kind */
		uint32_t to;
	} word[MOLD_WORDS];
};

/* Of a record whose words take `word` bytes. False: it has no pointers, or has a vtable. */
bool mold_make(struct typegraph *graph, uint32_t type, unsigned word, struct mold *out);

#endif
