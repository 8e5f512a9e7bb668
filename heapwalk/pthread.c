#include "heapwalk/pthread.h"
#include "formats/written.h"

enum {
	SIZE_FROM = 0x600, /* sizeof(struct pthread) on aarch64: 0x700 in 2.31, 0x740 in 2.36, */
	SIZE_TO = 0xa00,   /* 0x720 in 2.41 and 2.43 */
	SIZE_STEP = 16,
	SIZES = (SIZE_TO - SIZE_FROM) / SIZE_STEP,
	STATIC_TLS_MAX = 1 << 20, /* bytes above the thread pointer */
};

const struct pthread_layout *pthread_layout(const struct core *core)
{
	static const struct pthread_layout layouts[MACHINES] = {
		[MACHINE_X86_64] = { .self = 0x10,
		                     .list = 0x2c0,
		                     .tid = 0x2d0,
		                     .stack = 0x690,
		                     .stack_last = 0x690,
		                     .min = 0x700, /* 0x900 in 2.31, 0x940 from 2.36 on */
		                     .max = 0x1d00,
		                     .page_from = 0x400,
		                     .page_to = 0xa00 },
		[MACHINE_AARCH64] = { .list = 0xc0,
		                      .tid = 0xd0,
		                      .stack = 0x490,
		                      .stack_last = 0x490,
		                      .min = SIZE_FROM,
		                      .max = SIZE_TO + STATIC_TLS_MAX },
		[MACHINE_I386] = { .self = 0x8,
		                   .list = 0x60,
		                   .tid = 0x68,
		                   .stack = 0x260,
		                   .stack_last = 0x270,
		                   .min = 0x400, /* 0x4c0 from 2.31 to 2.43 */
		                   .max = 0x1800,
		                   .page_from = 0x800,
		                   .page_to = 0xc00 },
	};

	return &layouts[core->machine->id];
}

bool pthread_stack(const struct core *core, vaddr at, struct pthread_stack *out)
{
	const struct pthread_layout *l = pthread_layout(core);
	unsigned word = core->machine->word;

	for (unsigned o = l->stack; o <= l->stack_last; o += 2 * word) {
		uint64_t size, guard;
		vaddr block;

		if (!core_read_word(core, at + o, &block) ||
		    !core_read_word(core, at + o + word, &size) ||
		    !core_read_word(core, at + o + 2 * word, &guard))
			return false;
		if (!block || size > UINT64_C(1) << 46 ||
		    !range_holds(block, block + size, at, l->min) || block + size - at > l->max)
			continue;
		*out = (struct pthread_stack){ block, size, guard };
		return true;
	}
	return false;
}

/* ---- its size, where the thread pointer marks its end ---- */

/* The size with the most votes; 0: none has any. */
static unsigned most_voted(const unsigned *votes)
{
	unsigned best = 0, most = 0;

	for (unsigned i = 0; i < SIZES; i++) {
		if (votes[i] > most) {
			most = votes[i];
			best = SIZE_FROM + i * SIZE_STEP;
		}
	}
	return best;
}

/* Known thread pointers: at which distance below do they have their thread's tid? */
static unsigned size_by_tid(const struct core *core, const vaddr *tp)
{
	const struct pthread_layout *l = pthread_layout(core);
	unsigned votes[SIZES] = { 0 };

	for (size_t t = 0; t < core->nthreads; t++) {
		for (unsigned i = 0; tp[t] && i < SIZES; i++) {
			uint32_t tid;

			if (core_read32(core, tp[t] - (SIZE_FROM + i * SIZE_STEP) + l->tid, &tid) &&
			    tid && (int)tid == core->thread[t].tid)
				votes[i]++;
		}
	}
	return most_voted(votes);
}

/*
 * Is at a thread pointer? There stands the address of dtv[0], a generation, which has the number
 * of entries in front and then the TLS block of the first module, the program's or libc's, which
 * is static: above the thread pointer (glibc sysdeps/generic/dl-dtv.h, elf/dl-tls.c).
 */
static bool has_dtv(const struct core *core, vaddr at)
{
	uint64_t dtv, entries, generation, block;

	return core_read64(core, at, &dtv) && dtv > 16 && !(dtv & 15) &&
	       core_read64(core, dtv - 16, &entries) && entries >= 1 && entries < 1 << 20 &&
	       core_read64(core, dtv, &generation) && generation < 1 << 30 &&
	       core_read64(core, dtv + 16, &block) && block - at >= 16 &&
	       block - at < STATIC_TLS_MAX;
}

static unsigned size_by_dtv(const struct core *core, const vaddr *pthread)
{
	unsigned votes[SIZES] = { 0 };

	for (size_t t = 0; t < core->nthreads; t++)
		for (unsigned i = 0; pthread[t] && i < SIZES; i++)
			votes[i] += has_dtv(core, pthread[t] + SIZE_FROM + i * SIZE_STEP);
	return most_voted(votes);
}

/* ---- structs without a thread pointer ---- */

static bool in_a_list(const struct core *core, vaddr links)
{
	unsigned word = core->machine->word;
	uint64_t next, prev, back, forth;

	return core_read_word(core, links, &next) && core_read_word(core, links + word, &prev) &&
	       core_read_word(core, next + word, &back) && core_read_word(core, prev, &forth) &&
	       back == links && forth == links;
}

static void note_struct(const struct core *core, vaddr at, uint32_t tid, vaddr *pthread)
{
	for (size_t t = 0; t < core->nthreads; t++)
		if ((uint32_t)core->thread[t].tid == tid && !pthread[t] &&
		    in_a_list(core, at + pthread_layout(core)->list))
			pthread[t] = at;
}

/* Structs by their tid: they are aligned to 16 at least. */
static void find_by_tid(const struct core *core, vaddr *pthread)
{
	const struct pthread_layout *l = pthread_layout(core);
	uint32_t least = UINT32_MAX, most = 0;

	for (size_t t = 0; t < core->nthreads; t++) {
		uint32_t tid = (uint32_t)core->thread[t].tid;

		least = tid && tid < least ? tid : least;
		most = tid > most ? tid : most;
	}
	for (vaddr stop, at = 0; core_written(core, &at, UINT64_MAX, &stop); at = stop) {
		const struct segment *s = core_segment(core, at);

		if (!(s->flags & SEG_W) || s->file >= 0)
			continue;
		for (vaddr a = round_up(at, 16) + l->tid % 16; a < stop && stop - a >= 8; a += 16) {
			uint32_t tid = load32(s->mem + (a - s->start));

			if (tid >= least && tid <= most)
				note_struct(core, a - l->tid, tid, pthread);
		}
	}
}

static bool any(const vaddr *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i])
			return true;
	return false;
}

static void find_above(const struct core *core, vaddr *tp, vaddr *pthread)
{
	bool known = any(tp, core->nthreads);
	unsigned size;

	if (!known)
		find_by_tid(core, pthread);
	size = known ? size_by_tid(core, tp) : size_by_dtv(core, pthread);
	for (size_t t = 0; size && t < core->nthreads; t++) {
		if (known && tp[t])
			pthread[t] = tp[t] - size;
		else if (pthread[t])
			tp[t] = pthread[t] + size;
	}
}

/* The thread pointer leads to the struct. */
static void find_at(const struct core *core, vaddr *tp, vaddr *pthread)
{
	if (any(tp, core->nthreads)) {
		memcpy(pthread, tp, core->nthreads * sizeof(*tp));
	} else if (core->machine->tp_kind != TP_REGISTER) {
		find_by_tid(core, pthread);
		memcpy(tp, pthread, core->nthreads * sizeof(*tp));
	}
}

void pthreads_find(const struct core *core, vaddr **tp, vaddr **pthread)
{
	*tp = mem_alloc(core->nthreads + 1, sizeof(**tp));
	*pthread = mem_alloc(core->nthreads + 1, sizeof(**pthread));
	for (size_t t = 0; t < core->nthreads; t++)
		(*tp)[t] = core->thread[t].regs[core->machine->tp];
	if (core->machine->tls_above)
		find_above(core, *tp, *pthread);
	else
		find_at(core, *tp, *pthread);
}
