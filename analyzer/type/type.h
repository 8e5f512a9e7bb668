/*
 * type: what blocks are, as far as evidence allows: one label of 16 bits per block that somebody
 * wants to know of, and the labels' meaning once. Typers propose, the strongest evidence wins; what
 * is below the bar stays unknown. It knows no evidence itself: see typing.h for who proposes.
 */
#ifndef ANALYZER_TYPE_TYPE_H
#define ANALYZER_TYPE_TYPE_H

#include "heapwalk/heap.h"

/* Below this confidence a proposal is refused: the share of assertions that have to be right. */
#define TYPE_BAR 0.9

struct type {
	const char *name;   /* as people write it: "Session", "std::string buffer" */
	const char *method; /* how it is known, one of the words of type.c's table of ranks */
	double confidence;  /* 0..1 */
};

/* Does it name what a program made, and not a container's part, text or an array? */
bool type_own(const struct type *type);

struct types;

/*
 * For the blocks of bits `wanted` (by id, heap.bits_bytes long; copied), of which none is known
 * yet. Owned by the caller: types_free.
 */
struct types *types_make(const struct heap *heap, const uint64_t *wanted);
void types_free(struct types *types); /* accepts NULL */

/* Is this block's type wanted? False for ids that are none (UINT32_MAX). */
bool types_want(const struct types *types, uint32_t id);

/* The blocks whose type is wanted, for heap_next_set. */
const uint64_t *types_wanted(const struct types *types);

/* Blocks whose type is known, for heap_next_set. */
const uint64_t *types_told(const struct types *types);

/* By block id. NULL: unknown, or not wanted. Lives as long as the store. */
const struct type *types_of(const struct types *types, uint32_t id);

/*
 * The same as a number: equal for equal types (name, method and confidence), 0 for unknown. It
 * depends on the order of proposals, and so tells nothing from run to run.
 */
uint32_t types_label(const struct types *types, uint32_t id);
/* Those of these n blocks will be asked for soon. */
void types_fetch(const struct types *types, const uint32_t *id, size_t n);
const struct type *types_by_label(const struct types *types, uint32_t label);

/*
 * A typer's proposal; its strings are copied where they are new. It is taken where nothing is known
 * yet, or where its method ranks higher than that of what is known, or equal and with more
 * confidence, or then with a name that sorts first: the order of proposals does not matter. True:
 * taken. At most 65,535 different types are kept; what comes beyond is refused.
 */
bool types_propose(struct types *types, uint32_t id, const struct type *type);

/* Where one proposal is made for many blocks: types_intern once, types_put for each. 0: refused. */
uint32_t types_intern(struct types *types, const struct type *type);
bool types_put(struct types *types, uint32_t id, uint32_t label);

/* How the method is known, in words: "its first word is the address of the class's vtable". */
const char *type_method_text(const char *method);

#endif
