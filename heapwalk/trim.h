/*
 * trim: what malloc_trim(0) would give back to the system, by glibc's own rules, and what keeps it
 * from more. It knows what is free; whether the program could do without what is in use it does not
 * know.
 *
 * Source: glibc malloc/malloc.c mtrim, systrim, malloc_consolidate (unchanged from 2.8 on, but that
 * 2.43 has no fastbins left to consolidate):
 *   - chunks in fastbins are merged with the free chunks beside them, and with top; what waits in
 *     tcaches stays as it is;
 *   - of each free chunk but top, whole pages behind its first six words are returned
 *     (MADV_DONTNEED);
 *   - of the main arena's top all but MINSIZE and one byte, in whole pages (or huge pages, with the
 *     tunable glibc.malloc.hugetlb=1), if brk still ends where top does; other arenas' tops stay.
 * mmapped chunks are returned by free() itself.
 */
#ifndef HEAPWALK_TRIM_H
#define HEAPWALK_TRIM_H

#include "heapwalk/heap.h"

struct trim_run { /* whole pages */
	vaddr start, end;
	uint64_t resident; /* bytes, as core_resident tells: what RSS would shrink by */
	uint32_t arena;
	bool top; /* from the main arena's end; else from between blocks */
};

/*
 * What keeps a region from getting smaller at its end, so that free() itself would return memory:
 * the last chunk that is not free.
 */
struct trim_pin {
	const struct span *span;
	struct block block; /* addr 0: all of the region is free */
	bool cached;        /* the block is free, but a tcache has it */
	uint64_t above;     /* bytes between its chunk and the end of the region: free */
	uint64_t below;     /* free bytes right in front of it */
	uint32_t used;      /* blocks in use in the region */
};

struct trims {
	struct trim_run *run; /* sorted */
	size_t nruns;
	struct trim_pin *pin; /* one a region of an arena, by address */
	size_t npins;
	uint64_t *of_arena; /* resident bytes of runs, by arena */
	uint64_t resident;  /* of all runs: the best estimate */
	uint64_t whole;     /* bytes of all runs: where pages of zeroes were resident, too */
};

/* *out is owned by the caller: trims_free. */
void trims_find(const struct core *core, const struct heap *heap, struct trims *out);
void trims_free(struct trims *trims);

#endif
