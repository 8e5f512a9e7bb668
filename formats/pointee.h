/*
 * pointee: the structs and classes that the variables of one function point to, and those that are
 * made on one of its lines: what a call in there may get a block for. From debug information only;
 * it does not know which variable takes what.
 */
#ifndef FORMATS_POINTEE_H
#define FORMATS_POINTEE_H

#include "formats/module.h"
#include "formats/wordkind.h"

struct pointee {
	const char *name; /* as declared, without scope; lives as long as modules */
	uint64_t size;    /* bytes */
	bool here;        /* the variable is declared, or the constructor called, on the line */
	uint8_t kind[WORDKINDS]; /* enum wordkind, of each 8 bytes */
};

/*
 * Of the function that the call which returns to `at` is in, depth inlined ones outwards, all
 * pointees of `size` bytes, at most `most`; line: of the call. Returns how many. Bounded in steps.
 */
size_t module_pointees(struct modules *modules, const struct module *module, vaddr at,
                       unsigned depth, uint64_t line, uint64_t size, struct pointee *out,
                       size_t most);

/* A struct that may be where an address is stored, as something there points to one. */
struct home {
	const char *name; /* as of a pointee */
	uint32_t offset;  /* of a member that is a pointer */
	uint32_t size;    /* bytes of the struct */
	uint8_t far; /* 0: a variable points to the struct; 1: a member of such a struct does */
};

/*
 * Of the code at `at`, which stores an address `offset` bytes into something: the structs that have
 * a pointer there and that variables in scope lead to, those of functions that the code is inlined
 * in, too; far ones where there are no others. Returns how many of *out; bounded in steps.
 */
size_t module_homes(struct modules *modules, const struct module *module, vaddr at, uint32_t offset,
                    struct home *out, size_t most);

#endif
