/*
 * group: used blocks folded into what a reader takes for one thing: by verdict (the possible ones
 * by how they are kept), type and usable size, the heads of leaks also by what hangs on them. And
 * what heads hold alone, and what together with others. It knows no fingerprint and no rendering.
 */
#ifndef ANALYZER_LEAK_GROUP_H
#define ANALYZER_LEAK_GROUP_H

#include "analyzer/graph/below.h"
#include "analyzer/reach/interior.h"
#include "analyzer/reach/reach.h"
#include "analyzer/type/type.h"

struct origin;
struct origins;

#define GROUP_UNKNOWN UINT64_MAX /* a number that is not known */

struct group {
	enum reach_class reach;
	bool structural;     /* possible: by structural pointers, if that was asked for */
	uint64_t size;       /* usable bytes of each block; GROUP_UNKNOWN: they differ */
	struct tally own;    /* its blocks */
	struct tally held;   /* definite: what hangs on one of its blocks and on no other head */
	struct tally shared; /* definite: what hangs on its blocks and on other heads as well */
	uint64_t sharers;  /* heads that these hang on, its own among them; both GROUP_UNKNOWN where
	                      it would take too long to find out */
	const char *type;  /* NULL: unknown */
	double confidence; /* of the type */
	uint64_t key;      /* hash of type, size and what hangs on its blocks, as far as these are
	                      the same for all: the same in every run */
	const char *signature;             /* "session{40} -> buf{1000}" */
	const struct origin *origin;       /* its blocks' stack, origin.h; NULL: not known */
	double stand_for, stand_for_bytes; /* of a sample: the blocks that these stand for */
	vaddr example;                     /* lowest address of its blocks */
	vaddr *pick; /* some of its blocks, pick.h; NULL: none was picked */
	size_t npicks;
};

struct groups {
	struct group *v; /* sorted by verdict (definite first), size, type, signature, example */
	size_t n;
	struct tally shared; /* what hangs on several heads, whichever group's */
	uint64_t sharers;    /* heads that something shared hangs on */
	/* private */
	struct pool pool;
};

enum group_by {
	GROUP_BY_ALL,
	GROUP_BY_TYPE,
	GROUP_BY_SIZE,
	GROUP_SIZES, /* by size, and held and shared stay 0: for tallies */
};

struct grouping {
	const struct core *core;
	const struct heap *heap;
	const struct reach *reach;
	const struct types *types;       /* NULL: no type is known */
	struct origins *origins;         /* NULL: no stack is known */
	const struct interior *interior; /* tells possible ones apart; NULL: nothing does */
	unsigned classes;                /* verdicts to fold: 1 << enum reach_class, or'ed */
	enum group_by by;
};

/*
 * One pass over the index; then, for definite blocks and where there are indirect ones, the graph
 * of what is leaked (held.h), with 8 bytes a leaked block more. Where that has too many edges, held
 * and shared are unknown. *out is owned by the caller: groups_free; names of types stay those of
 * types.
 */
void groups_make(const struct grouping *grouping, struct groups *out);
void groups_free(struct groups *groups);

#endif
