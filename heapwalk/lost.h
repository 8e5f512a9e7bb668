/*
 * lost: what is known of a malloc while it is looked for without its main arena. Private to
 * lost.c and ring.c.
 */
#ifndef HEAPWALK_LOST_H
#define HEAPWALK_LOST_H

#include "heapwalk/walk.h"

struct lost {
	struct walk *w;
	uint64_t budget;
	const struct state_layout *state; /* NULL: not known yet */
	uint64_t tcache_count;            /* 0: not known */
	ARRAY(vaddr) arenas;              /* other than the main one, by address */
	struct region brk;                /* start 0: none */
};

/* Fills in arenas, and state if it is not known: from heap_info at multiples of HEAP_MAX_SIZE. */
void ring_arenas(struct lost *l);
/*
 * Adds them to the walk, in the order of their ring, of which some may be missing: the main one
 * leads to the first, if it is there (next is not 0), or else to the one that no other leads to.
 */
void ring_add(struct lost *l, vaddr next);
/* Where the main arena was, as the ring of the others has it; 0: not known. */
vaddr ring_main(const struct lost *l);

#endif
