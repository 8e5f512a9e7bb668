/*
 * below: what hangs on a block, two pointers deep, as sets of looks: which kinds of blocks there
 * are, not how many of each, as that differs from one leak of a kind to the next; nor, if that is
 * wanted, how large those are that hold no other. It knows nothing of which block is whose.
 */
#ifndef ANALYZER_GRAPH_BELOW_H
#define ANALYZER_GRAPH_BELOW_H

#include "analyzer/graph/graph.h"
#include "analyzer/leak/look.h"

struct below {
	const struct graph *graph;
	const uint32_t *look; /* by node: its look */
	const struct looks *looks;
	/* By look: the same without a size, for blocks that are content: that point to nothing in
	 * the graph, and are no smaller brother of one that does. NULL: sizes count for all. */
	const uint32_t *plain;
};

/* What hangs on a node, as hashes: of the kinds of its children; of their looks, and their own
 * children's. */
uint64_t below_kinds(const struct below *below, uint32_t node);
uint64_t below_looks(const struct below *below, uint32_t node);

/*
 * The same for people: "session{40} -> buf{1000}", "{40} -> {24} -> {64}". looks: with what the
 * second key tells; else, if kinds, with the kinds of children only; else "session{40} -> ...".
 * self: the look to be told of the node itself. content: "{3048-3336}", for blocks of unknown type
 * whose size is left out. Owned by pool.
 */
enum below_detail { BELOW_NOTHING, BELOW_KINDS, BELOW_LOOKS };
const char *below_text(const struct below *below, uint32_t node, const struct look *self,
                       enum below_detail detail, const char *content, struct pool *pool);

/* Bytes of the largest block right below that is content; 0: there is none of a certain size. */
uint64_t below_content(const struct below *below, uint32_t node);

/* "session{40}", "{40}", "text". Owned by pool. */
const char *look_text(const struct look *look, struct pool *pool);

#endif
