/* The memory section of the report: every mapped byte under one heading, and malloc's totals. */
#include "analyzer/balance.h"
#include "analyzer/report.h"

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

static void add_lines(struct report_memory *m, const struct balance *b)
{
	for (int i = 0; i < OWNERS; i++) {
		const struct balance_line *l = &b->owner[i];

		if (l->bytes)
			m->ledger[m->nledger++] = (struct report_line){
				balance_owner_name((enum balance_owner)i), *l
			};
	}
	for (int i = 0; i < SHARINGS; i++)
		m->sharing[i] = (struct report_line){ balance_sharing_name((enum balance_sharing)i),
			                              b->sharing[i] };
}

static void add_regions(struct report_memory *m, struct analysis *a)
{
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
	m->mapped = b.total.bytes;
	m->resident = b.total.resident;
	m->saved = b.total.saved;
	add_lines(m, &b);
	m->heap = resident[HEADING_HEAP], m->space.heap = mapped[HEADING_HEAP];
	m->stacks = resident[HEADING_STACKS], m->space.stacks = mapped[HEADING_STACKS];
	m->files = resident[HEADING_FILES], m->space.files = mapped[HEADING_FILES];
	m->shared = resident[HEADING_SHARED], m->space.shared = mapped[HEADING_SHARED];
	m->anonymous = resident[HEADING_ANON], m->space.anonymous = mapped[HEADING_ANON];
	m->reserved = resident[HEADING_RESERVED], m->space.reserved = mapped[HEADING_RESERVED];
}

#define PINS 10

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

static void add_trims(struct report *report, struct analysis *a)
{
	struct report_fragmentation *f = &report->memory.fragmentation;
	const struct trims *t = analysis_trims(a);

	report->memory.trimmable = t->resident;
	f->runs = t->nruns;
	f->whole = t->whole;
	for (size_t i = 0; i < t->nruns; i++)
		f->from_top += t->run[i].top ? t->run[i].resident : 0;
	add_pins(report, a);
}

void report_add_memory(struct report *report, struct analysis *a)
{
	const struct heap *heap = analysis_heap(a);
	struct report_memory *m = &report->memory;

	*m = (struct report_memory){ 0 };
	add_regions(m, a);
	report->has_memory = true;
	if (!heap->nspans) { /* no malloc to speak of: its numbers are unknown */
		m->in_use = m->free_held = m->internal = m->trimmable = m->mmapped = ABSENT;
		m->in_use_blocks = m->free_blocks = m->arenas = ABSENT;
		m->heap = ABSENT;
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
