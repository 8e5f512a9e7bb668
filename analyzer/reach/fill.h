/*
 * fill: what of one cell of the index is to be scanned while the heap is swept: granules as a bit
 * mask, by which words are filtered without asking where blocks begin and end. Words that stay and
 * lead far away are resolved in batches, so that their bits are fetched many at a time. It does not
 * know which blocks these are, nor in which order cells come. Private to sweep.c.
 */
#ifndef ANALYZER_REACH_FILL_H
#define ANALYZER_REACH_FILL_H

#include "analyzer/reach/marker.h"

#define FILLS 4 /* cells whose lines are fetched ahead */

/* Granules of blocks, and those at whose end the next chunk's size field stands: no word of theirs.
 */
struct fill {
	const struct span *span;
	size_t cell;
	uint64_t fill, stops;
};

/* A ring of those that wait for their lines. */
struct fills {
	struct fill v[FILLS];
	unsigned first, n;
};

/* Asks for its lines, and scans the one that waits longest where the ring is full. */
void fills_add(struct marker *m, struct fills *q, const struct fill *f);
/* Scans all that wait, and resolves what they hold. */
void fills_end(struct marker *m, struct fills *q);

#endif
