/*
 * part: a part of a region, walked on its own, with tallies and ids of its own. Private to
 * heapwalk/.
 */
#ifndef HEAPWALK_PART_H
#define HEAPWALK_PART_H

#include "heapwalk/step.h"
#include "heapwalk/visit.h"

#define PART (UINT64_C(8) << 20) /* bytes of heap, about */

/*
 * A part of a region, and what was found in it. Of a big core there are thousands at a time, until
 * all of them are joined: each keeps no more than that needs.
 */
struct part {
	size_t region;
	vaddr at; /* behind which its start is looked for; a region's first one starts there */
	/* the chunks that start in [from, until); from 0: there are none; until 0: to its end */
	vaddr from, until;
	vaddr stop; /* end of the chunks */
	bool sound;
	bool ready;
	uint32_t nchunks;
	uint64_t *used;      /* bit by chunk, in order */
	struct arena arena;  /* tallies of these chunks */
	struct parked *parked;
	vaddr *candidates;
	size_t nparked, ncandidates;
	uint64_t forward, backward; /* as of struct walk */
	uint8_t *mem; /* bytes of [at, mem_end), where the part was fed; else NULL */
	vaddr mem_end;
};

/* Steps through a region's chunks; main: those of a main arena. */
static inline struct stepper stepper_of(struct walk *w, const struct region *r, bool main)
{
	return (struct stepper){
		.w = w, .limit = r->limit, .top = r->top, .top_size = r->top_size, .main = main
	};
}

/*
 * Walks it, and tells the visitor (NULL: there is none), who has this parking; the region's cells
 * have numbers from first_cell on. What is found is the caller's, part_free, except for findings:
 * sound is false then, and nothing else counts.
 */
void part_walk(struct part *part, const struct walk *w, size_t first_cell,
               const struct visitor *visitor, const struct parking *parking);
void part_free(struct part *part); /* what is kept of it */

#endif
