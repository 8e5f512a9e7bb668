/*
 * machine: what differs between processors in a core, as data: where registers lie and what they
 * are called, which of them are pc, stack pointer and thread pointer, DWARF's numbers, the ABI's
 * red zone, which bits of a word are an address. It knows no core and no allocator.
 */
#ifndef FORMATS_MACHINE_H
#define FORMATS_MACHINE_H

#include "formats/base.h"

enum machine_id { MACHINE_X86_64, MACHINE_AARCH64, MACHINES };

#define MACHINE_REGS   35 /* the most that a machine has */
#define MACHINE_DWARF  33
#define MACHINE_NO_REG 0xff

/* Vector registers in NT_FPREGSET: count of words 64-bit words each, in one piece at offset. */
struct machine_vectors {
	const char *name; /* printf format: number of the register, of the word */
	unsigned offset, count, words;
};

/* The notes with wider vector registers. */
enum machine_wide {
	WIDE_XSAVE, /* NT_X86_XSTATE: XSAVE area, standard format */
	WIDE_SVE,   /* NT_ARM_SVE: struct user_sve_header, then the registers */
};

struct machine {
	enum machine_id id;
	uint16_t elf;     /* e_machine */
	const char *name; /* as uname -m says */

	const char *const *reg; /* names of thread.regs, nregs of them */
	uint8_t nregs;
	uint8_t nsaved;       /* the first so many are in NT_PRSTATUS; one more comes by tp_note */
	uint8_t pc, sp, tp;   /* indices into thread.regs */
	uint32_t tp_note;     /* owner "LINUX": the thread pointer; 0: in NT_PRSTATUS */
	const uint8_t *shown; /* indices in the order in which people list them, nshown of them */
	uint8_t nshown;

	/* DWARF register number to index, for 0 .. ndwarf - 1; pc has its own number or ndwarf - 1
	 */
	const uint8_t *dwarf;
	uint8_t ndwarf;
	uint8_t dwarf_sp, dwarf_pc;
	uint8_t dwarf_link; /* where a call leaves the return address; MACHINE_NO_REG: the stack */

	struct machine_vectors vectors;
	enum machine_wide wide;
	uint32_t wide_note; /* owner "LINUX" */

	unsigned red_zone;     /* bytes below sp that are in use */
	uint64_t pointer_mask; /* of a word: what the processor takes as a data address */
	uint64_t code_mask;    /* of a return address: the same without its signature */
	bool tls_above;        /* static TLS lies above the thread pointer, the TCB below it */
	/* Code of the kernel's sigreturn trampoline where its unwind table loses the interrupted
	 * pc: sigreturn_size bytes; then the registers lie at sp + sigreturn_regs, in the order of
	 * regs. */
	const uint8_t *sigreturn;
	unsigned sigreturn_size, sigreturn_regs;
};

/* By ELF's e_machine (of class 64, little-endian); NULL: not known to this version. */
const struct machine *machine_find(uint16_t elf);
const struct machine *machine_of(enum machine_id id);

/* x86-64's struct user_regs_struct, Linux arch/x86/include/asm/user_64.h: indices into regs. */
enum reg_index {
	USER_R15,
	USER_R14,
	USER_R13,
	USER_R12,
	USER_RBP,
	USER_RBX,
	USER_R11,
	USER_R10,
	USER_R9,
	USER_R8,
	USER_RAX,
	USER_RCX,
	USER_RDX,
	USER_RSI,
	USER_RDI,
	USER_ORIG_RAX,
	USER_RIP,
	USER_CS,
	USER_EFLAGS,
	USER_RSP,
	USER_SS,
	USER_FS_BASE,
	USER_GS_BASE,
	USER_DS,
	USER_ES,
	USER_FS,
	USER_GS,
	USER_REGS
};

/* aarch64's struct user_pt_regs, Linux arch/arm64/include/uapi/asm/ptrace.h, from x0 to x30; behind
 * it the thread pointer, which has a note of its own. */
enum arm_reg_index {
	ARM_X0,
	ARM_X29 = 29,
	ARM_LR,
	ARM_SP,
	ARM_PC,
	ARM_PSTATE,
	ARM_TPIDR,
	ARM_REGS
};

#endif
