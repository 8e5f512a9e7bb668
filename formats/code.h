/*
 * code: x86-64 machine code, one instruction at a time, reduced to what a reader of data flow
 * needs: what moves, what is added, which registers are overwritten, where control goes. The
 * decoder behind it is Zydis. It knows no file, no function and no meaning of what is called.
 */
#ifndef FORMATS_CODE_H
#define FORMATS_CODE_H

#include "formats/base.h"

/* Machine numbers of the general registers. */
enum code_reg {
	CODE_RAX,
	CODE_RCX,
	CODE_RDX,
	CODE_RBX,
	CODE_RSP,
	CODE_RBP,
	CODE_RSI,
	CODE_RDI,
	CODE_R8,
	CODE_R9,
	CODE_R10,
	CODE_R11,
	CODE_REGS = 16,
	CODE_NO_REG = 255
};
#define CODE_VECTORS 16 /* xmm0 .. xmm15; those beyond are not looked at */

enum code_op {
	CODE_SAME,     /* nothing that matters: a nop, sign extension of rax in place */
	CODE_OTHER,    /* anything: `written` and `vectors` tell what it overwrites */
	CODE_MOVE,     /* op0 = op1 */
	CODE_EXTEND,   /* op0 = op1, widened from fewer bytes */
	CODE_ADDRESS,  /* op0 = the address that op1, memory, has */
	CODE_ADD,      /* op0 += op1 */
	CODE_SUB,      /* op0 -= op1 */
	CODE_XOR,      /* op0 ^= op1 */
	CODE_AND,      /* op0 &= op1 */
	CODE_SHIFT,    /* op0 <<= op1, a number */
	CODE_MULTIPLY, /* op0 *= op1, or op0 = op1 * op2 where there are three */
	CODE_TEST,     /* is op0 zero? A branch behind it may tell */
	CODE_SELECT,   /* op0 = op1 under a condition (cmov) */
	CODE_PUSH,
	CODE_POP,
	CODE_LEAVE,
	CODE_CALL,   /* op0; target where it is known */
	CODE_JUMP,   /* always */
	CODE_BRANCH, /* under a condition; target */
	CODE_RETURN,
	CODE_TRAP,  /* control does not go on */
	CODE_VMOVE, /* a whole vector register: register or memory, op0 = op1 */
	CODE_VZERO, /* op0, a vector register, = 0 */
	CODE_VLOW,  /* the low op0.size bytes, op0 = op1; into a register: what is above is 0 */
	CODE_VHIGH, /* the bytes 8 .. 15 of a vector register, from or to memory */
	CODE_VPACK, /* op0 = { low half of op1, low half of op2 } */
};

enum code_kind { CODE_NOTHING, CODE_GENERAL, CODE_VECTOR, CODE_MEMORY, CODE_NUMBER };

struct code_operand {
	enum code_kind kind;
	uint8_t size;   /* bytes */
	uint8_t reg;    /* CODE_GENERAL, CODE_VECTOR; memory: its base, CODE_NO_REG: none */
	uint8_t index;  /* memory; CODE_NO_REG: none */
	uint8_t scale;  /* memory: of index */
	bool high;      /* ah, bh, ch, dh */
	bool apart;     /* memory in another segment: fs or gs */
	bool absolute;  /* memory: number alone is the address (relative to the pc, or plain) */
	int64_t number; /* CODE_NUMBER; memory: the displacement */
};

struct code_insn {
	uint64_t at; /* address */
	uint8_t length;
	enum code_op op;
	struct code_operand operand[3];
	unsigned n;       /* operands in use */
	uint64_t target;  /* CODE_CALL, CODE_JUMP, CODE_BRANCH: where to; 0: not told by the code */
	uint8_t on_zero;  /* CODE_BRANCH: 1: taken where what was tested is zero; 2: where not */
	bool stores;      /* operand[0] is memory and is written */
	uint32_t written; /* bit by general register: overwritten, what the op tells included */
	uint32_t vectors; /* the same for vector registers */
};

struct code_decoder;
struct code_decoder *code_open(void);
void code_close(struct code_decoder *decoder);

/*
 * The instruction in bytes[0 .. size), which is at `at` in memory. False: there is none that is
 * valid, or it is cut off.
 */
bool code_decode(const struct code_decoder *decoder, const uint8_t *bytes, size_t size, uint64_t at,
                 struct code_insn *out);

#endif
