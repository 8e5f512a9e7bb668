/*
 * Where a thread's stack ends. Without a system call, which a sandbox may punish: the main thread's
 * ends where ld.so found it, and begins where the limit of the start puts it; another's ends at its
 * struct pthread, which glibc puts at the upper end of the stack, and has the size that
 * pthread_create was given. On any other stack (signals, coroutines, threads made otherwise) only
 * the page that the stack pointer is in is certain.
 */
#include "preload/unwind.h"

#include <pthread.h>
#include <sys/resource.h>

#define PAGE     4096 /* the smallest: what is certain to be one piece */
#define KNOWN    1024 /* threads; where two share a slot, the later one */
#define MAIN_MAX (UINT64_C(1) << 30)
#define MAIN_DEF (UINT64_C(8) << 20)

extern void *__libc_stack_end __attribute__((weak));

static struct known {
	uintptr_t self, size;
} known[KNOWN];

static struct known *slot_of(uintptr_t self)
{
	return &known[self * UINT64_C(0x9e3779b97f4a7c15) >> 54];
}

void stack_is_main(void)
{
	struct rlimit limit;
	uintptr_t end, size = MAIN_DEF;

	if (!&__libc_stack_end || !__libc_stack_end)
		return;
	if (!getrlimit(RLIMIT_STACK, &limit) && limit.rlim_cur != RLIM_INFINITY)
		size = limit.rlim_cur < MAIN_MAX ? limit.rlim_cur : MAIN_MAX;
	end = (uintptr_t)__libc_stack_end;
	sites_thread.low = end - size;
	sites_thread.size = size;
}

void stack_of_thread(uintptr_t self, size_t size)
{
	struct known *k = slot_of(self);

	/* a reader between the two finds another's address, and waits for its next call */
	__atomic_store_n(&k->self, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&k->size, size, __ATOMIC_SEQ_CST);
	__atomic_store_n(&k->self, self, __ATOMIC_SEQ_CST);
}

uintptr_t stack_end_far(uintptr_t sp)
{
	struct sites_thread *t = &sites_thread;

	if (!t->size) {
		uintptr_t self = (uintptr_t)pthread_self();
		const struct known *k = slot_of(self);

		if (__atomic_load_n(&k->self, __ATOMIC_SEQ_CST) == self) {
			uintptr_t size = __atomic_load_n(&k->size, __ATOMIC_SEQ_CST);

			if (__atomic_load_n(&k->self, __ATOMIC_SEQ_CST) == self && size < self) {
				t->low = self - size;
				t->size = size;
			}
		}
	}
	if (sp - t->low < t->size)
		return t->low + t->size;
	return (sp & ~(uintptr_t)(PAGE - 1)) + PAGE;
}
