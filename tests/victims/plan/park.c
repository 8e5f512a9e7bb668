/*
 * Where threads end. park() is assembly: it alone says what the registers and the red zone hold
 * when the core is taken, so that "held only by a register" is true whatever the compiler does.
 */
#define _GNU_SOURCE
#include "plan.h"

#include <alloca.h>
#include <string.h>

_Static_assert(offsetof(struct park, level) == 80, "park: the assembly knows the offsets");

#if defined(__x86_64__)

__asm__(".text\n"
        ".globl park\n"
        ".type park, @function\n"
        "park:\n"
        ".cfi_startproc\n"
        "	cmpq $1, 80(%rdi)\n"
        "	jb 1f\n"
        "	vzeroall\n"
        "	je 2f\n"
        "	.irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
        "	vpxorq %zmm\\n, %zmm\\n, %zmm\\n\n"
        "	.endr\n"
        /* the widest first: what follows writes below it */
        "	movq 32(%rdi), %rax\n"
        "	notq %rax\n"
        "	vmovq %rax, %xmm0\n"
        "	vinserti64x4 $1, %ymm0, %zmm9, %zmm9\n"
        "	movq 40(%rdi), %rax\n"
        "	notq %rax\n"
        "	vpbroadcastq %rax, %zmm20\n"
        "2:\n"
        "	movq 24(%rdi), %rax\n"
        "	notq %rax\n"
        "	vmovq %rax, %xmm0\n"
        "	vinsertf128 $1, %xmm0, %ymm8, %ymm8\n"
        "	vpxor %xmm0, %xmm0, %xmm0\n"
        "	jmp 3f\n"
        "1:\n"
        "	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "	pxor %xmm\\n, %xmm\\n\n"
        "	.endr\n"
        "3:\n"
        "	movq 16(%rdi), %rax\n"
        "	notq %rax\n"
        "	movq %rax, %xmm7\n"
        "	movq 48(%rdi), %rax\n"
        "	notq %rax\n"
        "	movq %rax, -64(%rsp)\n"
        "	movq 56(%rdi), %rax\n"
        "	notq %rax\n"
        "	movq %rax, -128(%rsp)\n"
        "	movq 64(%rdi), %rax\n"
        "	notq %rax\n"
        "	movq %rax, -136(%rsp)\n"
        "	movq 0(%rdi), %rbx\n"
        "	notq %rbx\n"
        "	movq 8(%rdi), %r12\n"
        "	notq %r12\n"
        "	movq 72(%rdi), %rax\n"
        "	xorl %ebp, %ebp\n"
        "	xorl %ecx, %ecx\n"
        "	xorl %edx, %edx\n"
        "	xorl %esi, %esi\n"
        "	xorl %edi, %edi\n"
        "	xorl %r8d, %r8d\n"
        "	xorl %r9d, %r9d\n"
        "	xorl %r10d, %r10d\n"
        "	xorl %r11d, %r11d\n"
        "	xorl %r13d, %r13d\n"
        "	xorl %r14d, %r14d\n"
        "	xorl %r15d, %r15d\n"
        "	testq %rax, %rax\n"
        "	jne 5f\n"
        "4:	movl $34, %eax\n" /* pause() */
        "	syscall\n"
        "	jmp 4b\n"
        "5:	movl $39, %eax\n" /* getpid() */
        "	syscall\n"
        "	movl %eax, %r13d\n"
        "	movl $186, %eax\n" /* gettid() */
        "	syscall\n"
        "	movl %r13d, %edi\n"
        "	movl %eax, %esi\n"
        "	movl $6, %edx\n"   /* SIGABRT */
        "	movl $234, %eax\n" /* tgkill() */
        "	syscall\n"
        "	ud2\n"
        ".cfi_endproc\n"
        ".size park, . - park\n"
        ".text\n");

uint64_t park_level(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f"))
		return PARK_AVX512;
	return __builtin_cpu_supports("avx") ? PARK_AVX : PARK_SSE;
}

#elif defined(__aarch64__)

/* rbx is x19, r12 x20; xmm7 the low half of v7, ymm8_high the high half of v8. No red zone. */
__asm__(".text\n"
        ".globl park\n"
        ".type park, %function\n"
        "park:\n"
        ".cfi_startproc\n"
        "	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "	movi v\\n\\().2d, #0\n"
        "	.endr\n"
        "	.irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
        "	movi v\\n\\().2d, #0\n"
        "	.endr\n"
        "	ldr x1, [x0, #16]\n"
        "	mvn x1, x1\n"
        "	mov v7.d[0], x1\n"
        "	ldr x1, [x0, #24]\n"
        "	mvn x1, x1\n"
        "	mov v8.d[1], x1\n"
        "	ldr x1, [x0, #48]\n"
        "	mvn x1, x1\n"
        "	stur x1, [sp, #-64]\n"
        "	ldr x1, [x0, #56]\n"
        "	mvn x1, x1\n"
        "	stur x1, [sp, #-128]\n"
        "	ldr x1, [x0, #64]\n"
        "	mvn x1, x1\n"
        "	stur x1, [sp, #-136]\n"
        "	ldr x19, [x0]\n"
        "	mvn x19, x19\n"
        "	ldr x20, [x0, #8]\n"
        "	mvn x20, x20\n"
        "	ldr x9, [x0, #72]\n"
        "	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18\n"
        "	mov x\\n, xzr\n"
        "	.endr\n"
        "	.irp n, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30\n"
        "	mov x\\n, xzr\n"
        "	.endr\n"
        "	cbnz x9, 5f\n"
        "4:	mov x8, #73\n" /* ppoll(NULL, 0, NULL, NULL, 0) */
        "	mov x0, xzr\n"
        "	svc #0\n"
        "	b 4b\n"
        "5:	mov x8, #172\n" /* getpid() */
        "	svc #0\n"
        "	mov x21, x0\n"
        "	mov x8, #178\n" /* gettid() */
        "	svc #0\n"
        "	mov x1, x0\n"
        "	mov x0, x21\n"
        "	mov x2, #6\n"   /* SIGABRT */
        "	mov x8, #131\n" /* tgkill() */
        "	svc #0\n"
        "	brk #0\n"
        ".cfi_endproc\n"
        ".size park, . - park\n"
        ".text\n");

uint64_t park_level(void)
{
	return PARK_AVX;
}

#elif defined(__i386__)

/* rbx is edi, r12 esi; of eight vector registers 6 stands for 8 and 5 for 9. No red zone. */
__asm__(".text\n"
        ".macro show at, reg\n"
        "	movl \\at(%edi), %\\reg\n"
        "	xorl $0x80000000, %\\reg\n"
        ".endm\n"
        ".globl park\n"
        ".type park, @function\n"
        "park:\n"
        ".cfi_startproc\n"
        "	movl 4(%esp), %edi\n"
        "	cmpl $1, 80(%edi)\n"
        "	jb 1f\n"
        "	vzeroall\n"
        "	je 2f\n"
        "	show 32, eax\n"
        "	vmovd %eax, %xmm0\n"
        "	vinserti64x4 $1, %ymm0, %zmm5, %zmm5\n"
        "2:\n"
        "	show 24, eax\n"
        "	vmovd %eax, %xmm0\n"
        "	vinsertf128 $1, %xmm0, %ymm6, %ymm6\n"
        "	vpxor %xmm0, %xmm0, %xmm0\n"
        "	jmp 3f\n"
        "1:\n"
        "	.irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"
        "	pxor %xmm\\n, %xmm\\n\n"
        "	.endr\n"
        "3:\n"
        "	show 16, eax\n"
        "	movd %eax, %xmm7\n"
        "	show 48, eax\n"
        "	movl %eax, -64(%esp)\n"
        "	show 56, eax\n"
        "	movl %eax, -128(%esp)\n"
        "	show 64, eax\n"
        "	movl %eax, -136(%esp)\n"
        "	show 8, esi\n"
        "	show 0, ebx\n"
        "	movl 72(%edi), %eax\n"
        "	movl %ebx, %edi\n"
        "	xorl %ebx, %ebx\n"
        "	xorl %ecx, %ecx\n"
        "	xorl %edx, %edx\n"
        "	xorl %ebp, %ebp\n"
        "	testl %eax, %eax\n"
        "	jne 5f\n"
        "4:	movl $29, %eax\n" /* pause() */
        "	int $0x80\n"
        "	jmp 4b\n"
        "5:	movl $20, %eax\n" /* getpid() */
        "	int $0x80\n"
        "	movl %eax, %ebx\n"
        "	movl $224, %eax\n" /* gettid() */
        "	int $0x80\n"
        "	movl %eax, %ecx\n"
        "	movl $6, %edx\n"   /* SIGABRT */
        "	movl $270, %eax\n" /* tgkill() */
        "	int $0x80\n"
        "	ud2\n"
        ".cfi_endproc\n"
        ".size park, . - park\n"
        ".text\n");

uint64_t park_level(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f"))
		return PARK_AVX512;
	return __builtin_cpu_supports("avx") ? PARK_AVX : PARK_SSE;
}

#endif

/* What is written just below the stack pointer holds a block only where the ABI keeps it. */
#if defined(__x86_64__)
#define RED_ZONE T_LIVE
#else
#define RED_ZONE T_DEFINITE
#endif

/* gdb 13.1 writes no upper halves of zmm0 to zmm7 where the processor lays them out as AMD's do. */
#if defined(__i386__)
#define GCORE_LOSES 1
#else
#define GCORE_LOSES 0
#endif

static uint64_t secret(size_t size, enum truth_class class, const char *label)
{
	return hide(get(size, class, label));
}

NOINLINE void park_plant(struct park *p)
{
	p->level = park_level();
	p->rbx = secret(104, T_LIVE, "held-by-rbx");
	p->r12 = secret(120, T_LIVE, "held-by-r12");
	p->xmm7 = secret(136, T_LIVE, "held-by-xmm");
	if (p->level >= PARK_AVX)
		p->ymm8_high = secret(152, T_LIVE, "held-by-ymm-high");
	if (p->level >= PARK_AVX512 && !(GCORE_LOSES && p->action == PARK_PAUSE)) {
		p->zmm9_high = secret(168, T_LIVE, "held-by-zmm-high");
#if !defined(__i386__) /* which has eight */
		p->zmm20 = secret(184, T_LIVE, "held-by-zmm16-31");
#endif
	}
	p->sp_minus_64 = secret(200, RED_ZONE, "held-by-red-zone");
	p->sp_minus_128 = secret(216, RED_ZONE, "held-by-red-zone-end");
	p->sp_minus_136 = secret(232, T_DEFINITE, "held-below-red-zone");
}

enum { SCRUB_BYTES = 96 << 10 };

NOINLINE void scrub(void)
{
	char *dead = alloca(SCRUB_BYTES);

	memset(dead, 0, SCRUB_BYTES);
	__asm__ volatile("" : : "r"(dead) : "memory");
}

NOINLINE void leave_below(const volatile uint64_t *slot)
{
	volatile uint64_t *dead = alloca(SCRUB_BYTES / 2);

	dead[0] = *slot ^ HIDDEN;
	dead[1] = *slot ^ HIDDEN;
	__asm__ volatile("" : : "r"(dead) : "memory");
}
