/*
 * interior: which pointers into the middle of blocks are how a program keeps them, and which may be
 * chance. A pointer to offset d is structural where
 *   - d is where many point: of the references to blocks of this size and type at least 8 and at
 *     least 2 in 100 go to d (a member, a node that is linked by its middle, a header in front), or
 *   - what stands in the block says so, as in valgrind's memcheck (--leak-check-heuristics): a
 *     reference-counted string, a length in front, an array of new[], a base class that is not the
 *     first, or an object of CPython behind its collector's links, or
 *   - debug information has at d, in the block's type, what pointers to d are to: a link in the
 *     middle of a node, or
 *   - the word that points there does so on purpose: of the words at this offset of blocks of the
 *     referrer's size and kind that point to blocks at least 8, and at least 9 in 10, point into
 * the middle of one, not all of them of the same (a table whose front is as long as it is).
 * Verdicts stay as they are (reach.h): this tells apart, among the blocks that are `possible`,
 * those that start pointers and structural ones alone lead to. It knows no names.
 */
#ifndef ANALYZER_REACH_INTERIOR_H
#define ANALYZER_REACH_INTERIOR_H

#include "analyzer/analysis.h"
#include "analyzer/type/rtti.h"

enum interior_kind {
	INTERIOR_WEAK,
	INTERIOR_SHARED, /* many point to this offset */
	INTERIOR_STRING, /* text behind length, capacity and references */
	INTERIOR_LENGTH, /* behind its own length */
	INTERIOR_ARRAY,  /* behind the number of its elements */
	INTERIOR_BASE,   /* a part of an object, with a vtable that says how far into it */
	INTERIOR_OBJECT, /* a CPython object */
	INTERIOR_MEMBER, /* a member of the block's type, or what is behind a header */
	INTERIOR_SOURCE, /* words in this place of such referrers point into the middle */
};

struct interior_verdict {
	enum interior_kind kind;
	/* References to this offset, and to all, of such blocks. INTERIOR_SOURCE: words in this
	 * place of such referrers that point into the middle, and to blocks at all. */
	uint64_t here, all;
};

struct interior;

/*
 * Two passes over what is reachable or possible. Owned by the caller: interior_free. The analysis
 * must outlive it.
 */
struct interior *interior_find(struct analysis *a);
void interior_free(struct interior *in); /* accepts NULL */

/* A word at bytes `at` of this block. */
struct interior_source {
	struct block block;
	uint64_t at;
};

/* A pointer to this offset (> 0) of this block, from there (NULL: from no block). */
struct interior_verdict interior_judge(struct interior *in, const struct interior_source *from,
                                       const struct block *b, uint64_t offset);

/* Is this block `possible`, and kept by structural pointers? */
bool interior_structural(const struct interior *in, uint32_t id);
struct tally interior_tally(const struct interior *in); /* of those */

/*
 * Words outside of the other possible blocks that point into the middle of these: without them all
 * of those would be unreachable. UINT64_MAX: more than 1,024.
 */
uint64_t interior_weak_words(const struct interior *in);

/* In words: "text of a counted string", ...; for INTERIOR_SHARED with its numbers. Of the pool. */
const char *interior_text(const struct interior_verdict *v, struct pool *pool);

#endif
