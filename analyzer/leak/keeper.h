/*
 * keeper: which blocks hold most of what is in use: blocks that no other block dominates, with all
 * that goes with them, and where below them it accumulates. It knows no names.
 */
#ifndef ANALYZER_LEAK_KEEPER_H
#define ANALYZER_LEAK_KEEPER_H

#include "analyzer/reach/path.h"

#define KEEPERS 5

struct keeper {
	struct block block;
	struct tally retained; /* it, and what only it leads to */
	/* The accumulation point: down from block to the child that retains most, as long as that
	 * is 0.7 of its parent; block itself where that ends at once, or at what retains less than
	 * 0.7 of it. */
	struct block point;
	struct tally point_retained;
	/* What the point dominates immediately: how many blocks, and of which size most of what
	 * these retain hangs on: `of` of them, with `of_bytes` */
	uint64_t parts, of, of_size, of_bytes;
	uint64_t chain; /* steps down from block, each to what retains 0.7 of its parent or more */
	struct path path; /* a shortest one from a root to block */
};

/*
 * The blocks that retain most, KEEPERS at most and none that retains less than a 20th of what is in
 * use; returns how many. Leaked blocks are left out. memory: bytes that may be used; what is needed
 * beyond goes to a file (scratch.h), and what is not needed saves time: edges are kept
 * (blockgraph.h). pool keeps the paths.
 */
size_t keepers_find(const struct core *core, const struct heap *heap, const struct roots *roots,
                    const struct reach *reach, uint64_t memory, struct pool *pool,
                    struct keeper out[KEEPERS]);

#endif
