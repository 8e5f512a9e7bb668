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

/* refmain.c: did the main arena's break not suffice, and is the arena in several regions? */
bool main_arena_scattered(uint64_t main_arena);
/* Tells each of them; dies where they do not add up to what malloc counts. */
void main_arena_regions(uint64_t main_arena, uint64_t arena_size, uint64_t top, uint64_t brk,
                        void (*found)(uint64_t start, uint64_t end));

#endif
