/*
 * reach: conservative mark from the roots over used blocks, and the verdict for each block.
 *
 * reachable: from a root through start pointers. possible: only through a chain with an interior
 * pointer in it. definite: unreachable and held by no other unreachable block, or the chosen head
 * (lowest address) of an unreachable cycle. indirect: unreachable, held by another unreachable
 * block. Where roots are missing from the core, what is unreachable counts as possible.
 */
#ifndef ANALYZER_REACH_REACH_H
#define ANALYZER_REACH_REACH_H

#include "analyzer/reach/early.h"

enum reach_class {
	REACH_NONE, /* not a used block */
	REACH_REACHABLE,
	REACH_POSSIBLE,
	REACH_INDIRECT,
	REACH_DEFINITE,
	REACH_CLASSES
};
const char *reach_name(enum reach_class reach); /* "", "reachable", "possible", ... */

struct reach {
	uint64_t *strong, *weak, *head; /* bits by id: reachable, possible, definite */
	struct tally total[REACH_CLASSES];
	bool early;                  /* marking began with the heap's walk: early.h */
	bool withheld;               /* roots are missing: unreachable is called possible */
	struct tally withheld_tally; /* what would be unreachable, were the missing roots empty */
	uint64_t unread;             /* bytes of used blocks or roots that the core does not have */
	const struct heap *heap;
	uint64_t bits_bytes; /* of each bitmap */
};

/*
 * With up to threads threads (1 at least); the result is the same for any number. early: what was
 * marked during the heap's walk, from these roots; NULL: nothing was.
 */
void reach_mark(const struct core *core, const struct heap *heap, const struct roots *roots,
                unsigned threads, struct early *early, struct reach *out);
void reach_free(struct reach *reach);

/*
 * Blocks whose verdict is one of classes (1 << enum reach_class, or'ed), as bits by id, for
 * heap_next_set. Owned by the caller: mem_lazy_free with heap.bits_bytes.
 */
uint64_t *reach_bits(const struct reach *reach, unsigned classes);

/* The verdict for the block with this id. */
enum reach_class reach_of(const struct reach *reach, uint32_t id);

#endif
