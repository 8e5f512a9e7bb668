/*
 * getrandom: the memory in which glibc keeps the state of the vdso's random generator. The kernel
 * never saves it (MAP_DROPPABLE, Linux 6.11), and as it holds random bytes only no root is missing
 * with it. glibc 2.41 and newer has it in every process that called getrandom or arc4random.
 */
#ifndef ANALYZER_REACH_GETRANDOM_H
#define ANALYZER_REACH_GETRANDOM_H

#include "formats/core.h"

struct getrandom {
	bool searched;
	vaddr table; /* of pointers to the states; 0: none */
	size_t n;
};

/* Is this mapping, of which nothing is saved, such memory? *state starts as { 0 }. */
bool getrandom_holds(const struct core *core, struct getrandom *state, const struct segment *s);

#endif
