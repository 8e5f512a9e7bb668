#include "preload/intern.h"
#include "preload/unwind.h"

#define CODE_MASK ((UINT64_C(1) << 48) - 1) /* aarch64: without its signature */

#define INNER_MAX 32 /* frames of libc and the C++ library */

#define CACHE_BITS 14
#define CACHED_PC  ((UINT64_C(1) << (64 - RULE_BITS)) - 1) /* bits of the address that are kept */

/* Which code was there when a thread's memo was made; 0: a thread has none yet. */
static uint32_t epoch = 1;

/* The lower 41 bits of a return address, its rule; the slot is chosen by all of its bits. */
static uint64_t cache[1u << CACHE_BITS];

static __attribute__((noinline)) uint32_t learn(uintptr_t pc, uint64_t *slot)
{
	uint32_t rule = cfi_rule(pc);

	__atomic_store_n(slot, (uint64_t)pc << RULE_BITS | rule, __ATOMIC_RELAXED);
	return rule;
}

static inline __attribute__((always_inline)) uint32_t rule_of(uintptr_t pc)
{
	uint64_t *slot = &cache[(pc ^ pc >> CACHE_BITS) % (1u << CACHE_BITS)];
	uint64_t seen = __atomic_load_n(slot, __ATOMIC_RELAXED);

	if (SITES_UNLIKELY(((seen >> RULE_BITS) ^ pc) & CACHED_PC || !seen))
		return learn(pc, slot);
	return (uint32_t)seen & ((1u << RULE_BITS) - 1);
}

void unwind_forget(void)
{
	__atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < 1u << CACHE_BITS; i++)
		__atomic_store_n(&cache[i], 0, __ATOMIC_RELAXED);
}

static inline uintptr_t word_at(uintptr_t at)
{
	return *(const uintptr_t *)at;
}

struct frame {
	uintptr_t pc, sp, fp, end;
	uint32_t rule;
};

static inline __attribute__((always_inline)) void begin(struct sites_from from, struct frame *f)
{
	const struct sites_thread *t = &sites_thread;

	f->pc = from.pc & CODE_MASK;
	f->sp = from.sp;
	f->fp = from.fp;
	f->end = SITES_LIKELY(f->sp - t->low < t->size) ? t->low + t->size : stack_end_far(f->sp);
}

static inline bool is_within(const struct frame *f, uintptr_t next)
{
	return next > f->sp && next <= f->end && !(next % sizeof(uintptr_t));
}

/*
 * To the caller, whose rule is still to be found; false: there is none. Two ways, although one
 * formula would do: where the processor foresees which, what follows need not wait for the rule.
 */
static inline __attribute__((always_inline)) bool step(struct frame *f)
{
	uintptr_t next, pc;

	if ((f->rule & ~RULE_INNER) == RULE_FRAME) {
		next = f->fp + 2 * sizeof(uintptr_t);
		if (SITES_UNLIKELY(!is_within(f, next)))
			return false;
		pc = word_at(f->fp + sizeof(uintptr_t)) & CODE_MASK;
		f->fp = word_at(f->fp);
	} else {
		uintptr_t saved = f->rule >> 16 & RULE_SAVED;

		if ((f->rule & RULE_BASE) == RULE_SP)
			next = f->sp + (f->rule & RULE_BYTES);
		else if ((f->rule & RULE_BASE) == RULE_FP)
			next = f->fp + (f->rule & RULE_BYTES);
		else
			return false;
		if (SITES_UNLIKELY(!is_within(f, next) ||
		                   saved > (next - f->sp) / sizeof(uintptr_t)))
			return false;
		pc = word_at(next - sizeof(uintptr_t)) & CODE_MASK;
		if (saved)
			f->fp = word_at(next - saved * sizeof(uintptr_t));
	}
	f->pc = pc;
	f->sp = next;
	return pc >= 4096;
}

static inline bool is_code(uint32_t rule)
{
	return (rule & ~RULE_INNER) != RULE_NO_CODE;
}

/* ---- the stack before ---- */

/* A stack on its way to a record. */
struct walk {
	unsigned n;
	bool same; /* as the thread's last one so far */
	struct sites_memo frame[SITES_DEPTH];
};

/*
 * The rule of a frame, from the last stack where it is the same frame. That is not only quicker to
 * find: the processor need not wait for the return address to know where the next one is.
 */
static inline __attribute__((always_inline)) uint32_t recall(const struct sites_memo **memo,
                                                             const struct frame *f, struct walk *w)
{
	while ((*memo)->sp < f->sp) {
		++*memo;
		w->same = false;
	}
	if (SITES_LIKELY((*memo)->sp == f->sp && (*memo)->pc == f->pc))
		return (*memo)++->rule;
	w->same = false;
	return rule_of(f->pc);
}

static void walk(struct sites_from from, struct walk *w)
{
	struct sites_thread *t = &sites_thread;
	const struct sites_memo *memo = t->memo;
	unsigned depth = sites.depth;
	struct frame f;

	begin(from, &f);
	w->n = 0;
	w->same = true;
	for (;;) {
		f.rule = recall(&memo, &f, w);
		if (SITES_UNLIKELY(!is_code(f.rule) && w->n))
			break;
		w->frame[w->n++] = (struct sites_memo){ f.sp, f.pc, f.rule };
		if (w->n == depth || !step(&f))
			break;
	}
	w->same &= w->n == t->frames && w->n <= SITES_MEMO;
}

static void remember(const struct walk *w, uint32_t id)
{
	struct sites_thread *t = &sites_thread;
	unsigned n = w->n < SITES_MEMO ? w->n : SITES_MEMO;

	for (unsigned i = 0; i < n; i++)
		t->memo[i] = w->frame[i];
	t->memo[n].sp = UINTPTR_MAX;
	t->frames = w->n;
	t->id = id;
}

/* A handler that interrupts this, or a thread's first call: without what was before. */
static void start_anew(struct sites_thread *t)
{
	t->memo[0].sp = UINTPTR_MAX;
	t->frames = 0;
	t->id = 0;
	t->epoch = __atomic_load_n(&epoch, __ATOMIC_ACQUIRE);
}

static uint32_t record_of(const struct walk *w)
{
	uint64_t pc[SITES_DEPTH], h = 0;

	for (unsigned i = 0; i < w->n; i++) {
		pc[i] = w->frame[i].pc;
		h = sites_hash_add(h, pc[i]);
	}
	return intern(sites_hash_end(h), pc, w->n);
}

/* In a handler that has interrupted this thread's unwinding. */
static __attribute__((noinline)) uint32_t unwind_apart(struct sites_from from)
{
	unsigned depth = sites.depth;
	struct frame f;
	struct walk w;

	begin(from, &f);
	for (w.n = 0; w.n < depth;) {
		f.rule = rule_of(f.pc);
		if (!is_code(f.rule) && w.n)
			break;
		w.frame[w.n++].pc = f.pc;
		if (!step(&f))
			break;
	}
	return record_of(&w);
}

uint32_t unwind_id(struct sites_from from)
{
	struct sites_thread *t = &sites_thread;
	struct walk w;
	uint32_t id;

	if (SITES_UNLIKELY(t->busy || t->epoch != __atomic_load_n(&epoch, __ATOMIC_ACQUIRE))) {
		if (t->busy)
			return unwind_apart(from);
		start_anew(t);
	}
	t->busy = true;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	walk(from, &w);
	id = t->id;
	if (!w.same || !id) {
		id = record_of(&w);
		remember(&w, id);
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	t->busy = false;
	return id;
}

bool unwind_is_inner(uintptr_t pc)
{
	return (rule_of(pc & CODE_MASK) & RULE_INNER) != 0;
}

uintptr_t unwind_caller(struct sites_from from)
{
	struct frame f;

	begin(from, &f);
	for (unsigned n = 0; n < INNER_MAX; n++) {
		f.rule = rule_of(f.pc);
		if (!is_code(f.rule))
			break;
		if (!(f.rule & RULE_INNER))
			return f.pc;
		if (!step(&f))
			break;
	}
	return from.pc & CODE_MASK;
}
