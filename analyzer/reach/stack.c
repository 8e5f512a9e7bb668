#include "analyzer/reach/stack.h"
#include "formats/elfclass.h"
#include "formats/written.h"
#include "heapwalk/pthread.h"

#include <stdlib.h>

#define EXITED_ALIGN 64 /* of a struct pthread that is found by its self pointers */

static bool points_to_itself(const struct core *core, vaddr at, const struct pthread_layout *l)
{
	uint64_t head, self;

	return core_read_word(core, at, &head) && core_read_word(core, at + l->self, &self) &&
	       head == at && self == at;
}

/* Reads the stack block of the struct pthread at at. False: there is none, or it makes no sense. */
static bool read_pthread(const struct core *core, vaddr at, struct stack *out)
{
	const struct pthread_layout *l = pthread_layout(core);
	struct pthread_stack s;

	if (!at || (l->self && !points_to_itself(core, at, l)) || !pthread_stack(core, at, &s))
		return false;
	*out = (struct stack){ .start = s.start, .end = s.start + s.size, .tls = at, .thread = -1 };
	out->guard = s.guard < s.size ? s.guard : 0;
	return true;
}

/* Static TLS of the modules mapped at start-up, as their program headers in memory say, in bytes.
 */
static uint64_t static_tls(const struct core *core)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < core->nfiles; i++) {
		const struct filemap *f = &core->files[i];
		const uint8_t *p = f->offset ? NULL : core_at(core, f->start, sizeof(Elf64_Ehdr));
		const struct elfclass *c = p ? elfclass_of(p) : NULL;
		Elf64_Ehdr eh;

		if (!c)
			continue;
		elfclass_ehdr(c, p, &eh);
		for (unsigned k = 0; k < eh.e_phnum && eh.e_phoff < 4096; k++) {
			Elf64_Phdr ph;

			p = core_at(core, f->start + eh.e_phoff + k * c->phdr, c->phdr);
			if (!p)
				break;
			elfclass_phdr(c, p, &ph);
			if (ph.p_type == PT_TLS && ph.p_memsz < 1 << 20)
				sum += round_up(ph.p_memsz, 64);
		}
	}
	return sum;
}

struct bounds {
	vaddr start, end;
};

static bool bounds_have(const struct bounds *b, vaddr at)
{
	return at >= b->start && at < b->end;
}

/*
 * The initial stack: AT_RANDOM points into it (Linux fs/binfmt_elf.c). Nothing else is ever next to
 * it (the kernel keeps a gap), so writable mappings that touch are pieces of it: the kernel divides
 * a mapping where mlock() or madvise() was told of a part. False where it is not known.
 */
static bool main_stack(const struct core *core, struct bounds *out)
{
	const struct segment *s = NULL, *first, *last, *end = core->seg + core->nseg;
	uint64_t at;

	if (core_auxv(core, AT_RANDOM, &at) || core_auxv(core, AT_EXECFN, &at))
		s = core_segment(core, at);
	if (!s)
		return false;
	for (first = s; first > core->seg && first[-1].end == first->start &&
	                first[-1].flags == s->flags && first[-1].file < 0;)
		first--;
	for (last = s; last + 1 < end && last[1].start == last->end && last[1].flags == s->flags &&
	               last[1].file < 0;)
		last++;
	*out = (struct bounds){ first->start, last->end };
	return true;
}

/* Where in the block does the used part begin? */
static void set_used(const struct core *core, struct stack *s, vaddr sp)
{
	unsigned red_zone = core->machine->red_zone;
	vaddr low = sp > red_zone ? round_down(sp - red_zone, core->machine->word) : 0;

	if (sp < s->start || sp > s->end) {
		s->foreign_sp = true; /* on another stack: how deep this one was is unknown */
		s->used = s->start + s->guard;
	} else {
		s->used = low > s->start ? low : s->start;
	}
}

/*
 * Does the thread run without a C library's TLS? The x86 ABIs want the thread's own address at its
 * thread pointer; elsewhere only the pointer itself tells. False where the core has none.
 */
static bool lacks_tls(const struct core *core, const struct heap *heap, size_t t)
{
	uint64_t self;
	bool known = false;

	for (size_t i = 0; i < core->nthreads; i++)
		known |= heap->tp[i] != 0;
	if (!heap->tp[t] || core->machine->tls_above)
		return known && !heap->tp[t];
	return !core_read_word(core, heap->tp[t], &self) || self != heap->tp[t];
}

static bool others_are_in(const struct core *core, size_t t, const struct segment *s)
{
	for (size_t i = 0; i < core->nthreads; i++)
		if (i != t && core_segment(core, thread_sp(core, i)) == s)
			return true;
	return false;
}

/*
 * A thread whose struct pthread cannot be read: its stack goes from sp to its TLS above, else to
 * the end of the mapping. Where several threads are in that, or the thread has no TLS of its own,
 * the stack lies among other memory (Go's stacks are in its heap), which is a root as a whole. So
 * is what lies below.
 */
static uint32_t by_sp(const struct core *core, const struct heap *heap, size_t t, struct stack *out)
{
	vaddr sp = thread_sp(core, t), tp = heap->tp[t], end;
	const struct segment *s = core_segment(core, sp);
	bool lacks = lacks_tls(core, heap, t);

	if (!s || !(s->flags & SEG_W))
		return STACK_NONE;
	end = s->end;
	if (!lacks && !core->machine->tls_above && tp >= sp && tp < end) {
		vaddr last = round_up(tp + pthread_layout(core)->min, core->page_size);

		end = last < end ? last : end;
	} else if (lacks || others_are_in(core, t, s)) {
		return STACK_AMONG;
	}
	*out = (struct stack){ .start = s->start, .end = end, .tls = end, .thread = (int)t };
	set_used(core, out, sp);
	out->start = round_down(out->used, 8);
	return STACK_OWN;
}

static void main_of(const struct core *core, size_t t, const struct bounds *main, struct stack *out)
{
	*out = (struct stack){ .start = main->start,
		               .end = main->end,
		               .tls = main->end,
		               .thread = (int)t,
		               .main = true };
	set_used(core, out, thread_sp(core, t));
}

static bool all_zero(const struct core *core, vaddr start, vaddr end)
{
	uint64_t word;

	for (vaddr at = round_up(start, 8); at + 8 <= end; at += 8)
		if (!core_read64(core, at, &word) || word)
			return false;
	return true;
}

/*
 * gdb writes zeroes for a mapping of which it could not read some page. What is never zero: the
 * last page of the initial stack (the environment), and the words at the stack pointer.
 */
static bool really_there(const struct core *core, const struct stack *s)
{
	uint64_t word;
	vaddr probe = s->main ? s->end - 4096 : s->used;

	if (!core_read64(core, round_down(s->used, 8), &word) ||
	    !core_read64(core, round_down(s->end - 8, 8), &word))
		return false;
	return !all_zero(core, probe, probe + 4096 < s->end ? probe + 4096 : s->end);
}

/* tls: bytes of static TLS below the struct pthread. */
static uint32_t live_stack(const struct core *core, const struct heap *heap, size_t t,
                           const struct bounds *main, uint64_t tls, struct stack *out)
{
	vaddr pthread = heap->pthread[t], sp = thread_sp(core, t);
	bool initial = core->thread[t].tid == core->pid || core->nthreads == 1;
	uint32_t found = STACK_OWN;

	if (read_pthread(core, pthread, out)) { /* not zeroed, as its struct pthread is there */
		out->saved = true;
		out->thread = (int)t;
		out->tls = tls < pthread - out->start ? pthread - tls : out->start;
		set_used(core, out, sp);
	} else if (main && (initial || bounds_have(main, sp))) {
		main_of(core, t, main, out);
	} else {
		found = by_sp(core, heap, t, out);
	}
	if (found == STACK_OWN && !out->saved)
		out->saved = really_there(core, out);
	return found;
}

static bool is_live(const struct core *core, const struct heap *heap, vaddr pthread)
{
	for (size_t t = 0; t < core->nthreads; t++)
		if (heap->pthread[t] == pthread)
			return true;
	return false;
}

struct stack_list {
	struct stack *v;
	size_t n, cap;
};

/* A struct pthread with a tid that is not among the core's threads: its note is missing, not it. */
static void keep_unlisted(const struct core *core, struct stack *s, vaddr pthread)
{
	uint32_t tid = 0;

	/* the kernel clears tid at exit; pthread_join writes -1 */
	if (core_read32(core, pthread + pthread_layout(core)->tid, &tid) && (int32_t)tid > 0) {
		s->used = s->start + s->guard;
		s->foreign_sp = true;
		s->saved = true;
	}
}

static void take_exited(const struct core *core, const struct heap *heap, vaddr at,
                        struct stack_list *out)
{
	struct stack found;

	if (is_live(core, heap, at) || !read_pthread(core, at, &found))
		return;
	found.used = found.end;
	keep_unlisted(core, &found, at);
	array_push(out, found);
}

/* Looks for struct pthreads by their self pointers, at the places in a page where they can end. */
static void find_by_self(const struct core *core, const struct heap *heap, const uint8_t *p,
                         vaddr page, struct stack_list *out)
{
	const struct pthread_layout *l = pthread_layout(core);

	for (unsigned i = l->page_from; i < l->page_to; i += EXITED_ALIGN)
		if (load_word(p + i, core->machine->word) == page + i)
			take_exited(core, heap, page + i, out);
}

/* Without self pointers: by the stack block's bounds and the links of the list that it is in. */
static void find_by_bounds(const struct core *core, const struct heap *heap, const uint8_t *p,
                           vaddr page, struct stack_list *out)
{
	const struct pthread_layout *l = pthread_layout(core);
	uint64_t unit = core->page_size - 1, next, back;

	for (unsigned i = 0; i < 4096; i += 16) {
		uint64_t block = load64(p + i), size = load64(p + i + 8);
		vaddr at = page + i - l->stack;

		if (!block || (block | size) & unit || page + i - block >= size)
			continue;
		if (core_read64(core, at + l->list, &next) && core_read64(core, next + 8, &back) &&
		    back == at + l->list)
			take_exited(core, heap, at, out);
	}
}

static void find_exited(const struct core *core, const struct segment *s, const struct heap *heap,
                        struct stack_list *out)
{
	bool self = pthread_layout(core)->self != 0;

	for (vaddr stop, at = s->start; core_written(core, &at, s->saved_end, &stop); at = stop) {
		for (vaddr page = round_down(at, 4096); page < stop; page += 4096) {
			const struct owned *o = heap_owner(heap, page);
			const uint8_t *p;

			if (o && o->end - page > 4096) { /* no stack of pthread's in there */
				page = round_down(o->end, 4096) - 4096;
				continue;
			}
			p = core_at(core, page, 4096);
			if (p)
				(self ? find_by_self : find_by_bounds)(core, heap, p, page, out);
		}
	}
}

/*
 * Where the kernel put argv and the environment on the initial stack: below auxv, which is a copy
 * of what the core has (fs/binfmt_elf.c create_elf_tables). Address of envp; the stack's end if
 * unknown.
 */
static vaddr environment(const struct core *core, const struct bounds *main)
{
	unsigned word_size = core->machine->word;
	uint64_t word, at;

	if (!core->nauxv || !core_auxv(core, AT_RANDOM, &at))
		return main->end;
	for (at = round_down(at, word_size); at > main->start; at -= word_size) {
		uint64_t type, value;

		if (core_read_word(core, at, &type) &&
		    core_read_word(core, at + word_size, &value) && type == core->auxv[0] &&
		    value == core->auxv[1])
			break;
	}
	if (at <= main->start)
		return main->end;
	at -= 2 * word_size;
	while (at > main->start && core_read_word(core, at, &word) && word)
		at -= word_size;
	return at + word_size;
}

/*
 * The initial stack when its thread has ended (pthread_exit in main): what it held is garbage, but
 * the environment above it is still the process's.
 */
static void add_abandoned(const struct core *core, const struct bounds *main,
                          struct stack_list *all)
{
	struct stack s = { .thread = -1, .main = true, .saved = true };

	for (size_t i = 0; main && i < all->n; i++)
		if (all->v[i].main)
			return;
	if (!main || !core->nthreads)
		return;
	s.start = main->start;
	s.end = s.tls = main->end;
	s.used = environment(core, main);
	array_push(all, s);
}

static int by_start(const void *a, const void *b)
{
	const struct stack *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

void stacks_find(const struct core *core, const struct heap *heap, struct stacks *out)
{
	struct bounds of_main;
	const struct bounds *main = main_stack(core, &of_main) ? &of_main : NULL;
	uint64_t all_tls = static_tls(core), tls = core->machine->tls_above ? 0 : all_tls;
	struct stack_list all = { 0 };

	*out = (struct stacks){ .of_thread = mem_alloc(core->nthreads, sizeof(*out->of_thread)) };
	for (size_t t = 0; t < core->nthreads; t++) {
		struct stack s;

		out->of_thread[t] = live_stack(core, heap, t, main, tls, &s);
		if (out->of_thread[t] == STACK_OWN)
			array_push(&all, s);
	}
	add_abandoned(core, main, &all);
	for (size_t i = 0; i < core->nseg; i++) {
		const struct segment *s = &core->seg[i];

		if (s->file >= 0 || !(s->flags & SEG_W) || s->saved_end == s->start ||
		    (main && bounds_have(main, s->start)))
			continue;
		find_exited(core, s, heap, &all);
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_start);
	out->v = all.v;
	out->n = all.n;
	out->static_tls = all_tls;
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].thread >= 0)
			out->of_thread[all.v[i].thread] = (uint32_t)i;
}

void stacks_free(struct stacks *stacks)
{
	mem_free(stacks->v);
	mem_free(stacks->of_thread);
	*stacks = (struct stacks){ 0 };
}
