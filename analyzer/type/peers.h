/*
 * peers: which other used blocks are like a few given ones: of the same type, or where that is not
 * known of the same size and shape (shape.h). One pass over the heap for all of them together.
 */
#ifndef ANALYZER_TYPE_PEERS_H
#define ANALYZER_TYPE_PEERS_H

#include "analyzer/reach/reach.h"
#include "analyzer/type/shape.h"
#include "analyzer/type/type.h"

#define PEERS_SHOWN 4

struct peers {
	struct block block;         /* whose peers; set by the caller, a used block */
	uint32_t label;             /* of its type; 0: unknown */
	struct shape shape;         /* its own */
	struct tally all;           /* itself not counted */
	uint64_t leaked;            /* of these: definite or indirect */
	vaddr example[PEERS_SHOWN]; /* lowest addresses */
	size_t n;                   /* of example */
};

void peers_find(const struct core *core, const struct heap *heap, const struct reach *reach,
                const struct types *types, struct peers *v, size_t n);

#endif
