#include "formats/code.h"

#include <Zydis/Zydis.h>

struct code_decoder {
	ZydisDecoder zydis;
};

struct code_decoder *code_open(void)
{
	struct code_decoder *d = mem_alloc(1, sizeof(*d));

	ZydisDecoderInit(&d->zydis, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return d;
}

void code_close(struct code_decoder *decoder)
{
	mem_free(decoder);
}

/* Number of a general register of any width; CODE_NO_REG: it is none. */
static uint8_t general(ZydisRegister reg, bool *high)
{
	ZydisRegisterClass class = ZydisRegisterGetClass(reg);

	*high = reg == ZYDIS_REGISTER_AH || reg == ZYDIS_REGISTER_BH || reg == ZYDIS_REGISTER_CH ||
	        reg == ZYDIS_REGISTER_DH;
	if (class != ZYDIS_REGCLASS_GPR8 && class != ZYDIS_REGCLASS_GPR16 &&
	    class != ZYDIS_REGCLASS_GPR32 && class != ZYDIS_REGCLASS_GPR64)
		return CODE_NO_REG;
	reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	return reg == ZYDIS_REGISTER_NONE ? CODE_NO_REG : (uint8_t)ZydisRegisterGetId(reg);
}

static uint8_t vector(ZydisRegister reg)
{
	ZydisRegisterClass class = ZydisRegisterGetClass(reg);
	int id = ZydisRegisterGetId(reg);

	if (class != ZYDIS_REGCLASS_XMM && class != ZYDIS_REGCLASS_YMM &&
	    class != ZYDIS_REGCLASS_ZMM)
		return CODE_NO_REG;
	return id >= 0 && id < CODE_VECTORS ? (uint8_t)id : CODE_NO_REG;
}

static void take_memory(const ZydisDecodedOperand *from, uint64_t next, struct code_operand *to)
{
	bool high;

	to->kind = CODE_MEMORY;
	to->apart = from->mem.segment == ZYDIS_REGISTER_FS ||
	            from->mem.segment == ZYDIS_REGISTER_GS;
	to->number = from->mem.disp.has_displacement ? from->mem.disp.value : 0;
	to->reg = general(from->mem.base, &high);
	to->index = general(from->mem.index, &high);
	to->scale = from->mem.scale;
	if (from->mem.base == ZYDIS_REGISTER_RIP) {
		to->number = (int64_t)((uint64_t)to->number + next);
		to->absolute = true;
	} else {
		to->absolute = to->reg == CODE_NO_REG && to->index == CODE_NO_REG;
	}
}

static void take_operand(const ZydisDecodedOperand *from, uint64_t next, struct code_operand *to)
{
	*to = (struct code_operand){ .size = (uint8_t)(from->size / 8 > 64 ? 64 : from->size / 8),
		                     .reg = CODE_NO_REG,
		                     .index = CODE_NO_REG };
	switch (from->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		to->reg = general(from->reg.value, &to->high);
		to->kind = CODE_GENERAL;
		if (to->reg != CODE_NO_REG)
			break;
		to->reg = vector(from->reg.value);
		to->kind = to->reg == CODE_NO_REG ? CODE_NOTHING : CODE_VECTOR;
		break;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		take_memory(from, next, to);
		break;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		to->kind = CODE_NUMBER;
		to->number = from->imm.value.s;
		break;
	default:
		break;
	}
}

/* What is overwritten, by operands that are not spelled out, too. */
static void take_written(const ZydisDecodedOperand *ops, unsigned n, struct code_insn *out)
{
	for (unsigned i = 0; i < n; i++) {
		bool high;
		uint8_t reg;

		if (ops[i].type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		reg = general(ops[i].reg.value, &high);
		if (reg != CODE_NO_REG) {
			out->written |= 1u << reg;
			continue;
		}
		reg = vector(ops[i].reg.value);
		if (reg != CODE_NO_REG)
			out->vectors |= 1u << reg;
	}
}

static enum code_op plain_op(ZydisMnemonic m)
{
	switch (m) {
	case ZYDIS_MNEMONIC_CDQE:
	case ZYDIS_MNEMONIC_NOP:
		return CODE_SAME;
	case ZYDIS_MNEMONIC_MOV:
		return CODE_MOVE;
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_MOVZX:
		return CODE_EXTEND;
	case ZYDIS_MNEMONIC_LEA:
		return CODE_ADDRESS;
	case ZYDIS_MNEMONIC_ADD:
		return CODE_ADD;
	case ZYDIS_MNEMONIC_SUB:
		return CODE_SUB;
	case ZYDIS_MNEMONIC_XOR:
		return CODE_XOR;
	case ZYDIS_MNEMONIC_AND:
		return CODE_AND;
	case ZYDIS_MNEMONIC_SHL:
		return CODE_SHIFT;
	case ZYDIS_MNEMONIC_MUL:
	case ZYDIS_MNEMONIC_IMUL:
		return CODE_MULTIPLY;
	case ZYDIS_MNEMONIC_PUSH:
		return CODE_PUSH;
	case ZYDIS_MNEMONIC_POP:
		return CODE_POP;
	case ZYDIS_MNEMONIC_LEAVE:
		return CODE_LEAVE;
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_INT3:
		return CODE_TRAP;
	default:
		return CODE_OTHER;
	}
}

static enum code_op vector_op(ZydisMnemonic m)
{
	switch (m) {
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVDQU:
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_MOVAPD:
	case ZYDIS_MNEMONIC_MOVUPD:
	case ZYDIS_MNEMONIC_VMOVDQA:
	case ZYDIS_MNEMONIC_VMOVDQU:
	case ZYDIS_MNEMONIC_VMOVAPS:
	case ZYDIS_MNEMONIC_VMOVUPS:
	case ZYDIS_MNEMONIC_VMOVAPD:
	case ZYDIS_MNEMONIC_VMOVUPD:
		return CODE_VMOVE;
	case ZYDIS_MNEMONIC_MOVQ:
	case ZYDIS_MNEMONIC_MOVD:
	case ZYDIS_MNEMONIC_VMOVQ:
	case ZYDIS_MNEMONIC_VMOVD:
	case ZYDIS_MNEMONIC_MOVSS:
	case ZYDIS_MNEMONIC_MOVSD:
	case ZYDIS_MNEMONIC_VMOVSS:
	case ZYDIS_MNEMONIC_VMOVSD:
	case ZYDIS_MNEMONIC_MOVLPS:
	case ZYDIS_MNEMONIC_MOVLPD:
	case ZYDIS_MNEMONIC_VMOVLPS:
	case ZYDIS_MNEMONIC_VMOVLPD:
		return CODE_VLOW;
	case ZYDIS_MNEMONIC_MOVHPS:
	case ZYDIS_MNEMONIC_MOVHPD:
	case ZYDIS_MNEMONIC_VMOVHPS:
	case ZYDIS_MNEMONIC_VMOVHPD:
		return CODE_VHIGH;
	case ZYDIS_MNEMONIC_PUNPCKLQDQ:
	case ZYDIS_MNEMONIC_VPUNPCKLQDQ:
	case ZYDIS_MNEMONIC_MOVLHPS:
	case ZYDIS_MNEMONIC_VMOVLHPS:
	case ZYDIS_MNEMONIC_UNPCKLPD:
	case ZYDIS_MNEMONIC_VUNPCKLPD:
		return CODE_VPACK;
	case ZYDIS_MNEMONIC_PXOR:
	case ZYDIS_MNEMONIC_VPXOR:
	case ZYDIS_MNEMONIC_XORPS:
	case ZYDIS_MNEMONIC_VXORPS:
	case ZYDIS_MNEMONIC_XORPD:
	case ZYDIS_MNEMONIC_VXORPD:
		return CODE_VZERO;
	default:
		return CODE_OTHER;
	}
}

static enum code_op branch_op(const ZydisDecodedInstruction *insn)
{
	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		return CODE_CALL;
	case ZYDIS_CATEGORY_UNCOND_BR:
		return CODE_JUMP;
	case ZYDIS_CATEGORY_COND_BR:
		return CODE_BRANCH;
	case ZYDIS_CATEGORY_RET:
		return CODE_RETURN;
	case ZYDIS_CATEGORY_CMOV:
		return CODE_SELECT;
	default:
		return CODE_OTHER;
	}
}

static bool same_vector(const struct code_operand *a, const struct code_operand *b)
{
	return a->kind == CODE_VECTOR && b->kind == CODE_VECTOR && a->reg == b->reg;
}

/* test r,r or cmp of something, with 0 */
static bool is_test(const struct code_insn *insn)
{
	const struct code_operand *o = insn->operand;

	if (insn->n != 2 || o[0].size != 8)
		return false;
	return (o[1].kind == CODE_NUMBER && !o[1].number && o[0].kind != CODE_NOTHING) ||
	       (o[0].kind == CODE_GENERAL && o[1].kind == CODE_GENERAL && o[0].reg == o[1].reg);
}

/* Forms that the op does not describe become CODE_OTHER. */
static enum code_op settle(const struct code_insn *insn, enum code_op op)
{
	const struct code_operand *o = insn->operand;

	switch (op) {
	case CODE_VZERO:
		return o[0].kind == CODE_VECTOR && same_vector(&o[insn->n - 2], &o[insn->n - 1])
		               ? op
		               : CODE_OTHER;
	case CODE_VMOVE:
	case CODE_VLOW:
	case CODE_MOVE:
		return insn->n == 2 && o[0].kind != CODE_NOTHING && o[1].kind != CODE_NOTHING
		               ? op
		               : CODE_OTHER;
	case CODE_VHIGH:
		return insn->n == 2 && (o[0].kind == CODE_MEMORY || o[1].kind == CODE_MEMORY)
		               ? op
		               : CODE_OTHER;
	case CODE_VPACK:
		return o[0].kind == CODE_VECTOR ? op : CODE_OTHER;
	case CODE_SHIFT:
		return insn->n >= 2 && o[1].kind == CODE_NUMBER ? op : CODE_OTHER;
	case CODE_MULTIPLY:
		return insn->n >= 2 ? op : CODE_OTHER;
	case CODE_TEST:
		return is_test(insn) ? op : CODE_OTHER;
	default:
		return op;
	}
}

static void classify(const ZydisDecodedInstruction *z, struct code_insn *out)
{
	enum code_op op = branch_op(z);

	if (op == CODE_OTHER)
		op = plain_op(z->mnemonic);
	if (op == CODE_OTHER)
		op = vector_op(z->mnemonic);
	if (z->mnemonic == ZYDIS_MNEMONIC_TEST || z->mnemonic == ZYDIS_MNEMONIC_CMP)
		op = CODE_TEST;
	if (op == CODE_MULTIPLY && out->n == 1) { /* rdx:rax = rax * operand */
		out->operand[1] = out->operand[0];
		out->operand[0] = (struct code_operand){ .kind = CODE_GENERAL,
			                                 .size = out->operand[1].size,
			                                 .reg = CODE_RAX };
		out->n = 2;
	}
	out->op = settle(out, op);
	if (z->mnemonic == ZYDIS_MNEMONIC_JZ || z->mnemonic == ZYDIS_MNEMONIC_JNZ)
		out->on_zero = z->mnemonic == ZYDIS_MNEMONIC_JZ ? 1 : 2;
	if ((out->op == CODE_CALL || out->op == CODE_JUMP || out->op == CODE_BRANCH) && out->n &&
	    out->operand[0].kind == CODE_NUMBER)
		out->target = out->at + out->length + (uint64_t)out->operand[0].number;
}

bool code_decode(const struct code_decoder *decoder, const uint8_t *bytes, size_t size, uint64_t at,
                 struct code_insn *out)
{
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder->zydis, bytes, size, &insn, ops)))
		return false;
	*out = (struct code_insn){ .at = at, .length = insn.length };
	out->n = insn.operand_count_visible < 3 ? insn.operand_count_visible : 3;
	for (unsigned i = 0; i < out->n; i++)
		take_operand(&ops[i], at + insn.length, &out->operand[i]);
	out->stores = out->n && out->operand[0].kind == CODE_MEMORY &&
	              (ops[0].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE);
	take_written(ops, insn.operand_count, out);
	classify(&insn, out);
	return true;
}
