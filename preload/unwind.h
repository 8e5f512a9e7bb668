/*
 * unwind: from a call of malloc to its callers. On x86-64 each step follows what the compiler wrote
 * into .eh_frame for that return address, kept as one word in a cache (cfi.c), so that code without
 * frame pointers, such as most libraries, is no obstacle; where there is nothing written, and on
 * aarch64, whose compilers keep frame pointers, the frame pointer. Only words between the stack
 * pointer and the end of the thread's stack are read, so that no step can fault.
 */
#ifndef PRELOAD_UNWIND_H
#define PRELOAD_UNWIND_H

#include "preload/sites.h"

#pragma GCC visibility push(hidden)

/*
 * How to get from a frame to its caller: bits 0-2 enum rule_base; 0-15 without them: what to add
 * to it, in bytes; 16-21: where below that the caller's frame pointer is, in words, 0: it is
 * unchanged. The return address is the word below it. Bit 22: the code is libc's or the C++
 * library's.
 */
enum rule_base { RULE_NONE, RULE_SP, RULE_FP, RULE_STOP };

#define RULE_BITS     23
#define RULE(b, w, s) ((uint32_t)(b) | (uint32_t)(w) << 3 | (uint32_t)(s) << 16)
#define RULE_BASE     7u
#define RULE_BYTES    0xfff8u
#define RULE_WORDS    (RULE_BYTES / 8)
#define RULE_SAVED    0x3fu
#define RULE_INNER    (1u << 22)
#define RULE_FRAME    RULE(RULE_FP, 2, 2)   /* a frame pointer that points to the one before it */
#define RULE_NO_CODE  RULE(RULE_STOP, 0, 0) /* it lies in no module */

void cfi_start(void);

/* cfi.c: what is written for this return address; RULE_NO_CODE, if it lies in no module. Takes no
 * lock. */
uint32_t cfi_rule(uintptr_t pc);

/* stack.c: where the stack that sp is on ends, as far as it is certain. */
uintptr_t stack_end_far(uintptr_t sp);
void stack_is_main(void);
void stack_of_thread(uintptr_t self, size_t size);

/* The record of the stack of a call; 0: there is no room for it. */
uint32_t unwind_id(struct sites_from from);

/*
 * The first caller outside libc and the C++ library, whose strdup and operator new call malloc for
 * others: where from.pc lies in one of them. The caller itself, if no other is found.
 */
bool unwind_is_inner(uintptr_t pc);
uintptr_t unwind_caller(struct sites_from from);
void unwind_forget(void); /* what was learnt of code, as some is being unloaded */

#pragma GCC visibility pop

#endif
