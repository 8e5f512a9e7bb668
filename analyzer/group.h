/*
 * group: used blocks folded by verdict, type and usable size, and for the heads of leaks what they
 * hold. It knows no fingerprint and no rendering.
 */
#ifndef ANALYZER_GROUP_H
#define ANALYZER_GROUP_H

#include "analyzer/reach.h"
#include "analyzer/type.h"

struct group {
	enum reach_class reach;
	uint64_t size;           /* usable bytes of each block */
	struct tally own;        /* its blocks */
	struct tally held;       /* definite: indirect blocks that are reached from its blocks */
	uint32_t label;          /* of its type; 0: unknown */
	const struct type *type; /* NULL: unknown */
	vaddr example;           /* lowest address of its blocks */
};

struct groups {
	struct group *v; /* sorted by verdict (definite first), then by size, then by type */
	size_t n;
};

/*
 * Folds the used blocks with one of the verdicts classes (1 << enum reach_class, or'ed), one pass
 * over the index (types may be NULL: no type is known); then, for definite ones and where there are
 * indirect blocks, one pass over the leaked ones. An indirect block that several heads reach counts
 * for the one with the lowest address. *out is owned by the caller: groups_free.
 */
void groups_make(const struct core *core, const struct heap *heap, const struct reach *reach,
                 const struct types *types, unsigned classes, struct groups *out);
void groups_free(struct groups *groups);

#endif
