/*
 * part: a part of a region, walked on its own, with tallies and ids of its own. Private to
 * heapwalk/.
 */
#ifndef HEAPWALK_PART_H
#define HEAPWALK_PART_H

#include "heapwalk/step.h"
#include "heapwalk/visit.h"

#define PART (UINT64_C(8) << 20) /* bytes of heap, about */

/* A part of a region, and what was found in it. */
struct part {
	size_t region;
	vaddr at; /* behind which its start is looked for; a region's first one starts there */
	/* the chunks that start in [from, until); from 0: there are none; until 0: to its end */
	vaddr from, until;
	struct walk walk; /* with one arena: the region's */
	struct heap heap; /* ids start at 0 */
	uint64_t used_bytes;
	vaddr stop; /* end of the chunks */
	bool sound;
	const struct visitor *visitor; /* NULL: none; it was told of: */
	struct parking parking;        /* word 0: of no use */
	size_t told_cell;              /* cells of the region before this one */
	uint32_t told_id;
	uint8_t *mem; /* bytes of [at, mem_end), where the part was fed; else NULL */
	vaddr mem_end;
	bool ready;
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
 * have numbers from first_cell on. What is found is the caller's, except for findings: sound is
 * false then, and nothing else counts.
 */
void part_walk(struct part *part, const struct walk *w, size_t first_cell,
               const struct visitor *visitor, const struct parking *parking);

#endif
