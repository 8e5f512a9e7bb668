/*
 * wordkind: what debug information says of each 8 bytes of a struct or class: pointer, number,
 * floating point, text. Members of members are looked into, unions are not. Private to formats: a
 * type is a Dwarf_Die.
 */
#ifndef FORMATS_WORDKIND_H
#define FORMATS_WORDKIND_H

#include "formats/base.h"

#define WORDKINDS 32 /* words that are told; what is behind them is not */

enum wordkind {
	WORDKIND_UNKNOWN, /* a union, a hole, several things */
	WORDKIND_POINTER,
	WORDKIND_FUNCTION, /* a pointer to code */
	WORDKIND_NUMBER,   /* one of 8 bytes */
	WORDKIND_NUMBERS,  /* smaller ones */
	WORDKIND_FLOAT,    /* of 8 bytes, or two of 4 */
	WORDKIND_TEXT,
	WORDKIND_KINDS
};

/* type: a Dwarf_Die. Bounded in steps; where it is damaged, words stay unknown. */
void wordkind_read(void *type, uint8_t kind[WORDKINDS]);

#endif
