#include "analyzer/process/thread_report.h"

#include "formats/unwind.h"

#define FRAMES_MAX 65536

struct listing {
	struct report *report;
	struct analysis *a;
	struct frame *frame; /* room for max, used for one thread after the other */
	size_t max;
	bool registers;
};

void report_frame_name(struct analysis *a, vaddr pc, bool call_site, struct report_frame *row)
{
	struct symbol s;

	module_symbol(a->core, analysis_modules(a), pc, call_site, &s);
	*row = (struct report_frame){ .pc = pc,
		                      .function = s.name,
		                      .offset = s.name ? s.offset : ABSENT,
		                      .line = ABSENT,
		                      .module = s.module ? s.module->path : NULL,
		                      .module_offset = s.module ? s.module_offset : ABSENT };
	if (s.name && s.raw != s.name)
		row->symbol = s.raw;
	if (s.file) {
		row->file = s.file;
		row->line = (uint64_t)s.line;
	}
}

static void add_frame(struct listing *l, const struct frame *f, struct report_frame *row)
{
	report_frame_name(l->a, f->pc, !f->activation && !f->trampoline, row);
	if (!f->trampoline)
		return;
	row->function = FRAME_TRAMPOLINE;
	row->symbol = row->file = NULL;
	row->offset = row->line = ABSENT;
}

static void add_backtrace(struct listing *l, size_t thread, struct report_thread *row)
{
	size_t n = unwind_thread(l->a->core, &l->a->modules, thread, l->frame, l->max, &row->stop);

	row->frame = pool_alloc(&l->report->pool, n * sizeof(*row->frame));
	row->nframes = n;
	for (size_t i = 0; i < n; i++)
		add_frame(l, &l->frame[i], &row->frame[i]);
}

static void add_registers(struct listing *l, const struct thread *t, struct report_thread *row)
{
	const struct machine *m = l->a->core->machine;

	row->reg = pool_alloc(&l->report->pool, m->nshown * sizeof(*row->reg));
	for (size_t i = 0; i < m->nshown; i++) {
		unsigned index = m->shown[i];

		if (index >= m->nsaved && !t->regs[index])
			continue; /* its note is not there */
		row->reg[row->nregs++] = (struct report_register){ m->reg[index], t->regs[index] };
	}
}

static void add_stack(struct listing *l, size_t thread, struct report_thread *row)
{
	const struct stacks *stacks = analysis_stacks(l->a);
	const struct stack *s;

	if (stacks->of_thread[thread] >= STACK_AMONG)
		return;
	s = &stacks->v[stacks->of_thread[thread]];
	row->stack_start = s->start + s->guard;
	row->stack_end = s->end;
	if (!s->foreign_sp) /* else how far down it was used when it was left is not known */
		row->stack_used = s->end - s->used;
	row->stack_resident = core_resident(l->a->core, s->start, s->end);
}

static void add_tcache(struct listing *l, size_t thread, struct report_thread *row)
{
	const struct heap *heap = analysis_heap(l->a);

	for (size_t i = 0; i < heap->ntcaches; i++) {
		if (heap->tcache[i].thread != (int)thread)
			continue;
		if (row->tcache_blocks == ABSENT)
			row->tcache_blocks = row->tcache_bytes = 0;
		row->tcache_blocks += heap->tcache[i].entries;
		row->tcache_bytes += heap->tcache[i].bytes;
	}
}

/*
 * A core has one name, the process's, which is its first thread's. The kernel writes the fatal
 * signal into every thread's note (fs/binfmt_elf.c, fill_prstatus): only one of them got it.
 */
static void add_thread(struct listing *l, size_t i)
{
	const struct core *core = l->a->core;
	const struct thread *t = &core->thread[i];
	uint32_t arena;
	struct report_thread row = {
		.tid = (uint64_t)(uint32_t)t->tid,
		.name = t->tid == core->pid && core->comm[0] ? core->comm : NULL,
		.current = i == 0,
		.signal = i == 0 || core->kind == CORE_GCORE ? t->signal : 0,
		.pc = thread_pc(core, i),
		.sp = thread_sp(core, i),
		.tls = analysis_heap(l->a)->tp[i],
		.stack_used = ABSENT,
		.stack_resident = ABSENT,
		.arena = ABSENT,
		.tcache_blocks = ABSENT,
		.tcache_bytes = ABSENT,
	};

	arena = analysis_heap(l->a)->thread_arena[i];
	if (arena != UINT32_MAX)
		row.arena = arena;
	add_stack(l, i, &row);
	add_tcache(l, i, &row);
	add_backtrace(l, i, &row);
	if (l->registers)
		add_registers(l, t, &row);
	array_push(&l->report->threads, row);
}

void report_add_threads(struct report *report, struct analysis *a, uint64_t frames, bool registers)
{
	struct listing l = { .report = report, .a = a, .registers = registers };

	analysis_modules(a);
	l.max = frames && frames < FRAMES_MAX ? (size_t)frames : FRAMES_MAX;
	l.frame = mem_alloc(l.max, sizeof(*l.frame));
	for (size_t i = 0; i < a->core->nthreads; i++)
		add_thread(&l, i);
	mem_free(l.frame);
	report->has_threads = true;
	report_warn_files(report, a);
}
