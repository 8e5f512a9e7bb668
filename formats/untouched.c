#include "formats/untouched.h"

#define RESERVE_MIN    (UINT64_C(64) << 10) /* a guard is smaller */
#define AT_MINSIGSTKSZ 51                   /* elf.h has it from glibc 2.34 on */
#define SIGNAL_STACK   UINT64_C(8192)       /* SIGSTKSZ (asm/signal.h), but on aarch64 */
#define SIGNAL_STACK_A UINT64_C(16384)

static bool no_access(const struct segment *s)
{
	return !(s->flags & (SEG_R | SEG_W | SEG_X));
}

static bool is_reserve(const struct segment *s)
{
	return no_access(s) && s->end - s->start >= RESERVE_MIN;
}

static bool is_signal_stack(const struct core *core, const struct segment *guard,
                            const struct segment *s)
{
	uint64_t size = core->machine->id == MACHINE_AARCH64 ? SIGNAL_STACK_A : SIGNAL_STACK, least;

	if (!no_access(guard) || guard->end - guard->start != core->page_size)
		return false;
	if (core_auxv(core, AT_MINSIGSTKSZ, &least) && least > size && least < RESERVE_MIN)
		size = least;
	return s->flags == (SEG_R | SEG_W) && s->end - s->start == round_up(size, core->page_size);
}

bool untouched_plainly(const struct core *core, const struct segment *s)
{
	const struct segment *before = s > core->seg && s[-1].end == s->start ? s - 1 : NULL;
	const struct segment *after = s + 1 < core->seg + core->nseg && s[1].start == s->end ? s + 1
	                                                                                     : NULL;

	if (s->meant_end > s->start || core_file(core, s->start) || s->absent ||
	    core->kind == CORE_GCORE)
		return false;
	if (before && before->file >= 0 && (before->flags & SEG_W))
		return true;
	return (before && (is_reserve(before) || is_signal_stack(core, before, s))) ||
	       (after && is_reserve(after));
}
