/*
 * refmain: where the main arena lies once its break could not grow.
 *
 * glibc's sysmalloc() (malloc/malloc.c, 2.31 to 2.43) then maps whole pages, 1 MiB of them or, for
 * all but the first region of some releases, no more than the request needs. That makes the arena
 * non-contiguous for good (NONCONTIGUOUS_BIT in its flags), moves top there, and closes the region
 * that top leaves with two chunks of a bare header each (the fenceposts), the second with
 * PREV_INUSE. So a region is whole pages whose chunks lead from its first to such a pair at its
 * end, or to top. None of them is mmapped or of another arena, and none has the start of a live
 * block inside. All regions add up to the arena's system_mem.
 */
#include "refmark.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>

#define PAGE           UINT64_C(4096)
#define ALIGNMENT      UINT64_C(16)
#define NONCONTIGUOUS  2
#define PREV_INUSE     1
#define MMAPPED        2
#define NON_MAIN_ARENA 4

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/* A region's first chunk: its block, two words on, is aligned. */
static uint64_t first_chunk(uint64_t start)
{
	return round_up(start + 2 * core.width, ALIGNMENT) - 2 * core.width;
}

/* Does a live block start inside a chunk, where none can? */
static bool block_inside(uint64_t chunk, uint64_t size)
{
	uint64_t first = chunk + 2 * core.width;
	size_t lo = 0, hi = blocks;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (block[mid].address <= first)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < blocks && block[lo].address < first + size;
}

/* Where the region ends that starts at `start`; 0 where none does. */
static uint64_t region_end(const struct load *l, uint64_t start, uint64_t top)
{
	uint64_t w = core.width, at = first_chunk(start), head, next, size;

	for (; core_word(&core, at + w, &head); at += size) {
		size = head & ~UINT64_C(7);
		if ((head & (MMAPPED | NON_MAIN_ARENA)) != 0 || size > l->end - at)
			return 0;
		if (at == top)
			return at + size;
		if (size == 2 * w)
			return core_word(&core, at + 3 * w, &next) && next == (size | PREV_INUSE)
			               ? round_up(at + 4 * w, PAGE)
			               : 0;
		if (size < 4 * w || size % ALIGNMENT != 0 || block_inside(at, size))
			return 0;
	}
	return 0;
}

/* The regions that start in one mapping from an address on. */
static uint64_t regions_in(const struct load *l, uint64_t from, uint64_t top,
                           void (*found)(uint64_t start, uint64_t end))
{
	uint64_t sum = 0, end;

	for (uint64_t at = from; at < l->saved_end; at = end != 0 ? end : at + PAGE) {
		end = region_end(l, at, top);
		if (end > l->end)
			end = 0;
		if (end == 0)
			continue;
		found(at, end);
		sum += end - at;
	}
	return sum;
}

bool main_arena_scattered(uint64_t main_arena)
{
	return (core_must64(&core, main_arena) >> 32 & NONCONTIGUOUS) != 0;
}

void main_arena_regions(uint64_t main_arena, uint64_t arena_size, uint64_t top, uint64_t brk,
                        void (*found)(uint64_t start, uint64_t end))
{
	uint64_t system_mem = core_must(&core, main_arena + arena_size - 2 * core.width);
	const struct load *l = core_load(&core, brk);
	uint64_t of_brk = l != NULL ? regions_in(l, brk, top, found) : 0, sum = of_brk;

	for (int i = 0; i < core.loads; i++)
		if (&core.load[i] != l && (core.load[i].flags & PF_W) != 0)
			sum += regions_in(&core.load[i], core.load[i].start, top, found);
	fprintf(stderr, "refmark: main arena: %" PRIu64 " bytes of its break, %" PRIu64 " mapped\n",
	        of_brk, sum - of_brk);
	if (sum != system_mem)
		die("the main arena's regions have %" PRIu64 " bytes, and malloc counts %" PRIu64,
		    sum, system_mem);
}
