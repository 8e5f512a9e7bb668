/*
 * held: the structure of leaks: the leaked blocks as a graph, and which head each of them hangs on.
 * A head is a definite block. What only one head leads to is its own, what several lead to is
 * shared; each leaked block is a head, or one head's own, or shared, so that the bytes of all
 * heads, of what they own, and of what is shared add up to all that is leaked.
 */
#ifndef ANALYZER_REACH_HELD_H
#define ANALYZER_REACH_HELD_H

#include "analyzer/graph/cluster.h"
#include "analyzer/reach/reach.h"

/* The head of a ring is the block with the lowest address; this one tells more of what it is. */
struct held_face {
	uint32_t head, face; /* nodes */
};

struct held {
	uint64_t *set; /* bit by id: the leaked blocks, which are the graph's nodes by address */
	uint64_t bits_bytes;
	struct graph graph;
	struct clusters clusters;
	struct held_face *face; /* sorted by head; those whose face is another block */
	size_t nfaces;
};

/*
 * named: bit by id: blocks that say what they are; they are the faces of rings that have some.
 * Memory: 12 bytes a leaked block and 4 a pointer; while it is made up to 8 more a block that hangs
 * in a long chain. False: there are too many pointers (graph.h). *out is owned by the caller:
 * held_free.
 */
bool held_find(const struct core *core, const struct heap *heap, const struct reach *reach,
               const uint64_t *named, struct held *out, struct err *err);
void held_free(struct held *held);

/* The block that tells what a head is: itself, or that of its ring which most hangs on. */
uint32_t held_face(const struct held *held, uint32_t head);

#endif
