/*
 * machine: what differs between processors in a core, as data: where registers lie and what they
 * are called, which of them are pc, stack pointer and thread pointer, DWARF's numbers, the ABI's
 * red zone, which bits of a word are an address. It knows no core and no allocator.
 */
#ifndef FORMATS_MACHINE_H
#define FORMATS_MACHINE_H

#include "formats/base.h"

enum machine_id { MACHINE_X86_64, MACHINE_AARCH64, MACHINE_I386, MACHINES };

#define MACHINE_REGS   35 /* the most that a machine has */
#define MACHINE_DWARF  33
#define MACHINE_NO_REG 0xff

/* Vector registers in NT_FPREGSET: count of so many words each, in one piece at offset. */
struct machine_vectors {
	const char *name; /* printf format: number of the register, of the word */
	unsigned offset, count, words;
};

/* The notes with wider vector registers. */
enum machine_wide {
	WIDE_XSAVE, /* NT_X86_XSTATE: XSAVE area, standard format */
	WIDE_SVE,   /* NT_ARM_SVE: struct user_sve_header, then the registers */
};

/* Where the thread pointer is. */
enum machine_tp {
	TP_REGISTER,    /* in NT_PRSTATUS */
	TP_NOTE,        /* the first word of tp_note */
	TP_DESCRIPTORS, /* tp_note has segment descriptors, tp_selector says which: NT_386_TLS */
};

/* Offsets in the notes whose fields depend on the word. */
struct machine_notes {
	uint16_t cursig, tid, regs;         /* struct elf_prstatus */
	uint16_t pid, fname, psargs, psize; /* struct elf_prpsinfo, and its size */
	uint16_t address;                   /* siginfo's si_addr */
};

struct machine {
	enum machine_id id;
	uint16_t elf;      /* e_machine */
	uint8_t elf_class; /* ELFCLASS64 or ELFCLASS32 */
	uint8_t word;      /* bytes of a pointer, of size_t and of a register: 8 or 4 */
	const char *name;  /* as uname -m says */
	struct machine_notes notes;

	const char *const *reg; /* names of thread.regs, nregs of them */
	uint8_t nregs;
	uint8_t nsaved;     /* the first so many are in NT_PRSTATUS; one more comes by tp_note */
	uint8_t pc, sp, tp; /* indices into thread.regs */
	enum machine_tp tp_kind;
	uint32_t tp_note;     /* owner "LINUX" */
	uint8_t tp_selector;  /* index into thread.regs: TP_DESCRIPTORS */
	const uint8_t *shown; /* indices in the order in which people list them, nshown of them */
	uint8_t nshown;

	/* DWARF register number to index, for 0 .. ndwarf - 1; pc has its own number or ndwarf - 1
	 */
	const uint8_t *dwarf;
	uint8_t ndwarf;
	uint8_t dwarf_sp, dwarf_pc;
	uint8_t dwarf_link; /* where a call leaves the return address; MACHINE_NO_REG: the stack */

	struct machine_vectors vectors;
	uint32_t fx_note; /* owner "LINUX": has them in place of NT_FPREGSET; 0: that has them */
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

/* By ELF's e_machine and class (little-endian); NULL: not known to this version. */
const struct machine *machine_find(uint16_t elf, uint8_t elf_class);
const struct machine *machine_of(enum machine_id id);

/* All bits that a word of this machine has. */
static inline uint64_t machine_bits(const struct machine *m)
{
	return m->word == 8 ? UINT64_MAX : UINT32_MAX;
}

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

/* i386's struct user_regs_struct, Linux arch/x86/include/asm/user_32.h, in the kernel's 64-bit
 * sources user32.h; behind it the base of the segment that gs selects, which is in NT_386_TLS. */
enum i386_reg_index {
	I386_EBX,
	I386_ECX,
	I386_EDX,
	I386_ESI,
	I386_EDI,
	I386_EBP,
	I386_EAX,
	I386_DS,
	I386_ES,
	I386_FS,
	I386_GS,
	I386_ORIG_EAX,
	I386_EIP,
	I386_CS,
	I386_EFLAGS,
	I386_ESP,
	I386_SS,
	I386_GS_BASE,
	I386_REGS
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
