#include "analyzer/type/member.h"
#include "analyzer/process/place.h"
#include "formats/threadlocal.h"

#define PTHREAD_SIZE 0x900 /* struct pthread of glibc 2.31, the smallest from then to 2.43 */
#define TCB_SIZE     16    /* what is at the thread pointer where TLS lies above it */
#define TLS_MOST     (UINT64_C(1) << 30)
#define FRAMES       256
#define FRAME_REACH  (UINT64_C(1) << 20) /* bytes that one frame may take */

static const char *const kind_names[PLACE_KINDS] = {
	[PLACE_BLOCK] = "block",
	[PLACE_HEADER] = "chunk-header",
	[PLACE_MALLOC] = "malloc",
	[PLACE_STACK] = "stack",
	[PLACE_RED_ZONE] = "red-zone",
	[PLACE_STACK_UNUSED] = "unused-stack",
	[PLACE_STACK_EXITED] = "exited-stack",
	[PLACE_GUARD] = "guard",
	[PLACE_TLS] = "tls",
	[PLACE_MODULE] = "module",
	[PLACE_MAPPING] = "mapping",
	[PLACE_UNMAPPED] = "unmapped",
};

const char *place_kind_name(enum place_kind kind)
{
	return kind_names[kind];
}

/*
 * Frames of one thread as far as their return addresses were found on its stack, which needs no
 * unwinder that tells the canonical frame address: frame i ends behind the slot that holds the
 * return address into frame i + 1, and these slots follow each other upwards.
 */
struct place_frames {
	bool done, has_locals;
	struct locals locals;
	size_t n;
	vaddr *end;            /* of frame i, exclusive */
	const char **function; /* NULL: no symbol */
	struct pool pool;
};

void places_open(struct analysis *a, struct places *places)
{
	*places = (struct places){ .a = a };
	analysis_roots(a);
	ledger_make(a->core, analysis_modules(a), a->heap, &a->stacks, &places->ledger);
	pyobjects_open(a->core, analysis_modules(a), &places->python);
	places->frames = mem_alloc(a->core->nthreads + 1, sizeof(*places->frames));
}

void places_close(struct places *places)
{
	for (size_t i = 0; places->frames && i < places->a->core->nthreads; i++)
		pool_free(&places->frames[i].pool);
	mem_free(places->frames);
	pyobjects_close(&places->python);
	pool_free(&places->pool);
	ledger_free(&places->ledger);
	*places = (struct places){ 0 };
}

/* ---- frames ---- */

static bool find_slot(const struct core *core, vaddr from, vaddr limit, uint64_t pc, vaddr *slot)
{
	struct view view = { .core = core };
	unsigned word = core->machine->word;
	uint64_t value;

	for (vaddr at = round_up(from, word); at < limit && limit - at >= word; at += word) {
		if (!view_read_word(&view, at, &value, word))
			return false;
		if (value == pc) {
			*slot = at;
			return true;
		}
	}
	return false;
}

static void find_frames(struct places *places, size_t thread, const struct stack *stack)
{
	struct place_frames *f = &places->frames[thread];
	const struct core *core = places->a->core;
	struct frame frames[FRAMES];
	const char *why;
	size_t n = unwind_thread(core, &places->a->modules, thread, frames, FRAMES, &why);
	vaddr at = thread_sp(core, thread);

	f->done = true;
	f->end = pool_alloc(&f->pool, n * sizeof(*f->end));
	f->function = pool_alloc(&f->pool, n * sizeof(*f->function));
	for (size_t i = 0; i + 1 < n; i++) {
		struct symbol symbol;
		vaddr slot, limit = stack->end;

		if (limit > at && limit - at > FRAME_REACH)
			limit = at + FRAME_REACH;
		if (!find_slot(core, at, limit, frames[i + 1].pc, &slot))
			break;
		module_symbol(core, &places->a->modules, frames[i].pc,
		              !frames[i].activation && !frames[i].trampoline, &symbol);
		f->end[i] = slot + core->machine->word;
		f->function[i] = frames[i].trampoline ? FRAME_TRAMPOLINE : symbol.name;
		at = slot + core->machine->word;
		f->n = i + 1;
	}
}

static const char *function_at(struct places *places, const struct place *p)
{
	struct place_frames *f = &places->frames[p->thread];

	if (!f->done)
		find_frames(places, (size_t)p->thread, p->stack);
	for (size_t i = 0; i < f->n; i++)
		if (p->at < f->end[i])
			return f->function[i];
	return NULL;
}

const struct locals *place_locals(struct places *places, size_t thread)
{
	struct place_frames *f = &places->frames[thread];
	struct modules *modules = analysis_modules(places->a);
	struct typegraph *graph = analysis_typegraph(places->a);

	if (!f->has_locals) {
		f->has_locals = true;
		if (modules->exe < modules->n)
			module_index(graph, &modules->v[modules->exe]);
		thread_locals(places->a->core, graph, thread, &f->pool, &f->locals);
	}
	return &f->locals;
}

static void name_local(struct places *places, struct place *p)
{
	const char *function = NULL;

	p->variable = member_of_frame(places->a, place_locals(places, (size_t)p->thread), p->at,
	                              &places->pool, &function);
	if (p->variable && function && (!p->function || strcmp(function, p->function)))
		p->inlined = function;
}

/* ---- kinds of places ---- */

static const struct stack *stack_at(const struct stacks *stacks, vaddr at)
{
	size_t lo = first_behind(stacks->v, stacks->n, end, at);

	return lo < stacks->n && stacks->v[lo].start <= at ? &stacks->v[lo] : NULL;
}

static void name_variable(struct places *places, struct place *p)
{
	if (p->base)
		threadlocal_symbol(places->a->core, analysis_modules(places->a), p->base, p->at,
		                   &p->symbol);
	if (p->symbol.module)
		p->variable = member_of_tls(places->a, p->symbol.module, p->symbol.module_offset,
		                            &places->pool);
	p->symbol.module_offset = UINT64_MAX; /* it has no address in the file */
}

static bool in_stack(struct places *places, struct place *p)
{
	const struct stack *s = stack_at(&places->a->stacks, p->at);
	vaddr sp;

	if (!s)
		return false;
	p->stack = s;
	p->thread = s->thread;
	if (p->at - s->start < s->guard) {
		p->kind = PLACE_GUARD;
		return true;
	}
	if (s->thread < 0) {
		p->kind = PLACE_STACK_EXITED;
		return true;
	}
	sp = thread_sp(places->a->core, (size_t)s->thread);
	p->kind = PLACE_STACK;
	if (p->at >= s->tls) {
		p->kind = PLACE_TLS;
		p->base = places->a->heap->tp[s->thread];
		name_variable(places, p);
	} else if (p->at < s->used) {
		p->kind = PLACE_STACK_UNUSED;
	} else if (!s->foreign_sp && p->at < sp) {
		p->kind = PLACE_RED_ZONE;
	} else if (!s->foreign_sp) {
		p->function = function_at(places, p);
		name_local(places, p);
	}
	return true;
}

/* Static TLS of all modules, as far as their files tell; alignment between them at most 64. */
static uint64_t static_tls(const struct modules *modules)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < modules->n; i++)
		if (modules->v[i].tls_size < TLS_MOST)
			bytes += round_up(modules->v[i].tls_size, 64);
	return bytes < TLS_MOST ? bytes : TLS_MOST;
}

/* Outside the stacks: the initial thread's, which ld.so has in a mapping of its own. */
static bool in_tls(struct places *places, struct place *p)
{
	const struct core *core = places->a->core;
	const struct heap *heap = places->a->heap;
	uint64_t bytes = static_tls(&places->a->modules);

	for (size_t i = 0; i < core->nthreads; i++) {
		vaddr tp = heap->tp[i], start = tp - bytes, end = tp + PTHREAD_SIZE;

		if (core->machine->tls_above) {
			start = heap->pthread[i];
			end = tp + TCB_SIZE + bytes;
		}
		if (!range_holds(p->segment->start, p->segment->end, tp, 1) || p->at < start ||
		    p->at >= end)
			continue;
		p->kind = PLACE_TLS;
		p->thread = (int)i;
		p->base = tp;
		name_variable(places, p);
		return true;
	}
	return false;
}

static bool in_block(struct places *places, struct place *p)
{
	const struct heap *heap = places->a->heap;
	unsigned word = places->a->core->machine->word;

	if (heap_find(heap, p->at, &p->block)) {
		p->kind = PLACE_BLOCK;
		return true;
	}
	for (vaddr ahead = word; ahead <= 2 * word; ahead += word) {
		if (heap_find(heap, p->at + ahead, &p->block) && p->at < p->block.addr) {
			p->kind = PLACE_HEADER;
			return true;
		}
	}
	return false;
}

static const struct owned *owned_at(const struct heap *heap, vaddr at)
{
	size_t lo = first_behind(heap->owned, heap->nowned, end, at);

	return lo < heap->nowned && heap->owned[lo].start <= at ? &heap->owned[lo] : NULL;
}

static bool in_malloc(struct places *places, struct place *p)
{
	const struct owned *o = owned_at(places->a->heap, p->at);
	const struct span *span;

	p->kind = PLACE_MALLOC;
	for (size_t i = 0; i < places->a->heap->ngaps; i++) {
		const struct owned *gap = &places->a->heap->gap[i];

		if (range_holds(gap->start, gap->end, p->at, 1)) {
			p->what = gap->what;
			p->base = gap->start;
			return true;
		}
	}
	if (o) {
		p->what = o->what;
		p->base = o->start;
		if (strcmp(o->what, "heap"))
			return true;
	}
	if (!p->part || p->part->kind > LEDGER_RESERVE)
		return o != NULL;
	span = &places->a->heap->span[p->part->owner];
	p->base = p->at < span->start ? span->own_start : span->end;
	p->what = p->part->kind == LEDGER_RESERVE   ? "address space kept for an arena to grow into"
	          : p->part->kind == LEDGER_MMAPPED ? "padding around an mmapped chunk"
	          : p->at < span->start             ? "malloc's header of a heap"
	                                            : "the end of a heap, behind its last chunk";
	return true;
}

static bool in_module(struct places *places, struct place *p)
{
	if (!p->part || p->part->kind < LEDGER_TEXT || p->part->kind > LEDGER_FILE)
		return false;
	if (p->part->kind == LEDGER_FILE && p->part->owner == LEDGER_NOBODY)
		return false;
	p->kind = PLACE_MODULE;
	module_symbol(places->a->core, &places->a->modules, p->at, false, &p->symbol);
	if (p->part->kind == LEDGER_DATA || p->part->kind == LEDGER_BSS)
		p->variable = member_of_data(places->a, p->at, &places->pool);
	return true;
}

static void in_mapping(struct places *places, struct place *p)
{
	p->kind = PLACE_MAPPING;
	if (places->python.core && p->part && p->part->kind == LEDGER_ANON)
		pymalloc_find(&places->python, p->at, &p->python);
}

static void nowhere(const struct core *core, struct place *p)
{
	p->kind = PLACE_UNMAPPED;
	for (size_t i = 0; i < core->nseg; i++) {
		if (core->seg[i].end <= p->at)
			p->below = &core->seg[i];
		if (core->seg[i].start > p->at && !p->above)
			p->above = &core->seg[i];
	}
}

void place_find(struct places *places, vaddr at, struct place *p)
{
	const struct core *core = places->a->core;
	uint64_t avail;

	*p = (struct place){ .at = at, .thread = -1, .kind = PLACE_MAPPING };
	p->segment = core_segment(core, at);
	p->part = ledger_at(&places->ledger, at);
	p->saved = core_bytes(core, at, &avail) != NULL;
	if (!p->segment)
		nowhere(core, p);
	else if (!in_block(places, p) && !in_malloc(places, p) && !in_stack(places, p) &&
	         !in_tls(places, p) && !in_module(places, p))
		in_mapping(places, p);
}
