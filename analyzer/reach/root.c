#include "analyzer/reach/root.h"
#include "analyzer/site/exact.h"
#include "analyzer/reach/getrandom.h"
#include "formats/untouched.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

struct lists {
	const struct core *core;
	const struct heap *heap;
	const struct stacks *stacks;
	ARRAY(struct owned) barred; /* sorted: what is no root although it is writable */
	ARRAY(struct root) roots;
	ARRAY(struct root_register) regs;
	ARRAY(struct root_missing) missing;
	uint64_t want[ROOT_KINDS], have[ROOT_KINDS]; /* bytes */
	struct getrandom random;
};

/* ---- registers ---- */

static void add_word(struct lists *l, size_t t, uint64_t word, const char *fmt, unsigned i,
                     unsigned k)
{
	struct root_register r = { .value = core_pointer(l->core, word), .thread = (int)t };

	if (!r.value)
		return;
	snprintf(r.name, sizeof(r.name), fmt, i, k);
	array_push(&l->regs, r);
}

static void add_general(struct lists *l, size_t t)
{
	const struct machine *m = l->core->machine;

	for (unsigned i = 0; i < m->nregs; i++)
		add_word(l, t, l->core->thread[t].regs[i], m->reg[i], 0, 0);
}

static void add_vectors(struct lists *l, size_t t, const uint8_t *p, const char *name,
                        unsigned first, unsigned count, unsigned words, unsigned from)
{
	unsigned word = l->core->machine->word;

	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < words; k++)
			add_word(l, t, load_word(p + word * (i * words + k), word), name, first + i,
			         from + k);
}

/*
 * XSAVE area, standard format: legacy area with xmm at 160, header at 512 (xstate_bv: what is not
 * in its initial state), upper halves of ymm at 576 (Intel SDM vol. 1, 13.4). Where the AVX-512
 * parts lie differs: with MPX's place kept (Intel) or not (AMD); the size tells.
 */
static void add_xstate(struct lists *l, size_t t, const uint8_t *p, size_t size)
{
	uint64_t bv = size >= 576 ? load64(p + 512) : 0;
	size_t zmm = size >= 2688 ? 1152 : 896;
	unsigned count = l->core->machine->vectors.count, two = 16 / l->core->machine->word;

	if (size >= 832 && (bv & 4))
		add_vectors(l, t, p + 576, "ymm%u[%u]", 0, count, two, two);
	if (size >= zmm + 512 && (bv & 64))
		add_vectors(l, t, p + zmm, "zmm%u[%u]", 0, count, 2 * two, 2 * two);
	if (size >= zmm + 512 + 1024 && (bv & 128) && count > 8) /* what 64-bit code has more */
		add_vectors(l, t, p + zmm + 512, "zmm%u[%u]", 16, 16, 4 * two, 0);
}

/*
 * struct user_sve_header: size of all, of what could be, vector length in bytes, flags; flag 1: the
 * registers follow in full, 32 of one vector length each, whose low halves NT_FPREGSET has, too
 * (Linux arch/arm64/include/uapi/asm/ptrace.h).
 */
static void add_sve(struct lists *l, size_t t, const uint8_t *p, size_t size)
{
	unsigned length = size >= 16 ? load16(p + 8) : 0, words = length / 8;

	if (words <= 2 || length > 256 || !(load16(p + 12) & 1) || size < 16 + 32 * length)
		return;
	for (unsigned i = 0; i < 32; i++)
		add_vectors(l, t, p + 16 + i * length + 16, "z%u[%u]", i, 1, words - 2, 2);
}

/* ---- what is missing ---- */

static void miss(struct lists *l, vaddr start, vaddr end, enum root_kind kind, int thread,
                 const char *file, const char *why)
{
	struct root_missing m = { start, end, kind, thread, file, why };

	array_push(&l->missing, m);
}

/* Vector registers can hold the only copy of a pointer. */
static void add_registers(struct lists *l, size_t t)
{
	const struct thread *th = &l->core->thread[t];
	const struct machine_vectors *v = &l->core->machine->vectors;
	size_t need = v->offset + (size_t)l->core->machine->word * v->count * v->words;
	bool xsave = l->core->machine->wide == WIDE_XSAVE;

	add_general(l, t);
	if (th->fpregs_size >= need)
		add_vectors(l, t, th->fpregs + v->offset, v->name, 0, v->count, v->words, 0);
	else if (xsave && th->wide_size >= need) /* it begins with the same */
		add_vectors(l, t, th->wide + v->offset, v->name, 0, v->count, v->words, 0);
	else
		miss(l, 0, 0, ROOT_REGISTER, (int)t, NULL, ROOT_NO_VECTORS);
	if (th->wide)
		(xsave ? add_xstate : add_sve)(l, t, th->wide, th->wide_size);
}

/*
 * A thread without a stack of its own: it lies among other memory, which is a root by itself, or
 * nothing but the registers is known: at least a page of stack and of TLS is missing.
 */
static void without_stack(struct lists *l, size_t t)
{
	uint64_t page = l->core->page_size;
	vaddr at = round_down(thread_sp(l->core, t), page);

	/* gdb writes zeroes for what it could not read */
	if (l->stacks->of_thread[t] == STACK_AMONG && core_resident(l->core, at, at + page))
		return;
	l->want[ROOT_STACK] += l->core->page_size;
	l->want[ROOT_TLS] += l->core->page_size;
	miss(l, 0, 0, ROOT_STACK, (int)t, NULL, "its stack is not in the core");
}

/* ---- ranges ---- */

/* Adds [start, end) as far as it is saved; what is not is missing. */
static void add_saved(struct lists *l, const struct root *what, const char *why)
{
	unsigned word = l->core->machine->word;
	vaddr at = round_up(what->start, word), end = round_down(what->end, word);

	if (at >= end)
		return;
	l->want[what->kind] += end - at;
	while (at < end) {
		const struct segment *s = core_segment(l->core, at);
		struct root r = *what;

		if (!s || at >= s->saved_end) {
			vaddr stop = s && s->end < end ? s->end : end;

			if (s && what->thread < 0 &&
			    (untouched_plainly(l->core, s) ||
			     getrandom_holds(l->core, &l->random, s)))
				l->want[what->kind] -= stop - at;
			else
				miss(l, at, stop, what->kind, what->thread, what->file,
				     s && s->meant_end > s->saved_end ? "cut off" : why);
			at = stop;
			continue;
		}
		r.start = at;
		r.end = s->saved_end < end ? s->saved_end : end;
		l->have[what->kind] += r.end - r.start;
		array_push(&l->roots, r);
		at = r.end;
	}
}

static void add_stack(struct lists *l, const struct stack *s)
{
	struct root r = { .start = s->used,
		          .end = s->end,
		          .thread = s->thread,
		          .kind = s->thread < 0 ? ROOT_ANON : ROOT_STACK };
	bool zeroed = !s->saved && core_at(l->core, round_down(s->used, 8), 8);

	if (zeroed) {
		l->want[ROOT_STACK] += s->end - s->used;
		l->want[ROOT_TLS] += s->main ? 0 : l->core->page_size; /* in there too */
		miss(l, s->used, s->end, ROOT_STACK, s->thread, NULL, "zeroed by gdb");
		return;
	}
	if (s->thread >= 0 && s->tls > s->used && s->tls < s->end) {
		r.end = s->tls;
		add_saved(l, &r, "not saved");
		r = (struct root){
			.start = s->tls, .end = s->end, .kind = ROOT_TLS, .thread = s->thread
		};
	}
	add_saved(l, &r, "not saved");
}

/*
 * A thread's TLS outside its stack, as the main thread's: a mapping like others, or malloc's (in a
 * static executable). Here only the word at the thread pointer counts, for the share that is there.
 */
static void count_tls(struct lists *l, const struct heap *heap, const struct stack *s)
{
	vaddr tp = s->thread >= 0 ? heap->tp[s->thread] : 0;

	if (!tp || (tp >= s->start && tp < s->end))
		return;
	l->want[ROOT_TLS] += l->core->page_size;
	if (core_at(l->core, tp, 8))
		l->have[ROOT_TLS] += l->core->page_size;
}

static void root_of_segment(const struct core *core, const struct segment *s, struct root *r)
{
	const struct filemap *f = core_file(core, s->start);
	const struct segment *before = s > core->seg ? s - 1 : NULL;

	*r = (struct root){ .kind = ROOT_ANON, .thread = -1, .file = f ? f->path : NULL };
	if (f)
		r->kind = f->anonymous ? ROOT_SHARED : ROOT_DATA;
	else if (before && before->end == s->start && before->file >= 0 &&
	         (before->flags & SEG_W)) {
		r->kind = ROOT_DATA; /* .bss goes on behind the file's last page */
		r->file = core->files[before->file].path;
	}
}

/* A writable mapping without the parts that are barred. */
static void add_segment(struct lists *l, const struct segment *s)
{
	struct root r;
	size_t i = first_behind(l->barred.v, l->barred.n, end, s->start);
	vaddr at = s->start;
	const char *why = "not saved: left out by coredump_filter or MADV_DONTDUMP";

	root_of_segment(l->core, s, &r);
	for (; at < s->end; i++) {
		vaddr stop = i < l->barred.n && l->barred.v[i].start < s->end ? l->barred.v[i].start
		                                                              : s->end;

		r.start = at;
		r.end = stop;
		if (at < stop)
			add_saved(l, &r, why);
		if (stop == s->end)
			break;
		at = l->barred.v[i].end;
	}
}

static int by_owned(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int by_root(const void *a, const void *b)
{
	const struct root *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int by_missing(const void *a, const void *b)
{
	const struct root_missing *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * Malloc's own memory, all stacks and what libcoreheap_sites.so keeps of blocks, merged where they
 * touch.
 */
static void bar(struct lists *l)
{
	struct owned sites = { .what = "allocation sites" };
	size_t kept = 0;

	if (exact_range(l->core, &sites.start, &sites.end))
		array_push(&l->barred, sites);
	for (size_t i = 0; i < l->heap->nowned; i++)
		array_push(&l->barred, l->heap->owned[i]);
	for (size_t i = 0; i < l->stacks->n; i++) {
		const struct stack *s = &l->stacks->v[i];

		array_push(&l->barred, ((struct owned){ s->start, s->end, "stack" }));
	}
	if (l->barred.n)
		qsort(l->barred.v, l->barred.n, sizeof(*l->barred.v), by_owned);
	for (size_t i = 0; i < l->barred.n; i++) {
		struct owned o = l->barred.v[i];

		if (kept && o.start <= l->barred.v[kept - 1].end) {
			if (o.end > l->barred.v[kept - 1].end)
				l->barred.v[kept - 1].end = o.end;
		} else {
			l->barred.v[kept++] = o;
		}
	}
	l->barred.n = kept;
}

static double share(uint64_t have, uint64_t want)
{
	return want ? (double)have / (double)want : 1;
}

static void drop_overlaps(struct roots *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->n; i++) {
		struct root r = out->v[i];

		if (kept && r.start < out->v[kept - 1].end)
			r.start = out->v[kept - 1].end;
		if (r.start < r.end)
			out->v[kept++] = r;
	}
	out->n = kept;
}

static void hand_over(struct lists *l, struct roots *out)
{
	uint64_t data = l->have[ROOT_DATA] + l->have[ROOT_ANON] + l->have[ROOT_SHARED];
	uint64_t all = l->want[ROOT_DATA] + l->want[ROOT_ANON] + l->want[ROOT_SHARED];

	if (l->roots.n)
		qsort(l->roots.v, l->roots.n, sizeof(*l->roots.v), by_root);
	if (l->missing.n)
		qsort(l->missing.v, l->missing.n, sizeof(*l->missing.v), by_missing);
	*out = (struct roots){ .v = l->roots.v,
		               .n = l->roots.n,
		               .reg = l->regs.v,
		               .nregs = l->regs.n,
		               .missing = l->missing.v,
		               .nmissing = l->missing.n };
	drop_overlaps(out);
	for (size_t i = 0; i < out->nmissing; i++)
		out->missing_bytes += out->missing[i].end - out->missing[i].start;
	out->stacks_saved = l->core->nthreads ? share(l->have[ROOT_STACK], l->want[ROOT_STACK]) : 0;
	out->tls_saved = share(l->have[ROOT_TLS], l->want[ROOT_TLS]);
	out->globals_saved = share(data, all);
}

void roots_find(const struct core *core, const struct heap *heap, const struct stacks *stacks,
                struct roots *out)
{
	struct lists l = { .core = core, .heap = heap, .stacks = stacks };

	bar(&l);
	for (size_t t = 0; t < core->nthreads; t++) {
		add_registers(&l, t);
		if (stacks->of_thread[t] >= STACK_AMONG)
			without_stack(&l, t);
	}
	if (core->nthreads && core->truncated && core->nwarnings)
		miss(&l, 0, 0, ROOT_REGISTER, -1, NULL,
		     "notes are cut off: threads may be missing");
	if (!core->nthreads)
		miss(&l, 0, 0, ROOT_REGISTER, -1, NULL, "the core names no threads");
	for (size_t i = 0; i < stacks->n; i++)
		count_tls(&l, heap, &stacks->v[i]);
	for (size_t i = 0; i < stacks->n; i++)
		if (stacks->v[i].used < stacks->v[i].end)
			add_stack(&l, &stacks->v[i]);
	for (size_t i = 0; i < core->nseg; i++)
		if (core->seg[i].flags & SEG_W && !core->seg[i].absent)
			add_segment(&l, &core->seg[i]);
	hand_over(&l, out);
	array_free(&l.barred);
}

void roots_free(struct roots *roots)
{
	mem_free(roots->v);
	mem_free(roots->reg);
	mem_free(roots->missing);
	*roots = (struct roots){ 0 };
}

const struct root *roots_at(const struct roots *roots, vaddr at)
{
	size_t lo = first_behind(roots->v, roots->n, end, at);

	return lo < roots->n && roots->v[lo].start <= at ? &roots->v[lo] : NULL;
}
