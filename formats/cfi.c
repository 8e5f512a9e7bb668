#include "formats/cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

enum {
	STACK_MAX = 64,   /* values */
	STEPS_MAX = 1000, /* operations run for one expression */
};

/* A DWARF expression being run: DWARF 5, section 2.5. */
struct run {
	const struct cfi_regs *regs;
	struct cfi_memory *memory;
	const vaddr *cfa;        /* NULL: not known yet */
	const vaddr *frame_base; /* of a function; NULL: not known */
	uint64_t stack[STACK_MAX];
	size_t n;
	enum cfi_result failed; /* CFI_STEP: all is well */
	bool value;             /* the result is the value itself, else its address */
	bool in_register;       /* the result is a register's number */
};

static bool fail(struct run *run, enum cfi_result why)
{
	run->failed = why;
	return false;
}

static bool push(struct run *run, uint64_t v)
{
	if (run->n == STACK_MAX)
		return fail(run, CFI_BAD);
	run->stack[run->n++] = v & machine_bits(run->regs->machine); /* DWARF 5, 2.5.1 */
	return true;
}

static uint64_t pop(struct run *run)
{
	if (!run->n) {
		run->failed = CFI_BAD;
		return 0;
	}
	return run->stack[--run->n];
}

static bool push_reg(struct run *run, uint64_t reg, uint64_t offset)
{
	if (reg >= run->regs->machine->ndwarf || !(run->regs->known >> reg & 1))
		return fail(run, CFI_BAD);
	return push(run, run->regs->v[reg] + offset);
}

static bool push_picked(struct run *run, uint64_t depth)
{
	if (depth >= run->n)
		return fail(run, CFI_BAD);
	return push(run, run->stack[run->n - 1 - depth]);
}

static bool deref(struct run *run)
{
	uint64_t at = pop(run), v = 0;

	if (run->failed != CFI_STEP)
		return false;
	if (!run->memory->read_word(run->memory, at, &v))
		return fail(run, CFI_UNREAD);
	return push(run, v);
}

static int64_t as_signed(const struct run *run, uint64_t v)
{
	return run->regs->machine->word == 8 ? (int64_t)v : (int32_t)v;
}

/* Two values from the stack make one. */
static bool combine(struct run *run, unsigned atom)
{
	uint64_t b = pop(run), a = pop(run);
	int64_t sa = as_signed(run, a), sb = as_signed(run, b);

	if (run->failed != CFI_STEP)
		return false;
	switch (atom) {
	case DW_OP_plus:
		return push(run, a + b);
	case DW_OP_minus:
		return push(run, a - b);
	case DW_OP_mul:
		return push(run, a * b);
	case DW_OP_and:
		return push(run, a & b);
	case DW_OP_or:
		return push(run, a | b);
	case DW_OP_xor:
		return push(run, a ^ b);
	case DW_OP_shl:
		return push(run, b < 64 ? a << b : 0);
	case DW_OP_shr:
		return push(run, b < 64 ? a >> b : 0);
	case DW_OP_shra:
		b = b < 64 ? b : 63;
		return push(run, (uint64_t)sa >> b | (sa < 0 && b ? ~(UINT64_MAX >> b) : 0));
	case DW_OP_eq:
		return push(run, a == b);
	case DW_OP_ne:
		return push(run, a != b);
	case DW_OP_lt:
		return push(run, sa < sb);
	case DW_OP_le:
		return push(run, sa <= sb);
	case DW_OP_gt:
		return push(run, sa > sb);
	case DW_OP_ge:
		return push(run, sa >= sb);
	case DW_OP_swap:
		return push(run, b) && push(run, a);
	default:
		return fail(run, CFI_BAD);
	}
}

static bool unary(struct run *run, unsigned atom)
{
	uint64_t v = pop(run);

	if (run->failed != CFI_STEP)
		return false;
	switch (atom) {
	case DW_OP_dup:
		return push(run, v) && push(run, v);
	case DW_OP_drop:
		return true;
	case DW_OP_neg:
		return push(run, -v);
	case DW_OP_not:
		return push(run, ~v);
	case DW_OP_abs:
		return push(run, as_signed(run, v) < 0 ? -v : v);
	default:
		return fail(run, CFI_BAD);
	}
}

static bool operate(struct run *run, const Dwarf_Op *op)
{
	unsigned atom = op->atom;

	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
		return push(run, atom - DW_OP_lit0);
	if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
		return push_reg(run, atom - DW_OP_breg0, op->number);
	if (atom >= DW_OP_reg0 && atom <= DW_OP_reg31) {
		run->in_register = true;
		return push(run, atom - DW_OP_reg0);
	}
	switch (atom) {
	case DW_OP_addr:
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return push(run, op->number);
	case DW_OP_bregx:
		return push_reg(run, op->number, op->number2);
	case DW_OP_regx:
		run->in_register = true;
		return push(run, op->number);
	case DW_OP_call_frame_cfa:
		return run->cfa ? push(run, *run->cfa) : fail(run, CFI_BAD);
	case DW_OP_fbreg:
		return run->frame_base ? push(run, *run->frame_base + op->number)
		                       : fail(run, CFI_BAD);
	case DW_OP_plus_uconst:
		return push(run, pop(run) + op->number);
	case DW_OP_deref:
		return deref(run);
	case DW_OP_over:
		return push_picked(run, 1);
	case DW_OP_pick:
		return push_picked(run, op->number);
	case DW_OP_stack_value:
		run->value = true;
		return true;
	case DW_OP_nop:
		return true;
	case DW_OP_dup:
	case DW_OP_drop:
	case DW_OP_neg:
	case DW_OP_not:
	case DW_OP_abs:
		return unary(run, atom);
	default:
		return combine(run, atom);
	}
}

/* Index of the operation that a branch at i goes to; n: the end; SIZE_MAX: into the middle of one.
 */
static size_t branch(const Dwarf_Op *ops, size_t n, size_t i)
{
	Dwarf_Word target = ops[i].offset + 3 + (Dwarf_Word)(int16_t)ops[i].number;

	for (size_t k = 0; k < n; k++)
		if (ops[k].offset == target)
			return k;
	return target > ops[n - 1].offset ? n : SIZE_MAX;
}

static bool evaluate(struct run *run, const Dwarf_Op *ops, size_t n, uint64_t *result)
{
	size_t i = 0;

	for (size_t steps = 0; i < n; steps++) {
		unsigned atom = ops[i].atom;

		if (steps == STEPS_MAX)
			return fail(run, CFI_BAD);
		if (atom == DW_OP_skip || (atom == DW_OP_bra && pop(run))) {
			i = branch(ops, n, i);
			if (i == SIZE_MAX)
				return fail(run, CFI_BAD);
			continue;
		}
		if (run->failed != CFI_STEP || (atom != DW_OP_bra && !operate(run, &ops[i])))
			return false;
		i++;
	}
	*result = pop(run);
	return run->failed == CFI_STEP;
}

static enum cfi_result frame_cfa(Dwarf_Frame *frame, const struct cfi_regs *regs,
                                 struct cfi_memory *memory, vaddr *cfa)
{
	struct run run = { .regs = regs, .memory = memory, .failed = CFI_STEP };
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_frame_cfa(frame, &ops, &n) || !n)
		return CFI_BAD;
	return evaluate(&run, ops, n, cfa) ? CFI_STEP : run.failed;
}

/* The caller's value of one register. CFI_LAST: the tables say that it is lost. */
static enum cfi_result caller_reg(Dwarf_Frame *frame, int reg, const struct cfi_regs *regs,
                                  struct cfi_memory *memory, const vaddr *cfa, uint64_t *value)
{
	struct run run = { .regs = regs, .memory = memory, .cfa = cfa, .failed = CFI_STEP };
	Dwarf_Op mem[3], *ops;
	uint64_t result;
	size_t n;

	if (dwarf_frame_register(frame, reg, mem, &ops, &n))
		return CFI_BAD;
	if (!n && ops == mem)
		return CFI_LAST;
	if (!n) {
		*value = regs->v[reg];
		return regs->known >> reg & 1 ? CFI_STEP : CFI_LAST;
	}
	if (!evaluate(&run, ops, n, &result))
		return run.failed;
	if (run.in_register) {
		if (result >= regs->machine->ndwarf || !(regs->known >> result & 1))
			return CFI_LAST;
		*value = regs->v[result];
	} else if (run.value) {
		*value = result;
	} else if (!memory->read_word(memory, result, value)) {
		return CFI_UNREAD;
	}
	return CFI_STEP;
}

static enum cfi_result apply(Dwarf_Frame *frame, int ra, struct cfi_regs *regs,
                             struct cfi_memory *memory, vaddr *cfa)
{
	const struct machine *m = regs->machine;
	struct cfi_regs caller = { .machine = m };
	enum cfi_result result = frame_cfa(frame, regs, memory, cfa);

	if (result != CFI_STEP)
		return result;
	result = caller_reg(frame, ra, regs, memory, cfa, &caller.v[m->dwarf_pc]);
	if (result != CFI_STEP)
		return result;
	caller.v[m->dwarf_pc] &= m->code_mask;
	caller.known = UINT64_C(1) << m->dwarf_pc;
	for (int reg = 0; reg < m->dwarf_pc; reg++)
		if (caller_reg(frame, reg, regs, memory, cfa, &caller.v[reg]) == CFI_STEP)
			caller.known |= UINT64_C(1) << reg;
	/* all psABIs: the CFA is the stack pointer before the call */
	if (!(caller.known >> m->dwarf_sp & 1) || m->dwarf_link != MACHINE_NO_REG) {
		caller.v[m->dwarf_sp] = *cfa;
		caller.known |= UINT64_C(1) << m->dwarf_sp;
	}
	*regs = caller;
	return CFI_STEP;
}

enum cfi_result cfi_step(const struct image *image, vaddr bias, uint64_t look,
                         struct cfi_regs *regs, struct cfi_memory *memory, vaddr *cfa, bool *signal)
{
	for (int debug = 0; debug < 2; debug++) {
		uint64_t table_bias = 0;
		Dwarf_CFI *cfi = image_cfi(image, debug, &table_bias);
		enum cfi_result result;
		Dwarf_Frame *frame;
		int ra;

		if (!cfi || dwarf_cfi_addrframe(cfi, look - bias - table_bias, &frame))
			continue;
		ra = dwarf_frame_info(frame, NULL, NULL, signal);
		result = ra >= 0 && ra < regs->machine->ndwarf ? apply(frame, ra, regs, memory, cfa)
		                                               : CFI_BAD;
		mem_free(frame); /* libdw: the caller frees it */
		return result;
	}
	return CFI_NONE;
}

bool cfi_locate(const struct cfi_regs *regs, struct cfi_memory *memory, const vaddr *cfa,
                const vaddr *frame_base, const void *ops, size_t n, struct cfi_location *out)
{
	struct run run = { .regs = regs,
		           .memory = memory,
		           .cfa = cfa,
		           .frame_base = frame_base,
		           .failed = CFI_STEP };

	if (!n || !evaluate(&run, ops, n, &out->value))
		return false;
	out->in_register = run.in_register;
	out->is_value = run.value;
	return !run.in_register || out->value < regs->machine->ndwarf;
}
