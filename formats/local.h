/*
 * local: the variables and parameters of a thread's frames, where they are at each frame's pc:
 * debug information tells the place as an expression over the frame's registers. Variables that are
 * optimized away at that pc are none. It does not know whether a variable has been given a value
 * yet.
 */
#ifndef FORMATS_LOCAL_H
#define FORMATS_LOCAL_H

#include "formats/variable.h"

struct local {
	const char *name;
	const char *function; /* that it is of, inlined ones included; NULL: no name */
	size_t frame;         /* 0: the innermost */
	uint32_t type;
	uint64_t size;  /* bytes; 0: not known */
	bool in_memory; /* else it is a value */
	bool in_register;
	uint8_t reg;    /* in a register: its index into machine.reg */
	vaddr at;       /* in memory */
	uint64_t value; /* else; of a register: its whole content */
};

struct locals {
	struct local *v; /* by frame, outer scopes first */
	size_t n;
};

/*
 * Of one thread (index into core.thread). Only modules that module_index has read are looked at.
 * The result is the pool's.
 */
void thread_locals(const struct core *core, struct typegraph *graph, size_t thread,
                   struct pool *pool, struct locals *out);

#endif
