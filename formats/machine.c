#include "formats/machine.h"

#include <elf.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- x86-64 ---- */

static const char *const x86_names[] = { "r15",    "r14", "r13", "r12",      "rbp",     "rbx",
	                                 "r11",    "r10", "r9",  "r8",       "rax",     "rcx",
	                                 "rdx",    "rsi", "rdi", "orig_rax", "rip",     "cs",
	                                 "eflags", "rsp", "ss",  "fs_base",  "gs_base", "ds",
	                                 "es",     "fs",  "gs" };

static const uint8_t x86_shown[] = { USER_RAX, USER_RBX, USER_RCX,    USER_RDX,     USER_RSI,
	                             USER_RDI, USER_RBP, USER_RSP,    USER_R8,      USER_R9,
	                             USER_R10, USER_R11, USER_R12,    USER_R13,     USER_R14,
	                             USER_R15, USER_RIP, USER_EFLAGS, USER_FS_BASE, USER_GS_BASE };

/* System V ABI, AMD64 supplement, figure 3.36; 16 is the return address. */
static const uint8_t x86_dwarf[] = { USER_RAX, USER_RDX, USER_RCX, USER_RBX, USER_RSI, USER_RDI,
	                             USER_RBP, USER_RSP, USER_R8,  USER_R9,  USER_R10, USER_R11,
	                             USER_R12, USER_R13, USER_R14, USER_R15, USER_RIP };

/* ---- aarch64 ---- */

static const char *const arm_names[] = {
	"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",     "x10",   "x11",
	"x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",    "x22",   "x23",
	"x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp",  "pc",  "pstate", "tpidr",
};

static const uint8_t arm_shown[] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
	                             12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	                             24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34 };

/* DWARF for the Arm 64-bit Architecture, 4.1: 0-30 are x0-x30, 31 is sp; 32 (pc) is the caller's,
 * which the tables give as the value of x30. */
static const uint8_t arm_dwarf[] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
	                             11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
	                             22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 };

/* ---- i386 ---- */

static const char *const i386_names[] = { "ebx", "ecx", "edx",    "esi", "edi", "ebp",
	                                  "eax", "ds",  "es",     "fs",  "gs",  "orig_eax",
	                                  "eip", "cs",  "eflags", "esp", "ss",  "gs_base" };

static const uint8_t i386_shown[] = { I386_EAX, I386_EBX,    I386_ECX,    I386_EDX,
	                              I386_ESI, I386_EDI,    I386_EBP,    I386_ESP,
	                              I386_EIP, I386_EFLAGS, I386_GS_BASE };

/* System V ABI, Intel386 supplement, table 2.14; 8 is the return address. */
static const uint8_t i386_dwarf[] = { I386_EAX, I386_ECX, I386_EDX, I386_EBX, I386_ESP,
	                              I386_EBP, I386_ESI, I386_EDI, I386_EIP };

/* mov x8, #139; svc #0: Linux arch/arm64/kernel/vdso/sigreturn.S, qemu linux-user/aarch64. */
static const uint8_t arm_sigreturn[] = { 0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4 };

/* Linux include/linux/elfcore.h, include/linux/elfcore-compat.h, include/uapi/asm-generic/siginfo.h
 */
#define NOTES_64                                 \
	{                                        \
		12, 32, 112, 24, 40, 56, 136, 16 \
	}
#define NOTES_32                                \
	{                                       \
		12, 24, 72, 12, 28, 44, 124, 12 \
	}

static const struct machine machines[MACHINES] = {
	{
		.id = MACHINE_X86_64,
		.elf = EM_X86_64,
		.elf_class = ELFCLASS64,
		.word = 8,
		.name = "x86_64",
		.notes = NOTES_64,
		.reg = x86_names,
		.nregs = USER_REGS,
		.nsaved = USER_REGS,
		.pc = USER_RIP,
		.sp = USER_RSP,
		.tp = USER_FS_BASE,
		.shown = x86_shown,
		.nshown = COUNT(x86_shown),
		.dwarf = x86_dwarf,
		.ndwarf = COUNT(x86_dwarf),
		.dwarf_sp = 7,
		.dwarf_pc = 16,
		.dwarf_link = MACHINE_NO_REG,
		/* struct user_fpregs_struct: xmm_space */
		.vectors = { "xmm%u[%u]", 160, 16, 2 },
		.wide = WIDE_XSAVE,
		.wide_note = NT_X86_XSTATE,
		.red_zone = 128, /* System V ABI, AMD64 supplement, 3.2.2 */
		.pointer_mask = UINT64_MAX,
		.code_mask = UINT64_MAX,
	},
	{
		.id = MACHINE_AARCH64,
		.elf = EM_AARCH64,
		.elf_class = ELFCLASS64,
		.word = 8,
		.name = "aarch64",
		.notes = NOTES_64,
		.reg = arm_names,
		.nregs = ARM_REGS,
		.nsaved = ARM_TPIDR,
		.pc = ARM_PC,
		.sp = ARM_SP,
		.tp = ARM_TPIDR,
		.tp_kind = TP_NOTE,
		.tp_note = NT_ARM_TLS,
		.shown = arm_shown,
		.nshown = COUNT(arm_shown),
		.dwarf = arm_dwarf,
		.ndwarf = COUNT(arm_dwarf),
		.dwarf_sp = 31,
		.dwarf_pc = 32,
		.dwarf_link = 30,
		/* struct user_fpsimd_state */
		.vectors = { "v%u[%u]", 0, 32, 2 },
		.wide = WIDE_SVE,
		.wide_note = 0x405, /* NT_ARM_SVE */
		.red_zone = 0,      /* AAPCS64, 6.4.5: nothing below sp may be relied on */
		/* The kernel lets the processor ignore the top byte of every data address of a
	         * program, whether it asked for it or not (Documentation/arch/arm64/
	         * tagged-pointers.rst); memory tags (MTE) are in these bits, too. */
		.pointer_mask = UINT64_MAX >> 8,
		/* A signature (pointer authentication) takes the bits that an address leaves: those
	         * above 48, as programs get more only on request (arm64/memory.rst). */
		.code_mask = UINT64_MAX >> 16,
		.tls_above = true,
		.sigreturn = arm_sigreturn,
		.sigreturn_size = sizeof(arm_sigreturn),
		/* siginfo 128; ucontext: flags, link, stack 40, signal mask 128, to 16: 176; of
	         * sigcontext the fault address 8 (arm64 kernel/signal.c struct rt_sigframe) */
		.sigreturn_regs = 128 + 176 + 8,
	},
	{
		.id = MACHINE_I386,
		.elf = EM_386,
		.elf_class = ELFCLASS32,
		.word = 4,
		.name = "i386",
		.notes = NOTES_32,
		.reg = i386_names,
		.nregs = I386_REGS,
		.nsaved = I386_GS_BASE,
		.pc = I386_EIP,
		.sp = I386_ESP,
		.tp = I386_GS_BASE,
		.tp_kind = TP_DESCRIPTORS,
		.tp_note = NT_386_TLS,
		.tp_selector = I386_GS,
		.shown = i386_shown,
		.nshown = COUNT(i386_shown),
		.dwarf = i386_dwarf,
		.ndwarf = COUNT(i386_dwarf),
		.dwarf_sp = 4,
		.dwarf_pc = 8,
		.dwarf_link = MACHINE_NO_REG,
		/* of the fxsave area, which NT_PRXFPREG is and the XSAVE area begins with;
	         * NT_FPREGSET has x87's registers only */
		.vectors = { "xmm%u[%u]", 160, 8, 4 },
		.fx_note = NT_PRXFPREG,
		.wide = WIDE_XSAVE,
		.wide_note = NT_X86_XSTATE,
		.red_zone = 0,
		.pointer_mask = UINT64_MAX, /* words of 4 bytes have no other bits */
		.code_mask = UINT64_MAX,
	},
};

const struct machine *machine_find(uint16_t elf, uint8_t elf_class)
{
	for (size_t i = 0; i < MACHINES; i++)
		if (machines[i].elf == elf && machines[i].elf_class == elf_class)
			return &machines[i];
	return NULL;
}

const struct machine *machine_of(enum machine_id id)
{
	return &machines[id];
}
