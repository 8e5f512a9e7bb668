/* place: its words. */
#include "analyzer/process/place.h"
#include "analyzer/site/origin.h"
#include "analyzer/report/text.h"

static int tid_of(const struct places *places, int thread)
{
	return places->a->core->thread[thread].tid;
}

static const char *offset_text(uint64_t offset, struct pool *pool)
{
	return offset ? pool_printf(pool, "+0x%llx", (unsigned long long)offset) : "";
}

const char *place_symbol(const struct symbol *s, struct pool *pool)
{
	const char *path = s->module ? s->module->path : NULL;

	if (s->name && path)
		return pool_printf(pool, "%s%s in %s", s->name, offset_text(s->offset, pool), path);
	if (s->name)
		return pool_printf(pool, "%s%s", s->name, offset_text(s->offset, pool));
	return pool_printf(pool, "%s+0x%llx", path ? path : "an unknown module",
	                   (unsigned long long)s->module_offset);
}

static const char *arena_text(const struct places *places, const struct span *span,
                              struct pool *pool)
{
	return span->kind == SPAN_BRK ? "the brk heap"
	       : places->a->heap->arena[span->arena].main
	               ? "the main arena, mmapped region"
	               : (const char *)pool_printf(pool, "arena %u", span->arena);
}

static const char *stack_text(const struct places *places, const struct stack *s, struct pool *pool)
{
	if (s->thread < 0)
		return "stack of a thread that has exited";
	return pool_printf(pool, "stack of thread %d", tid_of(places, s->thread));
}

static const char *path_of(const struct places *places, const struct ledger_part *part)
{
	const struct filemap *f = core_file(places->a->core, part->start);

	if (part->owner != LEDGER_NOBODY && part->kind >= LEDGER_TEXT && part->kind <= LEDGER_BSS)
		return places->a->modules.v[part->owner].path;
	return f ? f->path : "a file";
}

/*
 * Go's runtime asks for arenas from 0xc000000000 on (aarch64: 0x4000000000), and at the same place
 * in the next terabytes, in order, where that is taken (runtime/malloc.go, mallocinit).
 */
static bool in_go_heap(const struct places *places, const struct ledger_part *part)
{
	const struct allocators *all = analysis_allocators(places->a);
	bool aarch64 = places->a->core->machine->id == MACHINE_AARCH64;
	uint64_t low = part->start & ((UINT64_C(1) << 40) - 1);

	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].name, "Go"))
			return low >= (aarch64 ? UINT64_C(0x4000000000) : UINT64_C(0xc000000000)) &&
			       part->start < UINT64_C(16) << 40 &&
			       places->a->core->machine->word == 8;
	return false;
}

/* ld.so maps the initial thread's static TLS by itself. */
static const char *anon_text(const struct places *places, const struct ledger_part *part,
                             struct pool *pool)
{
	const struct allocator *other = allocators_malloc(analysis_allocators(places->a));
	const char *text = places->a->heap->nspans
	                           ? "anonymous memory that malloc does not own"
	                           : "anonymous memory (no heap of malloc was found)";
	const struct core *core = places->a->core;

	if (other)
		text = pool_printf(pool, "anonymous memory, of %s or of the program itself",
		                   other->name);
	if (in_go_heap(places, part))
		return "Go's heap";
	for (size_t i = 0; i < core->nthreads; i++)
		if (range_holds(part->start, part->end, places->a->heap->tp[i], 1))
			return pool_printf(pool, "TLS of thread %d and other %s",
			                   core->thread[i].tid, text);
	return text;
}

static bool is_sites(const struct places *places, const struct ledger_part *part)
{
	const struct exact *e = origins_exact(analysis_origins(places->a));

	return e->found && part->start >= e->start && part->start < e->end;
}

const char *place_part(struct places *places, const struct ledger_part *part, struct pool *pool)
{
	const struct heap *heap = places->a->heap;
	const struct stacks *stacks = &places->a->stacks;

	switch (part->kind) {
	case LEDGER_HEAP:
	case LEDGER_ARENA:
		return arena_text(places, &heap->span[part->owner], pool);
	case LEDGER_RESERVE:
		return pool_printf(pool, "reserve of %s",
		                   arena_text(places, &heap->span[part->owner], pool));
	case LEDGER_MMAPPED:
		return "an mmapped chunk";
	case LEDGER_STACK:
		return stack_text(places, &stacks->v[part->owner], pool);
	case LEDGER_GUARD:
		return pool_printf(pool, "guard of the %s",
		                   stack_text(places, &stacks->v[part->owner], pool));
	case LEDGER_TEXT:
	case LEDGER_RODATA:
	case LEDGER_DATA:
	case LEDGER_BSS:
		return pool_printf(pool, "%s, %s", path_of(places, part),
		                   ledger_kind_name(part->kind));
	case LEDGER_FILE:
	case LEDGER_SHARED:
		return path_of(places, part);
	case LEDGER_ANON:
		return is_sites(places, part) ? "allocation sites, kept by libcoreheap_sites.so"
		                              : anon_text(places, part, pool);
	case LEDGER_NONE: /* a file's: between the segments of a library, say */
		if (is_sites(places, part))
			return "reserve of libcoreheap_sites.so";
		return core_file(places->a->core, part->start)
		               ? pool_printf(pool, "%s, without access rights",
		                             path_of(places, part))
		               : "address space without access rights";
	case LEDGER_VDSO:
		return "the kernel's code in the process (vdso)";
	case LEDGER_VVAR:
		return "the kernel's data beside the vdso (vvar)";
	case LEDGER_KINDS:
		break;
	}
	return "";
}

static const char *block_text(struct places *places, const struct place *p, struct pool *pool)
{
	static const char *const states[] = { "used", "free", "malloc's own" };
	const struct block *b = &p->block;

	(void)places;
	return pool_printf(pool, "%s block 0x%llx of %s%s", states[b->state],
	                   (unsigned long long)b->addr, text_bytes_in(pool, b->size),
	                   p->at > b->addr ? pool_printf(pool, ", at offset %llu",
	                                                 (unsigned long long)(p->at - b->addr))
	                                   : "");
}

static const char *stack_place(struct places *places, const struct place *p, struct pool *pool)
{
	const char *stack = p->stack ? stack_text(places, p->stack, pool) : "";
	vaddr sp = p->thread >= 0 ? thread_sp(places->a->core, (size_t)p->thread) : 0;

	switch (p->kind) {
	case PLACE_STACK:
		if (p->function)
			return pool_printf(pool, "%s, in the frame of %s%s%s%s%s", stack,
			                   p->function, p->variable ? ", variable " : "",
			                   p->variable ? p->variable : "", p->inlined ? " of " : "",
			                   p->inlined ? p->inlined : "");
		return p->stack->foreign_sp
		               ? pool_printf(pool, "%s, which runs on another stack now", stack)
		               : stack;
	case PLACE_RED_ZONE:
		return pool_printf(pool, "%s, its red zone, %llu bytes below the stack pointer",
		                   stack, (unsigned long long)(sp - p->at));
	case PLACE_STACK_UNUSED:
		return pool_printf(pool, "%s, its unused part, %s below the stack pointer", stack,
		                   text_bytes_in(pool, sp - p->at));
	case PLACE_GUARD:
		return pool_printf(pool, "guard of the %s", stack);
	default:
		return stack;
	}
}

static const char *tls_text(struct places *places, const struct place *p, struct pool *pool)
{
	int tid = tid_of(places, p->thread);
	bool above = places->a->core->machine->tls_above;

	if (p->variable)
		return pool_printf(pool, "TLS of thread %d, %s in %s", tid, p->variable,
		                   p->symbol.module->path);
	if (p->symbol.name)
		return pool_printf(pool, "TLS of thread %d, %s%s in %s", tid, p->symbol.name,
		                   offset_text(p->symbol.offset, pool), p->symbol.module->path);
	if (!p->base)
		return pool_printf(pool, "TLS of thread %d", tid);
	if (above && p->at >= p->base)
		return pool_printf(pool, "TLS of thread %d, at tp+0x%llx", tid,
		                   (unsigned long long)(p->at - p->base));
	if (!above && p->at < p->base)
		return pool_printf(pool, "TLS of thread %d, at fs-0x%llx", tid,
		                   (unsigned long long)(p->base - p->at));
	return pool_printf(pool, "TLS of thread %d, its struct pthread+0x%llx", tid,
	                   (unsigned long long)(p->at - places->a->heap->pthread[p->thread]));
}

static const char *unmapped_text(const struct place *p, struct pool *pool)
{
	if (p->below && p->above)
		return pool_printf(
			pool,
			"not mapped: %s above the mapping that ends at 0x%llx, %s below the "
			"one that begins at 0x%llx",
			text_bytes_in(pool, p->at - p->below->end),
			(unsigned long long)p->below->end,
			text_bytes_in(pool, p->above->start - p->at),
			(unsigned long long)p->above->start);
	if (p->above)
		return pool_printf(pool, "not mapped: %s below the first mapping, 0x%llx",
		                   text_bytes_in(pool, p->above->start - p->at),
		                   (unsigned long long)p->above->start);
	return p->below ? pool_printf(pool,
	                              "not mapped: above the last mapping, which ends at 0x%llx",
	                              (unsigned long long)p->below->end)
	                : "not mapped";
}

/* "Python Session 0x7f64be047c90+0x10, in CPython's own memory" */
static const char *python_text(const struct place *p, struct pool *pool)
{
	static const char *const words[] = {
		[PYMALLOC_HEADER] = "header of a pool of blocks",
		[PYMALLOC_USED] = "used block",
		[PYMALLOC_FREE] = "free block",
	};
	const struct pymalloc_block *b = &p->python;
	unsigned long long into = p->at - b->start;

	if (b->object && p->at >= b->object)
		return pool_printf(pool, "Python %s 0x%llx%s, in CPython's own memory", b->class,
		                   (unsigned long long)b->object,
		                   offset_text(p->at - b->object, pool));
	if (b->object)
		return pool_printf(
			pool, "%llu bytes before the Python %s 0x%llx, in CPython's own memory",
			(unsigned long long)(b->object - p->at), b->class,
			(unsigned long long)b->object);
	return pool_printf(pool, "%s of %llu B%s, in CPython's own memory", words[b->state],
	                   (unsigned long long)b->size,
	                   into ? (const char *)pool_printf(pool, ", at offset %llu", into) : "");
}

const char *place_text(struct places *places, const struct place *p, struct pool *pool)
{
	switch (p->kind) {
	case PLACE_BLOCK:
		return block_text(places, p, pool);
	case PLACE_HEADER:
		return pool_printf(pool, "chunk header of the block 0x%llx, %llu bytes before it",
		                   (unsigned long long)p->block.addr,
		                   (unsigned long long)(p->block.addr - p->at));
	case PLACE_MALLOC:
		return pool_printf(pool, "malloc's own: %s%s", p->what,
		                   offset_text(p->at - p->base, pool));
	case PLACE_STACK:
	case PLACE_RED_ZONE:
	case PLACE_STACK_UNUSED:
	case PLACE_STACK_EXITED:
	case PLACE_GUARD:
		return stack_place(places, p, pool);
	case PLACE_TLS:
		return tls_text(places, p, pool);
	case PLACE_MODULE:
		if (p->variable)
			return pool_printf(pool, "%s in %s (%s)", p->variable,
			                   p->symbol.module->path, ledger_kind_name(p->part->kind));
		return pool_printf(pool, "%s (%s)", place_symbol(&p->symbol, pool),
		                   ledger_kind_name(p->part->kind));
	case PLACE_UNMAPPED:
		return unmapped_text(p, pool);
	case PLACE_MAPPING:
	case PLACE_KINDS:
		break;
	}
	if (p->python.size)
		return python_text(p, pool);
	return pool_printf(pool, "%s, mapping 0x%llx%s", place_part(places, p->part, pool),
	                   (unsigned long long)p->segment->start,
	                   offset_text(p->at - p->segment->start, pool));
}

const char *place_root(struct places *places, const struct path_step *step, struct pool *pool)
{
	const struct analysis *a = places->a;
	struct place p;

	if (step->reg != PATH_NO_REGISTER) {
		const struct root_register *reg = &a->roots.reg[step->reg];

		return pool_printf(pool, "%s of thread %d", reg->name,
		                   a->core->thread[reg->thread].tid);
	}
	place_find(places, step->at, &p);
	return place_text(places, &p, pool);
}
