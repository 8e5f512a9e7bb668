/*
 * spots: a process that says of addresses of its own what is there, a line each:
 *
 *	0xADDRESS KIND [DETAIL]
 *
 * KIND: tls (DETAIL: thread id and variable+offset), red-zone, stack, unused-stack (thread id), and
 * of freed memory tcache, fastbin, unsorted, smallbin, largebin, top. What is where follows from
 *the order of its own calls (malloc(3), mallopt(3)) and from its stack pointers, not from malloc's
 * structures. Then it aborts.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 8

struct cell {
	long numbers[64];
	char text[256];
};

__thread struct cell thread_cell;
__thread long thread_words[100];
static __thread struct {
	long id, more[30];
} thread_private;

static pthread_barrier_t barrier;
static struct {
	uint64_t sp;
	int tid;
	int *go;
} threads[THREADS];

static void tell(uint64_t at, const char *kind, const char *detail)
{
	printf("0x%llx %s%s%s\n", (unsigned long long)at, kind, *detail ? " " : "", detail);
}

static void tell_range(const volatile void *p, size_t n, size_t step, const char *kind, int tid,
                       const char *name)
{
	for (size_t i = 0; i < n; i += step) {
		char detail[80];

		snprintf(detail, sizeof(detail), "%d %s+%zu", tid, name, i);
		tell((uint64_t)(uintptr_t)p + i, kind, detail);
	}
}

static void tell_tls(int tid)
{
	tell_range(&thread_cell, sizeof(thread_cell), 8, "tls", tid, "thread_cell");
	tell_range(thread_words, sizeof(thread_words), 8, "tls", tid, "thread_words");
	tell_range(&thread_private, sizeof(thread_private), 8, "tls", tid, "thread_private");
}

/* Waits for ever with a stack pointer that it has told of: pause() without a frame of its own. */
static void wait_here(uint64_t *sp)
{
	__asm__ volatile("movq %%rsp, (%0)\n"
	                 "1: movl $34, %%eax\n"
	                 "syscall\n"
	                 "jmp 1b"
	                 :
	                 : "r"(sp)
	                 : "rax", "rcx", "r11", "memory");
	__builtin_unreachable();
}

static void *run(void *arg)
{
	int i = (int)(intptr_t)arg;

	threads[i].tid = (int)syscall(SYS_gettid);
	thread_private.id = i;
	flockfile(stdout);
	tell_tls(threads[i].tid);
	funlockfile(stdout);
	pthread_barrier_wait(&barrier);
	wait_here(&threads[i].sp);
	return NULL;
}

static void tell_stacks(void)
{
	for (int i = 0; i < THREADS; i++) {
		volatile uint64_t *sp = &threads[i].sp;
		char tid[16];

		while (!*sp)
			usleep(1000);
		snprintf(tid, sizeof(tid), "%d", threads[i].tid);
		for (int k = 0; k < 128; k++) {
			tell(*sp - 1 - (uint64_t)k, "red-zone", tid);
			tell(*sp + (uint64_t)k, "stack", tid);
			tell(*sp - 129 - 16 * (uint64_t)k, "unused-stack", tid);
		}
	}
}

/* Blocks of a size, with one that stays in use behind each. */
struct batch {
	size_t size;
	int n;
	const char *rest;
	void *p[55];
};

static void make(struct batch *b)
{
	for (int i = 0; i < b->n; i++) {
		b->p[i] = malloc(b->size);
		memset(b->p[i], 0, b->size);
		if (!malloc(16))
			exit(1);
	}
}

/* The first seven go to the tcache, which takes blocks of up to 1032 bytes; the others elsewhere.
 */
static void free_all(const struct batch *b)
{
	for (int i = 0; i < b->n; i++) {
		uint64_t at = (uint64_t)(uintptr_t)b->p[i];
		const char *kind = b->size <= 1032 && i < 7 ? "tcache" : b->rest;

		free(b->p[i]);
		for (uint64_t k = 0; k < b->size; k += 8)
			tell(at + k, kind, "");
	}
}

/*
 * What is freed lies in the unsorted list until something bigger is asked for, and then in the bin
 * of its size; what is small stays in a fastbin until something large is.
 */
static void tell_free(void)
{
	static struct batch sorted[] = { { 200, 40, "smallbin", { 0 } },
		                         { 600, 30, "smallbin", { 0 } },
		                         { 1500, 20, "largebin", { 0 } } },
			    fast[] = { { 24, 55, "fastbin", { 0 } },
		                       { 56, 55, "fastbin", { 0 } },
		                       { 104, 55, "fastbin", { 0 } } },
			    unsorted = { 900, 20, "unsorted", { 0 } };
	volatile char *last;

	for (size_t i = 0; i < 3; i++) {
		make(&sorted[i]);
		make(&fast[i]);
	}
	make(&unsorted);
	for (size_t i = 0; i < 3; i++)
		free_all(&sorted[i]);
	last = malloc(60000);
	last[0] = 1;
	for (size_t i = 0; i < 3; i++)
		free_all(&fast[i]);
	free_all(&unsorted);
	for (uint64_t i = 0; i < 1000; i++) /* the last block: what is behind it is top's */
		tell((uint64_t)(uintptr_t)last + 60000 + 64 + i * 512, "top", "");
}

int main(void)
{
	static char out[1 << 21]; /* stdout asks malloc for nothing */

	setvbuf(stdout, out, _IOFBF, sizeof(out));
	mallopt(M_MMAP_THRESHOLD, 1 << 22);
	mallopt(M_TRIM_THRESHOLD, 1 << 28);
	mallopt(M_TOP_PAD, 1 << 20);
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++) {
		pthread_t t;

		if (pthread_create(&t, NULL, run, (void *)(intptr_t)i))
			return 1;
	}
	pthread_barrier_wait(&barrier);
	tell_tls((int)syscall(SYS_gettid));
	tell_stacks();
	tell_free();
	fflush(stdout);
	abort();
}
