/*
 * hole: which bytes of the core file occupy disk, and which pages of the dead process tell
 * anything. The kernel seeks over pages that were never touched (fs/coredump.c dump_user_range):
 * they need not be looked at.
 */
#include "formats/core.h"
#include "formats/zero.h"

#include <sys/mman.h>
#include <unistd.h>

#define LARGE (UINT64_C(64) << 20) /* bytes */
#define MOST  4096                 /* a process has 65530 mappings, unless it is told otherwise */

/*
 * Maps zeroes over large holes: whoever touches one there gets the page of zeroes that all share,
 * where the file's would be made for it, up to 2 MiB at a time.
 */
static void map_zeroes(const struct core *core)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0, n = 0; i < core->nholes && n < MOST; i++) {
		uint64_t start = round_up(core->hole[i].start, page);
		uint64_t end = round_down(core->hole[i].end, page);

		if (end < start || end - start < LARGE)
			continue;
		n++;
		if (mmap((uint8_t *)core->map + start, end - start, PROT_READ,
		         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		         0) != MAP_FAILED)
			madvise((uint8_t *)core->map + start, end - start, MADV_HUGEPAGE);
	}
}

void core_find_holes(struct core *core)
{
	ARRAY(struct hole) holes = { 0 };
	off_t at = 0, end = (off_t)core->file_size;

	while (at < end) {
		off_t hole = lseek(core->fd, at, SEEK_HOLE), data;

		if (hole < 0 || hole >= end)
			break;
		data = lseek(core->fd, hole, SEEK_DATA);
		if (data < 0 || data > end)
			data = end;
		if (data <= hole)
			break;
		array_push(&holes, ((struct hole){ (uint64_t)hole, (uint64_t)data }));
		at = data;
	}
	core->hole = holes.v;
	core->nholes = holes.n;
	core->sparse = holes.n > 0;
	map_zeroes(core);
}

#define AHEAD 16 /* pages */

/* Where the hole that holds this offset of the file ends; at itself where there is none. */
static uint64_t hole_end(const struct core *core, uint64_t at)
{
	size_t lo = first_behind(core->hole, core->nholes, end, at);

	return lo < core->nholes && core->hole[lo].start <= at ? core->hole[lo].end : at;
}

/* Bit of the page that holds this offset of the file. */
static bool is_noted(const struct core *core, uint64_t offset)
{
	uint64_t page = offset / core->page_size;

	return core->noted && core->noted[page >> 6] >> (page & 63) & 1;
}

void core_note_written(const struct core *core, vaddr at)
{
	const struct segment *s = core->noted ? core_segment(core, at) : NULL;
	uint64_t page;

	if (!s || at >= s->saved_end || !s->mem)
		return;
	page = (s->offset + (at - s->start)) / core->page_size;
	__atomic_fetch_or(&core->noted[page >> 6], UINT64_C(1) << (page & 63), __ATOMIC_RELAXED);
}

static uint64_t resident_in(const struct core *core, const struct segment *s, vaddr start,
                            vaddr end)
{
	uint64_t sum = 0;

	for (vaddr at = start; at < end;) {
		vaddr next = round_down(at, core->page_size) + core->page_size;
		uint64_t offset = s->offset + (at - s->start),
			 skip = hole_end(core, offset) - offset;

		if (skip >= end - at)
			break;
		if (skip >= next - at) {
			at = round_down(at + skip, core->page_size);
			continue;
		}
		if (next > end)
			next = end;
		if (is_noted(core, offset)) {
			sum += next - at;
			at = next;
			continue;
		}
		/* as a rule the first line of a page tells, and memory is slow at such steps */
		__builtin_prefetch(s->mem + (at - s->start) + AHEAD * core->page_size);
		if (!bytes_are_zero(s->mem + (at - s->start), next - at))
			sum += next - at;
		at = next;
	}
	return sum;
}

uint64_t core_resident(const struct core *core, vaddr start, vaddr end)
{
	uint64_t sum = 0;

	for (const struct segment *s = core_segment(core, start); start < end; s++) {
		vaddr from, to;

		if (!s) { /* start lies in a gap: go on at the next segment */
			size_t i = 0;

			while (i < core->nseg && core->seg[i].start < start)
				i++;
			s = core->seg + i;
		}
		if (s >= core->seg + core->nseg || s->start >= end)
			break;
		from = s->start > start ? s->start : start;
		to = s->saved_end < end ? s->saved_end : end;
		if (from < to)
			sum += resident_in(core, s, from, to);
		start = s->end;
	}
	return sum;
}
