/*
 * Threads in number, and the child that such a process forks: the child has the memory of all
 * threads, their arenas and tcaches too, and none of the threads.
 */
#define _GNU_SOURCE
#include "kinds.h"

#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static int parked;
static enum truth_class held = T_LIVE;
static long blocks;
static struct park park_of = PARK_NONE;
static __thread const void *volatile in_tls;

/* Frees into the tcache of each thread; a block of the thread's arena that nobody has is left. */
static NOINLINE void plant_own(const void *volatile *on_stack)
{
	on_stack[0] = get(296, held, "held-by-stack");
	on_stack[1] = (char *)get(296, held == T_LIVE ? T_POSSIBLE : held, "inside-by-stack") + 16;
	in_tls = get(88, held, "held-by-tls");
	get(72, T_DEFINITE, "lost");
	get(56, T_FREED, "cached");
	plant_few(blocks, "few");
	free_few("cached");
	free_few("few");
}

static void *body(void *arg)
{
	const void *volatile on_stack[2];

	free(malloc(24)); /* arena and tcache before the first block that counts */
	pthread_mutex_lock(&turn);
	plant_own(on_stack);
	pthread_mutex_unlock(&turn);
	scrub();
	__atomic_add_fetch(&parked, 1, __ATOMIC_SEQ_CST);
	park(&park_of);
	__asm__ volatile("" : : "r"(on_stack) : "memory");
	return arg;
}

static NOINLINE void start(long threads)
{
	pthread_attr_t attr;
	pthread_t t;

	park_of.level = park_level();
	if (pthread_attr_init(&attr) || pthread_attr_setstacksize(&attr, 160 << 10))
		die("setting up the threads");
	truth_group();
	for (long i = 0; i < threads; i++)
		if (pthread_create(&t, &attr, body, NULL))
			die("pthread_create");
	pthread_attr_destroy(&attr);
	while (__atomic_load_n(&parked, __ATOMIC_SEQ_CST) < threads)
		usleep(1000);
	usleep(50000); /* from the count to the pause() there are a few instructions */
}

NOINLINE void kind_crowd(long threads)
{
	plant_few(100, "main");
	start(threads);
	free_few("main");
	truth_note("threads", 1 + (uint64_t)threads);
	truth_note("exited", 0);
}

NOINLINE void kind_fork(long threads)
{
	pid_t child;

	held = T_DEFINITE; /* in the child nobody can use it any more */
	blocks = 200;
	plant_few(100, "main");
	start(threads);
	child = fork();
	if (child > 0) {
		waitpid(child, NULL, 0);
		_exit(0);
	}
	prctl(PR_SET_PDEATHSIG, 9);
	plant_few(200, "child");
	free_few("main");
	free_few("child");
	truth_note("threads", 1);
	truth_note("exited", (uint64_t)threads);
}

/* The child of vfork has the memory of its parent, whose other threads go on in it. */
NOINLINE void kind_vfork(long threads)
{
	blocks = 100;
	kind_crowd(threads);
}

/* A child that posix_spawn made, of this program: it says what it holds, and the parent waits. */
NOINLINE void kind_spawn(long n)
{
	char number[24], *args[] = { "kinds", "crowd", number, (char *)kinds_truth, NULL };
	posix_spawnattr_t attr;
	pid_t child;

	plant_few(100, "parent");
	snprintf(number, sizeof(number), "%ld", n);
	if (posix_spawnattr_init(&attr) ||
	    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP) ||
	    posix_spawn(&child, "/proc/self/exe", NULL, &attr, args, environ))
		die("posix_spawn");
	waitpid(child, NULL, 0);
	_exit(0);
}
