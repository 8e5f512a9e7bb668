/*
 * recorder: preloaded into a real program, it keeps the truth about its heap: every live block of
 * the malloc family, every thread's stack. What it knows stands in two anonymous mappings of its
 * own, so that a core of the process carries the truth with it. Every word in them that could be
 * taken for an address is kept inverted: the truth must not keep a leaked block alive.
 *
 *   control mapping: struct control (fixed address, opens with a magic), threads, pending starts
 *   table mapping:   struct entry[capacity], open addressing; replaced by a bigger one when full
 *
 * One lock is held around an operation and its record. Whoever holds it sees table and heap agree.
 *
 * Environment:
 *   REC_DROP=N      every N-th free of a recorded block is not done: the block leaks, and is live
 *   REC_HOLD=exit   the process holds still at its end (before exit handlers run)
 *   REC_HOLD=N      ... at its N-th operation
 * Another process may also write control.request: the next operation then holds still. A held
 * process keeps the lock, so nothing changes its heap any more.
 *
 *   REC_NUMBER=1    of each block its operation's number is kept in place of its caller: no two
 *                   blocks ever share one
 *   REC_NEXT=1      the functions that are called are those of the library preloaded behind it
 *
 * Otherwise they are libc's exported __libc_malloc and its kin: no dlsym() recursion.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void *__libc_valloc(size_t);
extern void *__libc_pvalloc(size_t);
extern void __libc_free(void *);

static struct {
	void *(*malloc)(size_t), *(*calloc)(size_t, size_t), *(*realloc)(void *, size_t);
	void *(*memalign)(size_t, size_t), *(*valloc)(size_t), *(*pvalloc)(size_t);
	void (*free)(void *);
} behind = { __libc_malloc, __libc_calloc,  __libc_realloc, __libc_memalign,
	     __libc_valloc, __libc_pvalloc, __libc_free };

static uint64_t frees, drop_every, hold_at;
static bool hold_exit;
static int owner_pid;

#define CALLER ((uintptr_t)__builtin_return_address(0))

/* ---- start-up, fork, end ----------------------------------------------------------------- */

static void read_environment(void)
{
	const char *drop = getenv("REC_DROP"), *when = getenv("REC_HOLD");

	if (drop != NULL)
		drop_every = strtoull(drop, NULL, 10);
	if (when != NULL && strcmp(when, "exit") == 0)
		hold_exit = true;
	else if (when != NULL)
		hold_at = strtoull(when, NULL, 10);
}

static bool asked_to_hold(void)
{
	if (hold_at != 0 && operations >= hold_at && ctl->pid == ~(uint64_t)owner_pid)
		return true;
	return __atomic_load_n(&ctl->request, __ATOMIC_RELAXED) != 0;
}

/* dlsym's own allocations are still libc's. */
static void find_next(void)
{
	static const char *const names[] = { "malloc", "calloc",  "realloc", "memalign",
		                             "valloc", "pvalloc", "free" };
	void *found[sizeof(names) / sizeof(names[0])];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		found[i] = dlsym(RTLD_NEXT, names[i]);
	if (sizeof(found) == sizeof(behind))
		memcpy(&behind, found, sizeof(behind));
}

/* The first operation comes from ld.so, while there is one thread and no constructor has run. */
void enter(void)
{
	if (ctl == NULL) {
		numbered = getenv("REC_NUMBER") != NULL;
		ledger_set_up();
		if (getenv("REC_NEXT") != NULL)
			find_next();
	}
	lock_take();
	operations++;
	if (lock_outermost() && asked_to_hold()) {
		publish();
		hold();
	}
}

/* Of two big blocks the first, freed, stands at the head of main_arena's unsorted list: its bk
 * is the list itself, which lies two words below bins[0]. Too big for tcache, and not mmapped. */
static bool main_arena_by(size_t size)
{
	uintptr_t *first = __libc_malloc(size), *second = __libc_malloc(size);
	bool new = ~ctl->glibc_minor >= 43, wide = sizeof(size_t) == 8;
	uint64_t bins = wide ? new ? 0x18 : 0x70 : new ? 0x10 : 0x40;
	bool heap = first != NULL && second != NULL && ((first[-1] | second[-1]) & 6) == 0;

	__libc_free(first);
	if (heap)
		ctl->main_arena = ~(first[1] + 2 * sizeof(size_t) - bins);
	__libc_free(second);
	return heap;
}

static void find_main_arena(void)
{
	static const size_t sizes[] = { 60000, 20000, 9000, 3000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (main_arena_by(sizes[i]))
			return;
}

static void fork_prepare(void)
{
	lock_take();
}

static void fork_parent(void)
{
	lock_drop();
}

static void fork_child(void)
{
	ctl->lock = 1;
	ctl->request = 0;
	ctl->pid = ~(uint64_t)syscall(SYS_getpid);
	lock_drop();
}

__attribute__((constructor(101))) static void construct(void)
{
	read_environment();
	owner_pid = (int)syscall(SYS_getpid);
	enter();
	find_main_arena();
	ctl->main_self = ~(uint64_t)pthread_self();
	ctl->main_stack = ~(uint64_t)(uintptr_t)__builtin_frame_address(0);
	lock_drop();
	unsetenv("REC_HOLD"); /* programs that this one starts do not hold */
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

static void end(void)
{
	if (!hold_exit || ctl == NULL || (int)syscall(SYS_getpid) != owner_pid)
		return;
	lock_take();
	hold();
}

static int (*real_main)(int, char **, char **);

static int held_main(int argc, char **argv, char **env)
{
	int status = real_main(argc, argv, env);

	end();
	return status;
}

int __libc_start_main(int (*start)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end);
int __libc_start_main(int (*start)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end)
{
	__typeof__(__libc_start_main) *real;

	*(void **)&real = dlsym(RTLD_NEXT, "__libc_start_main");
	real_main = start;
	return real(held_main, argc, argv, init, fini, rtld_fini, stack_end);
}

void exit(int status)
{
	__typeof__(exit) *real;

	end();
	*(void **)&real = dlsym(RTLD_NEXT, "exit");
	real(status);
	__builtin_unreachable();
}

void _exit(int status)
{
	end();
	for (;;)
		syscall(SYS_exit_group, status);
}

void _Exit(int status)
{
	_exit(status);
}

void quick_exit(int status)
{
	__typeof__(quick_exit) *real;

	end();
	*(void **)&real = dlsym(RTLD_NEXT, "quick_exit");
	real(status);
	__builtin_unreachable();
}

/* ---- threads ----------------------------------------------------------------------------- */

static void note_thread(void)
{
	static __typeof__(pthread_getattr_np) *getattr;
	uint64_t self = (uint64_t)pthread_self(), n, i;
	pthread_attr_t attr;
	void *lo = NULL;
	size_t size = 0;

	if (getattr == NULL)
		*(void **)&getattr = dlsym(RTLD_DEFAULT, "pthread_getattr_np");
	if (getattr == NULL || getattr(pthread_self(), &attr) != 0) {
		ctl->broken = 1;
		return;
	}
	pthread_attr_getstack(&attr, &lo, &size);
	pthread_attr_destroy(&attr);
	lock_take();
	n = ~ctl->nthreads;
	for (i = 0; i < n && ctl->thread[i].self != ~self; i++)
		;
	if (i < THREADS) {
		ctl->thread[i] = (struct thread_rec){ ~self, ~(uint64_t)(uintptr_t)lo,
			                              ~((uint64_t)(uintptr_t)lo + size) };
		if (i == n)
			ctl->nthreads = ~(n + 1);
	} else {
		ctl->broken = 1;
	}
	lock_drop();
}

static void *noted_start(void *slot)
{
	struct start_rec *s = slot;
	void *(*routine)(void *);
	void *arg;

	lock_take();
	routine = (void *(*)(void *))(uintptr_t)~s->routine;
	arg = (void *)(uintptr_t)~s->arg;
	s->routine = 0;
	lock_drop();
	note_thread();
	return routine(arg);
}

static struct start_rec *start_slot(uint64_t routine, uint64_t arg)
{
	for (;;) {
		lock_take();
		for (int i = 0; i < STARTS; i++) {
			if (ctl->start[i].routine != 0)
				continue;
			ctl->start[i] = (struct start_rec){ ~routine, ~arg };
			lock_drop();
			return &ctl->start[i];
		}
		lock_drop();
		usleep(1000);
	}
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*routine)(void *),
                   void *arg)
{
	static __typeof__(pthread_create) *real;
	struct start_rec *slot;
	int status;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	if (real == NULL)
		return ENOSYS;
	slot = start_slot((uintptr_t)routine, (uintptr_t)arg);
	status = real(thread, attr, noted_start, slot);
	if (status != 0)
		slot->routine = 0;
	return status;
}

/* ---- the malloc family ------------------------------------------------------------------- */

static void release(void *block)
{
	struct entry *e;

	if (block == NULL)
		return;
	enter();
	e = find(block);
	if (e != NULL && drop_every != 0 && ++frees % drop_every == 0) {
		dropped++;
		publish();
	} else {
		if (e != NULL)
			forget(e);
		behind.free(block);
	}
	lock_drop();
}

static void *aligned(size_t alignment, size_t size, uint64_t caller)
{
	void *block;

	enter();
	block = behind.memalign(alignment, size);
	record(block, size, caller);
	lock_drop();
	return block;
}

static void *resize(void *old, size_t size, uint64_t caller)
{
	struct entry *e, before;
	void *block;

	enter();
	e = old != NULL ? find(old) : NULL;
	if (e != NULL) {
		before = *e;
		forget(e);
	}
	block = behind.realloc(old, size);
	if (block != NULL) {
		record(block, size, caller);
	} else if (e != NULL && size != 0) {
		remember(before);
	}
	lock_drop();
	return block;
}

void *malloc(size_t size)
{
	void *block;

	enter();
	block = behind.malloc(size);
	record(block, size, CALLER);
	lock_drop();
	return block;
}

void *calloc(size_t n, size_t size)
{
	void *block;

	enter();
	block = behind.calloc(n, size);
	record(block, n * size, CALLER);
	lock_drop();
	return block;
}

void *realloc(void *old, size_t size)
{
	return resize(old, size, CALLER);
}

void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return resize(old, bytes, CALLER);
}

void free(void *block)
{
	int saved = errno;

	release(block);
	errno = saved;
}

void free_sized(void *block, size_t size);
void free_sized(void *block, size_t size)
{
	(void)size;
	release(block);
}

void free_aligned_sized(void *block, size_t alignment, size_t size);
void free_aligned_sized(void *block, size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	release(block);
}

void *memalign(size_t alignment, size_t size)
{
	return aligned(alignment, size, CALLER);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
		errno = EINVAL;
		return NULL;
	}
	return aligned(alignment, size, CALLER);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	int saved = errno;
	void *got;

	if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
		return EINVAL;
	got = aligned(alignment, size, CALLER);
	errno = saved;
	if (got == NULL)
		return ENOMEM;
	*block = got;
	return 0;
}

void *valloc(size_t size)
{
	void *block;

	enter();
	block = behind.valloc(size);
	record(block, size, CALLER);
	lock_drop();
	return block;
}

void *pvalloc(size_t size)
{
	void *block;

	enter();
	block = behind.pvalloc(size);
	record(block, size, CALLER);
	lock_drop();
	return block;
}
