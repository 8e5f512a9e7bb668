/*
 * imprint: what is in a block, brought down to eight lanes that can be compared: is the block at
 * this address still the one that was there before? It knows how contents differ, not what that
 * means (reuse.h).
 *
 *   lane 0 .. 4: words 0 .. 4, a lane each: free() writes into the first two, most identities
 *                (ids, keys, function and static pointers) are among these
 *   lane 5: words 5 .. 7    lane 6: words 8 .. 15    lane 7: words 16 .. 63; what follows is left
 * out
 *
 * A pointer into the heap, or into other anonymous memory that can be written to, counts as "a
 * pointer": where the blocks of a pair are given back and asked for again together, malloc hands
 * out the same two addresses, and what is left in a block from its life before looks like one.
 */
#ifndef ANALYZER_DIFF_IMPRINT_H
#define ANALYZER_DIFF_IMPRINT_H

#include "analyzer/site/siphash.h"
#include "heapwalk/heap.h"

#define IMPRINT_LANES    8
#define IMPRINT_WORDS    64
#define IMPRINT_PATTERNS (1u << IMPRINT_LANES) /* sets of lanes that agree */
#define IMPRINT_SAME     (IMPRINT_PATTERNS - 1)
#define IMPRINT_TARGETS  IMPRINT_PATTERNS /* a bit more: its pointers lead where they did */

struct imprint {
	uint64_t lane[IMPRINT_LANES];
};

/* False: not all of what it looks at is in the core. */
bool imprint_take(const struct core *core, const struct heap *heap, const struct block *block,
                  struct imprint *out);

/* Bit i: lane i agrees. */
unsigned imprint_compare(const struct imprint *a, const struct imprint *b);

/*
 * The same of two blocks of one size in two cores of one machine, without the imprints. What is not
 * in one of the cores does not speak against them. *equal: all of both was looked at, and is the
 * same.
 */
struct imprint_side {
	const struct core *core;
	const struct heap *heap;
	const struct block *block;
};
unsigned imprint_compare_blocks(const struct imprint_side *a, const struct imprint_side *b,
                                bool *equal);

/*
 * A number for what of the block an imprint looks at, all of the process's memory between the
 * heap's ends being one pointer: blocks that look alike have the same one. 0: not all is in the
 * core.
 */
uint64_t imprint_look(const struct imprint_side *side);

/*
 * To be kept in a report: eight bits a lane, hashed with a key that the report does not have
 * (instance.h) and with the block's address. Without the key, which only the core tells, nothing
 * can be tried against it, not even a guess at a short or likely content; and equal contents of two
 * blocks do not show.
 */
uint64_t imprint_seal(const struct imprint *imprint, const struct siphash_key *key, vaddr addr);
/* As imprint_compare, of two sealed at the same address with the same key. */
unsigned imprint_compare_sealed(uint64_t a, uint64_t b);

#endif
