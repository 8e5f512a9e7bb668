/*
 * path: why a block is kept: a shortest chain of pointers to it, from a root, or for a leaked block
 * from the definite leak that holds it. One breadth-first search over used blocks answers for any
 * number of them. It knows no names: a step says where the pointer word lies.
 *
 * Memory: 4 bytes a chunk for the parents and at most 0.875 for what was met and the frontiers,
 * freed at the end.
 */
#ifndef ANALYZER_REACH_PATH_H
#define ANALYZER_REACH_PATH_H

#include "analyzer/reach/reach.h"

#define PATH_NO_REGISTER UINT32_MAX
#define PATH_ENDS        8 /* steps kept of each end of a long path */

struct path_step {
	uint32_t reg;      /* index into roots.reg; PATH_NO_REGISTER: the word lies in memory */
	vaddr at;          /* of the word that points; 0: a register */
	uint64_t value;    /* what it says: the address of a byte of `to` */
	bool interior;     /* not of the first byte */
	struct block from; /* that holds the word; from.span NULL: a root */
	struct block to;
};

struct path {
	struct path_step *v; /* from the root on; the last step points to the block asked for */
	size_t n;            /* 0: there is none */
	uint64_t length;     /* steps in all; > n: the middle was left out */
	size_t first;        /* of v: steps before the middle that was left out */
	uint64_t interior;   /* interior steps among v */
};

enum path_from {
	PATH_STRONG, /* a root, through start pointers only: for what is reachable */
	PATH_ANY,    /* a root, interior pointers too: for what is possible */
	PATH_LEAK,   /* a definite leak, interior pointers too: for what is indirect */
};

/*
 * Paths to the used blocks block[0..n); path[i] is set for each. The pool keeps the steps. `reach`
 * is asked for the definite leaks only and may be NULL but for PATH_LEAK.
 */
void path_find(const struct core *core, const struct heap *heap, const struct roots *roots,
               const struct reach *reach, enum path_from from, const struct block *block, size_t n,
               struct pool *pool, struct path *path);

#endif
