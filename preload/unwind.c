#include "preload/unwind.h"

#define CODE_MASK ((UINT64_C(1) << 48) - 1) /* aarch64: without its signature */

#define INNER_MAX 32 /* frames of libc and the C++ library */

#define CACHE_BITS 14
#define CACHED_PC  ((UINT64_C(1) << (64 - RULE_BITS)) - 1) /* bits of the address that are kept */

/* The lower 42 bits of a return address, its rule; the slot is chosen by all of its bits. */
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
	f->rule = rule_of(f->pc);
	f->end = SITES_LIKELY(f->sp - t->low < t->size) ? t->low + t->size : stack_end_far(f->sp);
}

/* To the caller; false: there is none, or none that can be found. */
static inline bool is_within(const struct frame *f, uintptr_t next)
{
	return next > f->sp && next <= f->end && !(next % sizeof(uintptr_t));
}

/*
 * To the caller; false: there is none, or none that can be found. Two ways, although one formula
 * would do: where the processor foresees which, what follows need not wait for the rule.
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
	if (pc < 4096)
		return false;
	f->pc = pc;
	f->sp = next;
	f->rule = rule_of(pc);
	return (f->rule & ~RULE_INNER) != RULE_NO_CODE;
}

unsigned unwind(struct sites_from from, uint64_t *pc, unsigned max, uint64_t *hash)
{
	struct frame f;
	unsigned n = 1;
	uint64_t h;

	begin(from, &f);
	pc[0] = f.pc;
	h = sites_hash_add(0, f.pc);
	while (n < max && step(&f)) {
		pc[n++] = f.pc;
		h = sites_hash_add(h, f.pc);
	}
	*hash = sites_hash_end(h);
	return n;
}

bool unwind_is_inner(uintptr_t pc)
{
	return (rule_of(pc & CODE_MASK) & RULE_INNER) != 0;
}

uintptr_t unwind_caller(struct sites_from from)
{
	struct frame f;

	begin(from, &f);
	for (unsigned n = 0; n < INNER_MAX && step(&f); n++)
		if (!(f.rule & RULE_INNER))
			return f.pc;
	return from.pc & CODE_MASK;
}
