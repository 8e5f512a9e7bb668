/*
 * descent: from which root a shortest chain of pointers leads to each block: from a variable or
 * another mapping, else from a stack, else from a register. Breadth-first over the list of
 * pointers. It knows no names.
 *
 * Memory: 4 bytes a chunk, and 12 for each block that points to others while it searches.
 */
#ifndef ANALYZER_DIFF_DESCENT_H
#define ANALYZER_DIFF_DESCENT_H

#include "analyzer/diff/pointers.h"
#include "formats/crew.h"

struct descent {
	struct pointers pointers; /* its own; what follows is found where they are kept */
	bool inside;              /* pointers into the middle of blocks count, too */
	struct hand hand;
	uint32_t *origin; /* by id; 0: none leads to it. Else 1 + the id of the block that the root
	                     points to, or, of that block itself, 1 + nchunks + the root's number:
	                     of a piece, or behind those of a register */
	const struct block *asked; /* the search may end when these are met */
	size_t nasked;             /* 0: it is not known yet which these are */
	bool searched, given_up;
};

/*
 * With a thread to spare the search begins at once, beside whatever else is done; else where it is
 * asked for. The descent stays in its place. descent_free.
 */
void descent_begin(struct descent *descent);
/*
 * Until these blocks were met, or all that can be. False: the pointers are not kept, there is
 * nothing to be asked.
 */
bool descent_wait(struct descent *descent, const struct block *block, size_t n);
void descent_free(struct descent *descent); /* accepts one that is all zero */

/*
 * Where the chain to one of them begins: *at is the word of a root, 0: it is a register. False: no
 * chain leads there.
 */
bool descent_root(const struct descent *descent, uint32_t id, vaddr *at);

#endif
