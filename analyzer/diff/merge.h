/*
 * merge: the used blocks of two cores of one process, side by side, and what is known of each pair
 * meanwhile: what survival_exact.c finds out and survival_count.c adds up. It decides nothing.
 */
#ifndef ANALYZER_DIFF_MERGE_H
#define ANALYZER_DIFF_MERGE_H

#include "analyzer/diff/group_index.h"
#include "analyzer/diff/survival.h"

#define MERGE_PIECE (1u << 16) /* ids that one thread looks at, at a time; a multiple of 64 */

struct merge_side { /* one of the two cores */
	const struct core *core;
	const struct heap *heap;
	const struct reach *reach;
	const struct types *types;
	struct group_index index;
};

struct merge {
	struct merge_side old, new;
	const struct profile *profile; /* the newer one */
	const struct survival *last;
	unsigned threads;
	/* by id of the newer heap: */
	uint16_t *pattern; /* lanes that agree with what was there before, and that it is a pair */
	uint16_t *kin_of;  /* of pairs: index into kin */
	uint64_t *other;   /* bits: not the block that was there before */
	uint64_t *sure;    /* bits: the same block */
	uint64_t *many;    /* bits: of a pair, and many blocks look like it */
	uint64_t *same;    /* bits: to the byte what was there before */
	uint64_t *asked;   /* bits: who holds it matters */
	uint64_t *met;     /* bits by id of the older heap: of a pair */
	struct kin *kin;   /* of each two: of blocks that look like no other, of those that do */
	size_t nkin;
	size_t bits, old_bits; /* bytes of each of the bitmaps */
};

static inline size_t merge_ids(const struct merge_side *side)
{
	return (size_t)side->heap->nchunks + 1;
}

/* Pieces of ids of a side, for crew_share. */
static inline size_t merge_pieces(const struct merge_side *side)
{
	return side->heap->nchunks / MERGE_PIECE + 1;
}

/* The id behind the last one of the pieces in front of this one. */
static inline uint32_t merge_end(const struct merge_side *side, size_t piece)
{
	uint32_t chunks = side->heap->nchunks;

	return piece > chunks / MERGE_PIECE ? chunks : (uint32_t)(piece * MERGE_PIECE);
}

/* The used block of this size at the same address in the older core. */
static inline bool merge_old(const struct merge *m, const struct block *new, struct block *old)
{
	return heap_find(m->old.heap, new->addr, old) && old->addr == new->addr &&
	       old->size == new->size && old->state == BLOCK_USED;
}

/* Its group, PROFILE_NO_GROUP: none; near: as group_index_near. */
static inline uint32_t merge_group(const struct merge_side *side, const struct block *b,
                                   struct group_near *near)
{
	const struct type *type = types_of(side->types, b->id);

	return group_index_near(&side->index, reach_of(side->reach, b->id), b->size,
	                        type ? type->name : NULL, near);
}

/* Counts what became of each block of both, and marks it. */
void survival_count(struct merge *m, struct survival *s);

#endif
