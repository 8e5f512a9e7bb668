/*
 * blockgraph: the blocks of a set as a graph for dominator.h: its nodes are ids, its edges the
 * words of the blocks (edge.h), kept where there is memory for them, else looked at in the core
 * whenever they are asked for. It knows no roots, no verdicts and no names.
 */
#ifndef ANALYZER_GRAPH_BLOCKGRAPH_H
#define ANALYZER_GRAPH_BLOCKGRAPH_H

#include "analyzer/graph/dominator.h"
#include "analyzer/graph/blockmap.h"

struct near_block {
	vaddr addr, end;  /* end 0: none of its words are looked at */
	const uint8_t *p; /* its bytes; NULL: not in one piece, or with holes */
	uint32_t id;
	bool known; /* or else only id and addr are */
};

#define BLOCKGRAPH_NEAR  8192 /* power of two: blocks whose places are remembered */
#define BLOCKGRAPH_FRESH 16   /* those that were pointed to last, power of two */

struct blockgraph {
	const struct core *core;
	const struct heap *heap;
	const uint64_t *set; /* bit by id */
	struct blockmap ids;
	vaddr lo, size; /* user addresses of the heap lie in [lo, lo + size) */
	struct near_block *near;
	struct near_block fresh[BLOCKGRAPH_FRESH];
	unsigned nfresh; /* in all; the last ones are kept */
	/* If edges are kept, else NULL: by id, where those of a block begin in `to`; their number
	 * behind the last */
	uint32_t *first;
	uint32_t *to; /* ids; none of a block to itself, and of the same twice in a row one */
	uint64_t room; /* of to: edges */
};

/*
 * set has to live as long as the graph: blocks that are in use, and of these any. Memory: what
 * blockmap.h needs. The caller ends with blockgraph_free.
 */
void blockgraph_make(const struct core *core, const struct heap *heap, const uint64_t *set,
                     struct blockgraph *out);
void blockgraph_free(struct blockgraph *graph);

/* Keeps the edges, if that takes no more memory than so many bytes: returns how many it does, 0:
 * they are not kept. */
uint64_t blockgraph_keep(struct blockgraph *graph, uint64_t memory);

/* most: blocks of the set. As long as graph lives. */
struct dominator_graph blockgraph_ask(struct blockgraph *graph, uint64_t most);

#endif
