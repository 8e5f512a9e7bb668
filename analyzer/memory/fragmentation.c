/*
 * How free memory lies between what is in use: holes by size, and how much of each page of the
 * arenas is in use. One pass over all blocks, for commands that show it.
 */
#include "analyzer/report/report.h"

/* The page that the pass is in. */
struct occupancy {
	const struct core *core;
	struct report_fragmentation *out;
	vaddr page;    /* its start; 0: none */
	uint64_t used; /* bytes of chunks in use that lie in it */
};

static void count(struct occupancy *o, uint64_t used, uint64_t pages)
{
	uint64_t size = o->core->page_size;
	int class = used == 0      ? 0
	            : used >= size ? FRAGMENTATION_PAGES - 1
	                           : 1 + (int)(used * 4 / size);

	o->out->pages[class] += pages;
}

static void leave(struct occupancy *o)
{
	if (o->page)
		count(o, o->used, 1);
	o->page = o->used = 0;
}

/* Part of a page. A page that two chunks share holds a header, and so was resident. */
static void add_bytes(struct occupancy *o, vaddr start, vaddr end, bool used)
{
	vaddr page = round_down(start, o->core->page_size);

	if (start >= end)
		return;
	if (page != o->page) {
		leave(o);
		o->page = page;
	}
	o->used += used ? end - start : 0;
}

static void add_range(struct occupancy *o, vaddr start, vaddr end, bool used)
{
	uint64_t size = o->core->page_size;
	vaddr from = round_up(start, size), to = round_down(end, size);

	if (from >= to) {
		vaddr middle = from < end && from > start ? from : end;

		add_bytes(o, start, middle, used);
		add_bytes(o, middle, end, used);
		return;
	}
	add_bytes(o, start, from, used);
	count(o, used ? size : 0, core_resident(o->core, from, to) / size);
	add_bytes(o, to, end, used);
}

static void add_hole(struct report_fragmentation *out, uint64_t bytes)
{
	unsigned class = bytes < 2 ? 0 : 63u - (unsigned)__builtin_clzll(bytes);

	out->hole[class].blocks++;
	out->hole[class].bytes += bytes;
}

void report_add_fragmentation(struct report *report, struct analysis *a)
{
	const struct heap *heap = analysis_heap(a);
	struct report_fragmentation *out = &report->memory.fragmentation;
	struct occupancy o = { .core = a->core, .out = out };
	struct heap_iter it = { 0 };
	struct block b;

	out->detailed = true;
	while (heap_next(heap, &it, &b)) {
		vaddr chunk = b.addr - CHUNK_HEADER;

		if (b.span->kind == SPAN_MMAP)
			continue;
		if (b.id == UINT32_MAX) {
			add_range(&o, b.addr, b.addr + b.size, true);
			continue;
		}
		add_range(&o, chunk, chunk + block_chunk(&b), b.state != BLOCK_FREE);
		if (b.state == BLOCK_FREE && heap->arena[b.span->arena].top != chunk)
			add_hole(out, b.size);
	}
	leave(&o);
}
