/* The memory section of the report: every mapped byte under one heading, and malloc's totals. */
#include "analyzer/memory/balance.h"
#include "analyzer/report/report.h"

#include <stdlib.h>

enum heading {
	HEADING_HEAP,
	HEADING_STACKS,
	HEADING_FILES,
	HEADING_SHARED,
	HEADING_ANON,
	HEADING_RESERVED /* for arenas to grow into, or without access rights */,
	HEADINGS
};

static enum heading heading_of(enum ledger_kind kind)
{
	switch (kind) {
	case LEDGER_HEAP:
	case LEDGER_ARENA:
	case LEDGER_MMAPPED:
		return HEADING_HEAP;
	case LEDGER_STACK:
	case LEDGER_GUARD:
		return HEADING_STACKS;
	case LEDGER_TEXT:
	case LEDGER_RODATA:
	case LEDGER_DATA:
	case LEDGER_BSS:
	case LEDGER_FILE:
		return HEADING_FILES;
	case LEDGER_SHARED:
		return HEADING_SHARED;
	case LEDGER_RESERVE:
	case LEDGER_NONE:
		return HEADING_RESERVED;
	case LEDGER_ANON:
	case LEDGER_VDSO:
	case LEDGER_VVAR:
	case LEDGER_KINDS:
		break;
	}
	return HEADING_ANON;
}

static void add_lines(struct report *report, const struct core *core, const struct balance *b)
{
	struct report_memory *m = &report->memory;
	const struct filemap *named = core_file(core, b->busiest[OWNER_SHARED].start);

	m->mapped = b->total.bytes;
	m->resident = b->total.resident;
	m->saved = b->total.saved;
	memcpy(m->ledger, b->owner, sizeof(m->ledger));
	memcpy(m->sharing, b->sharing, sizeof(m->sharing));
	memcpy(m->facts.busiest, b->busiest, sizeof(m->facts.busiest));
	memcpy(m->facts.idlest, b->idlest, sizeof(m->facts.idlest));
	m->facts.live_stacks = b->stacks.live;
	m->facts.exited_stacks = b->stacks.exited;
	m->facts.stack_size = b->stacks.size;
	m->facts.stack_deepest = b->stacks.deepest;
	m->facts.shared_path = named ? named->path : NULL;
}

static void add_regions(struct report *report, struct analysis *a)
{
	struct report_memory *m = &report->memory;
	uint64_t mapped[HEADINGS] = { 0 }, resident[HEADINGS] = { 0 };
	struct ledger ledger;
	struct balance b;

	ledger_make(a->core, analysis_modules(a), analysis_heap(a), analysis_stacks(a), &ledger);
	balance_make(a->core, a->heap, &a->stacks, &ledger, &b);
	ledger_free(&ledger);
	for (int kind = 0; kind < LEDGER_KINDS; kind++) {
		enum heading to = heading_of((enum ledger_kind)kind);

		mapped[to] += b.mapped[kind];
		resident[to] += b.resident[kind];
	}
	add_lines(report, a->core, &b);
	m->heap = resident[HEADING_HEAP], m->space.heap = mapped[HEADING_HEAP];
	m->stacks = resident[HEADING_STACKS], m->space.stacks = mapped[HEADING_STACKS];
	m->files = resident[HEADING_FILES], m->space.files = mapped[HEADING_FILES];
	m->shared = resident[HEADING_SHARED], m->space.shared = mapped[HEADING_SHARED];
	m->anonymous = resident[HEADING_ANON], m->space.anonymous = mapped[HEADING_ANON];
	m->reserved = resident[HEADING_RESERVED], m->space.reserved = mapped[HEADING_RESERVED];
}

#define PINS       10
#define LARGE_HOLE (UINT64_C(128) << 10) /* DEFAULT_MMAP_THRESHOLD_MIN: such blocks are mmapped */

static int by_before(const void *a, const void *b)
{
	const struct report_pin *x = a, *y = b;

	if (x->before != y->before)
		return x->before > y->before ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void add_pins(struct report *report, const struct analysis *a)
{
	static const char *const states[] = { "used", "free", "internal" };
	struct report_fragmentation *f = &report->memory.fragmentation;
	const struct trims *t = &a->trims;

	f->pin = pool_alloc(&report->pool, (t->npins + 1) * sizeof(*f->pin));
	for (size_t i = 0; i < t->npins; i++) {
		const struct trim_pin *p = &t->pin[i];
		const struct type *type = a->types ? types_of(a->types, p->block.id) : NULL;

		f->pin[f->npins++] = (struct report_pin){
			.arena = p->span->arena,
			.start = p->span->own_start,
			.end = p->span->end,
			.address = p->block.addr,
			.size = p->block.size,
			.state = states[p->block.state],
			.type = p->block.addr && type ? type->name : NULL,
			.behind = p->above,
			.before = p->below,
			.used_blocks = p->used,
		};
	}
	if (f->npins)
		qsort(f->pin, f->npins, sizeof(*f->pin), by_before);
	if (f->npins > PINS)
		f->npins = PINS;
}

/* What waits to be reused, and cannot go back by itself. */
static void add_facts(struct report_memory *m, const struct heap *heap, const struct trims *t)
{
	const struct instance *in = &heap->instance[0];
	struct report_facts *f = &m->facts;
	uint64_t tops = m->ledger[OWNER_TOP].resident;

	for (size_t i = 0; i < t->nruns; i++) {
		const struct trim_run *run = &t->run[i];

		if (!run->top && run->end - run->start >= LARGE_HOLE) {
			f->large_holes++;
			f->large_holes_bytes += run->resident;
		}
		f->main_top += run->top ? run->resident : 0;
	}
	for (size_t i = 0; i < heap->narenas; i++) {
		f->thread_arenas += !heap->arena[i].main;
		f->thread_arenas_free += heap->arena[i].main ? 0 : t->of_arena[i];
	}
	if (f->thread_arenas)
		f->thread_arenas_free += tops > f->main_top ? tops - f->main_top : 0;
	if (in->par && in->parl) {
		f->trim_threshold = in->trim_threshold;
		f->mmap_threshold = in->mmap_threshold;
		f->arena_max = in->arena_max;
	}
}

static void add_trims(struct report *report, struct analysis *a)
{
	struct report_fragmentation *f = &report->memory.fragmentation;
	const struct trims *t = analysis_trims(a);

	report->memory.trimmable = t->resident;
	f->runs = t->nruns;
	f->whole = t->whole;
	add_facts(&report->memory, a->heap, t);
	for (size_t i = 0; i < t->nruns; i++)
		f->from_top += t->run[i].top ? t->run[i].resident : 0;
	add_pins(report, a);
}

void report_add_memory(struct report *report, struct analysis *a)
{
	const struct heap *heap = analysis_heap(a);
	struct report_memory *m = &report->memory;

	*m = (struct report_memory){ 0 };
	m->facts.trim_threshold = m->facts.mmap_threshold = m->facts.arena_max = ABSENT;
	add_regions(report, a);
	report->has_memory = true;
	if (!heap->nspans) { /* no malloc to speak of: its numbers are unknown */
		m->in_use = m->free_held = m->internal = m->trimmable = m->mmapped = ABSENT;
		m->in_use_blocks = m->free_blocks = m->arenas = ABSENT;
		m->heap = m->space.heap = ABSENT;
		return;
	}
	m->in_use = heap->total[BLOCK_USED].bytes;
	m->in_use_blocks = heap->total[BLOCK_USED].blocks;
	m->free_held = heap->total[BLOCK_FREE].bytes;
	m->free_blocks = heap->total[BLOCK_FREE].blocks;
	m->internal = heap->total[BLOCK_INTERNAL].bytes;
	m->mmapped = heap->mmapped.bytes;
	m->arenas = heap->narenas;
	add_trims(report, a);
}
