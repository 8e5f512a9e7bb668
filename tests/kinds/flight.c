/*
 * A process to be stopped in the middle of malloc and free. It plants blocks, writes the truth, and
 * calls flight(): from there on one block at a time is under way, and the others stay as they are.
 */
#define _GNU_SOURCE
#include "kinds.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *volatile mine[64];

/*
 * Filled at once: what were the links of free chunks would else lead to other blocks from there. By
 * words, as each word of a string instruction counts as an instruction for gdb.
 */
static NOINLINE void take(unsigned at, void *p, size_t size)
{
	typedef char vector __attribute__((vector_size(64), aligned(1), may_alias));

	for (size_t i = 0; i + sizeof(vector) <= size; i += sizeof(vector))
		*(volatile vector *)((char *)p + i) = (vector){ 0 };
	memset((char *)p + size - (size < 64 ? size : 64), 0, size < 64 ? size : 64);
	mine[at] = p;
}

/*
 * The calls that are stopped in. Their blocks are not in the truth, nor those that they take:
 * requests up to 1032 bytes are 24 more than a multiple of 100 or 40.
 */
NOINLINE void flight(void)
{
	for (unsigned i = 0; i < 20; i++) {
		take(i, malloc(24 + i * 100), 24 + i * 100);
		take(i + 20, malloc(40), 40);
	}
	for (unsigned i = 0; i < 20; i++)
		free(mine[i]);
	for (unsigned i = 0; i < 20; i++) /* seven to the tcache, the others to a fastbin */
		free(mine[i + 20]);
	take(0, malloc(1900), 1900); /* what the fastbins hold is consolidated */
	take(1, realloc(mine[0], 9000), 9000);
	take(2, memalign(256, 700), 700);
	take(3, malloc(100000), 64); /* top is too small */
	take(4, malloc(300000), 64); /* a mapping */
	free(mine[4]);
	free(mine[3]);
	free(mine[2]);
	free(mine[1]);
	malloc_trim(0); /* of all arenas */
}

/*
 * An arena that flight() leaves alone until malloc_trim: the thread's tcache ends with it, so its
 * free blocks are in fastbins and bins.
 */
static void *other_arena(void *unused)
{
	uintptr_t heap;

	plant_few(400, "arena");
	free_few("arena");
	/* the heap's 64 MiB are in reserve but for 400 KiB, and gdb would write them */
	heap = (uintptr_t)truth_ptr(truth_last()) & ~(uintptr_t)((64 << 20) - 1);
	if (madvise((void *)(heap + (1 << 20)), 63 << 20, MADV_DONTDUMP))
		die("madvise");
	scrub();
	return unused;
}

/* Takes that thread's stack, and nothing of malloc's, which locks its arenas for two threads only.
 */
static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* Free blocks that wait in the tcache, of sizes that flight() does not ask for. */
static NOINLINE void plant_tcache(void)
{
	for (size_t i = 0; i < 50; i++) {
		get(64 + i % 10 * 100, T_FREED, "tcache");
		get_kept(40, "few"); /* no two of them are neighbours */
	}
}

NOINLINE void kind_flight(long blocks)
{
	void *volatile was[32];
	pthread_t thread;

	plant_tcache();
	truth_group();
	for (long i = 0; i < blocks; i++) {
		size_t size = 24 + dice() % 1500;

		if (i % 3)
			get_kept(size, "few");
		else
			get(size, T_DEFINITE, "few");
		/* lists that are not empty; flight() takes from them, so the truth has them not */
		if (i < 32)
			was[i] = malloc(24 + (size_t)i * 100);
	}
	for (size_t i = 0; i < 32; i++)
		free(was[i]);
	free_few("tcache");
	if (pthread_create(&thread, NULL, other_arena, NULL) || pthread_join(thread, NULL) ||
	    pthread_create(&thread, NULL, idle, NULL))
		die("no thread");
	truth_note("threads", 2);
	truth_note("exited", 1);
	truth_note("loader", 40);
}
