/*
 * What a heap claims against what the file has. The index of blocks takes memory and time in
 * proportion to the addresses that the regions span (1.2 % of them), and a header or two can claim
 * terabytes that are holes of the file, or not in it at all. Real heaps are sparse, too, but of no
 * real one more than this is.
 */
#include "formats/written.h"
#include "heapwalk/walk.h"

#define ALLOWED (UINT64_C(16) << 30) /* bytes that regions may span in any case */
#define SHARE   64                   /* and for each byte that the file has */

static uint64_t bytes_present(const struct core *core)
{
	uint64_t bytes = core->file_size;

	for (size_t i = 0; i < core->nholes; i++)
		bytes -= core->hole[i].end - core->hole[i].start;
	return bytes;
}

#define LEAST 4096 /* bytes that are left to a region */

/* Where the last page ends of [start, limit) that is no hole. */
static vaddr present_end(const struct core *core, vaddr start, vaddr limit)
{
	vaddr end = start + LEAST;

	for (vaddr stop, at = start; core_written(core, &at, limit, &stop); at = stop)
		end = stop;
	return end;
}

/* Leaves the region no more than room. */
static void cut(struct walk *w, struct region *r, uint64_t room)
{
	vaddr was = r->limit, end;

	r->limit = end = present_end(w->core, r->start, round_down(r->start + room, LEAST));
	if (range_holds(r->start, end, r->top, CHUNK_HEADER))
		w->arenas.v[r->arena].top_size = r->top_size = end - r->top;
	walk_find(
		w, "claim", r->start + CHUNK_HEADER, true,
		"the heap at 0x%llx claims %llu bytes, out of all proportion to the core's file: "
		"a size was overwritten, or the core made up; what lies behind 0x%llx is left out",
		(unsigned long long)r->start, (unsigned long long)(was - r->start),
		(unsigned long long)end);
}

void regions_bound(struct walk *w)
{
	uint64_t left = ALLOWED, present = bytes_present(w->core);

	left += present < UINT64_MAX / SHARE - ALLOWED ? present * SHARE : UINT64_MAX / 2;
	for (size_t i = 0; i < w->regions.n; i++) {
		struct region *r = &w->regions.v[i];

		if (r->kind == SPAN_MMAP || r->limit <= r->start)
			continue;
		if (r->limit - r->start > left && r->limit - r->start > LEAST)
			cut(w, r, left);
		left -= r->limit - r->start < left ? r->limit - r->start : left;
	}
}
