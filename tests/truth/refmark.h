/*
 * refmark: the live blocks of a core, sorted by address, and how each is reached.
 */
#ifndef TRUTH_REFMARK_H
#define TRUTH_REFMARK_H

#include "refcore.h"

#define NONE SIZE_MAX

enum reach { UNREACHED, POSSIBLE, REACHABLE, DEFINITE, INDIRECT };

struct block {
	uint64_t address, usable, requested, caller;
	enum reach reach;
};

extern struct core core;
extern struct block *block; /* sorted by address */
extern size_t blocks;

size_t kept_by(uint64_t word); /* index of the block that a word keeps; NONE */
void find_heads(void);         /* refheads.c: tells DEFINITE and INDIRECT among the UNREACHED */

#endif
