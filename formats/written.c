#include "formats/written.h"
#include "formats/crew.h"

#include <sys/mman.h>
#include <unistd.h>

#define AROUND 65536 /* bytes that Linux maps together where one is touched (fault_around_bytes) \
	              */

/*
 * Touches what is to be mapped: where the file's pages are in memory, this costs three quarters of
 * what MADV_POPULATE_READ does, which looks up each page once more (Linux 6.18, mm/gup.c).
 */
static void touch(const uint8_t *p, uint64_t bytes)
{
	const uint8_t *end = p + bytes;

	for (const uint8_t *at = p; at < end; at += AROUND - (uintptr_t)at % AROUND)
		(void)*(const volatile uint8_t *)at;
}

/* Index of the first segment that ends after at. */
static size_t segment_from(const struct core *core, vaddr at)
{
	size_t lo = first_behind(core->seg, core->nseg, end, at);

	return lo;
}

/* Index of the first hole that ends after this offset in the file. */
static size_t hole_from(const struct core *core, uint64_t offset)
{
	size_t lo = first_behind(core->hole, core->nholes, end, offset);

	return lo;
}

/* The first run in bytes [from, to) of the file. Holes never adjoin. */
static bool run_in(const struct core *core, uint64_t *from, uint64_t to, uint64_t *stop)
{
	size_t i = hole_from(core, *from);

	if (i < core->nholes && core->hole[i].start <= *from)
		*from = core->hole[i++].end;
	if (*from >= to)
		return false;
	*stop = i < core->nholes && core->hole[i].start < to ? core->hole[i].start : to;
	return true;
}

bool core_written(const struct core *core, vaddr *at, vaddr end, vaddr *stop)
{
	for (size_t i = segment_from(core, *at); i < core->nseg && core->seg[i].start < end; i++) {
		const struct segment *s = &core->seg[i];
		vaddr first = s->start > *at ? s->start : *at;
		vaddr last = s->saved_end < end ? s->saved_end : end;
		uint64_t from, to;

		if (!s->mem || first >= last)
			continue;
		from = s->offset + (first - s->start);
		if (!run_in(core, &from, s->offset + (last - s->start), &to))
			continue;
		*at = s->start + (from - s->offset);
		*stop = s->start + (to - s->offset);
		return true;
	}
	return false;
}

/* A page's start, in the mapping of a file, up to which at most so much is asked for at a time: the
 * kernel drops what goes beyond its read-ahead window (mm/readahead.c force_page_cache_ra). */
#define ASKED (UINT64_C(128) << 10)

static void ask(const uint8_t *p, uint64_t bytes, unsigned page)
{
	uint64_t lead = (uintptr_t)p & (page - 1);

	p -= lead;
	bytes += lead;
	for (uint64_t at = 0; at < bytes; at += ASKED)
		madvise((void *)(uintptr_t)(p + at), bytes - at < ASKED ? bytes - at : ASKED,
		        MADV_WILLNEED);
}

void core_will_want(const struct core *core, vaddr start, vaddr end)
{
	unsigned page = (unsigned)sysconf(_SC_PAGESIZE);

	for (vaddr stop, at = start; core->scarce && core_written(core, &at, end, &stop);
	     at = stop) {
		const uint8_t *p = core_at(core, at, stop - at);

		if (p)
			ask(p, stop - at, page);
	}
}

void core_will_read(const struct core *core, vaddr start, vaddr end)
{
	core_will_want(core, start, end);
	if (core->scarce)
		return;
	for (vaddr stop, at = start; core_written(core, &at, end, &stop); at = stop) {
		const uint8_t *p = core_at(core, at, stop - at);

		if (p)
			touch(p, stop - at);
	}
}

#define UNMAP_WORTH (UINT64_C(256) << 20) /* bytes that are worth a second thread */

static void unmap_rest(void *core)
{
	const struct core *c = core;
	uint64_t half = round_down(c->map_size / 2, UINT64_C(2) << 20);

	madvise((uint8_t *)c->map + half, c->map_size - half, MADV_DONTNEED);
}

void core_was_read(const struct core *core, unsigned threads)
{
	struct hand hand;

	if (threads < 2 || !core->map || core->map_size < UNMAP_WORTH ||
	    !hand_start(&hand, unmap_rest, (void *)(uintptr_t)core))
		return;
	madvise(core->map, round_down(core->map_size / 2, UINT64_C(2) << 20), MADV_DONTNEED);
	hand_wait(&hand);
}
