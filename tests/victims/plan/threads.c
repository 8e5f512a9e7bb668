/*
 * Threads: arenas of their own, blocks held by thread-local things, and threads that have exited.
 *
 * All threads are there before the first has its turn, for a thread that starts later would reuse
 * the stack of one that has exited, and wipe what is to be found there.
 */
#define _GNU_SOURCE
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARENA, SUBHEAP, PLAIN, JOINED, DETACHED, THREADS };
enum { KEYS = 48 };

static pthread_t thread[THREADS];
static sem_t turn[THREADS], done;
static volatile pid_t tid[THREADS];
static volatile int parked;
static struct park park_of[THREADS] = {
	[ARENA] = PARK_NONE, [SUBHEAP] = PARK_NONE, [PLAIN] = PARK_NONE
};
static volatile uint64_t below[THREADS];
static pthread_key_t key[KEYS], key_low, key_high;
static size_t bulk;

static __thread const void *volatile in_tls;
static __thread const void *volatile in_tls_data = "";

static void wait_for(sem_t *s)
{
	while (sem_wait(s))
		if (errno != EINTR)
			die("sem_wait");
}

NOINLINE void plant_tls(const char *label)
{
	bool exits = strstr(label, "exited");

	in_tls = get(88, exits ? T_DEFINITE : T_LIVE, label);
	in_tls_data = get(88, exits ? T_DEFINITE : T_LIVE, label);
}

/* Keys below 32 have their values in struct pthread, others in a block that it points to. */
NOINLINE void plant_keys(const char *label)
{
	enum truth_class class = strstr(label, "exited") ? T_DEFINITE : T_LIVE;

	if (pthread_setspecific(key_low, get(104, class, label)) ||
	    pthread_setspecific(key_high, get(104, class, label)))
		die("pthread_setspecific");
}

static void make_keys(void)
{
	for (int i = 0; i < KEYS; i++) {
		if (pthread_key_create(&key[i], NULL))
			die("pthread_key_create");
		if (key[i] < 32)
			key_low = key[i];
		else if (key[i] < 48)
			key_high = key[i];
	}
	if (key_high < 32)
		die("no key of the second level");
}

/*
 * libc's block for the second level, and the thread's arena and tcache, are to be there before the
 * first block is freed: they could get its address.
 */
static void ready_keys(void)
{
	void *volatile p = malloc(24);

	free(p);
	if (pthread_setspecific(key_high, "") || pthread_setspecific(key_high, NULL))
		die("pthread_setspecific");
}

/* A heap of an arena has 64 MiB at most, or 1 where words have 4 bytes. */
#define PART (sizeof(void *) == 8 ? 1u << 20 : 1u << 14)

/* More address space than a heap has, in one arena, of which next to nothing is touched. */
static NOINLINE void plant_subheaps(void)
{
	truth_group();
	mallopt(M_MMAP_THRESHOLD, 16 * PART);
	for (size_t i = 0; i < 6; i++) {
		if (i % 2)
			get(15 * PART + i * 48, T_DEFINITE, "subheap");
		else
			get_kept(15 * PART + i * 48, "subheap");
		get_kept(40, "subheap");
		get(72, T_DEFINITE, "subheap");
	}
	get(15 * PART, T_FREED, "subheap");
	get_kept(24, "subheap");
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

static NOINLINE void plant_thread(size_t i)
{
	switch (i) {
	case ARENA:
		plant_shapes();
		plant_sizes();
		plant_bulk(bulk);
		plant_aligned();
		plant_realloc();
		park_plant(&park_of[i]);
		loose_plant();
		break;
	case SUBHEAP:
		plant_subheaps();
		break;
	case PLAIN:
		plant_mmapped();
		break;
	default:
		plant_bulk(bulk / 4);
		plant_shapes();
	}
	if (i == JOINED || i == DETACHED) {
		plant_tls("held-by-tls-of-exited");
		plant_keys("held-by-key-of-exited");
		below[i] = hide(get(280, T_DEFINITE, "held-by-stack-of-exited"));
	} else {
		plant_tls("held-by-tls");
		plant_keys("held-by-key");
		below[i] = hide(get(264, T_DEFINITE, "held-by-dead-stack"));
	}
	if (i == ARENA)
		loose_free();
	truth_free_all("bulk");
	truth_free_all("subheap");
	truth_free_all("mmapped");
}

/* Near the top of the stack, which glibc does not give back when the thread exits. */
static NOINLINE void leave_on_stack(size_t i)
{
	volatile uint64_t word[320];

	for (size_t at = 0; at < 320; at++)
		word[at] = below[i] ^ HIDDEN;
	__asm__ volatile("" : : "r"(word) : "memory");
}

static NOINLINE void on_stack(const void *volatile *where)
{
	where[0] = get(296, T_LIVE, "held-by-stack");
	where[1] = (char *)get(296, T_POSSIBLE, "held-by-stack-inside") + 16;
}

static void *body(void *arg)
{
	size_t i = (size_t)arg;
	const void *volatile held[2];

	tid[i] = (pid_t)syscall(SYS_gettid);
	ready_keys();
	sem_post(&done);
	wait_for(&turn[i]);
	plant_thread(i);
	if (i < JOINED)
		on_stack(held);
	sem_post(&done);
	wait_for(&turn[i]);
	if (i >= JOINED) {
		leave_on_stack(i);
		return NULL;
	}
	scrub();
	leave_below(&below[i]);
	__atomic_add_fetch(&parked, 1, __ATOMIC_SEQ_CST);
	park(&park_of[i]);
	__asm__ volatile("" : : "r"(held) : "memory");
}

void threads_start(bool small)
{
	pthread_attr_t attr;

	bulk = small ? 150 : 5000;
	make_keys();
	ready_keys();
	if (sem_init(&done, 0, 0) || pthread_attr_init(&attr) ||
	    pthread_attr_setstacksize(&attr, 256 << 10))
		die("setting up the threads");
	for (size_t i = 0; i < THREADS; i++) {
		park_of[i].level = park_level();
		if (sem_init(&turn[i], 0, 0) || pthread_create(&thread[i], &attr, body, (void *)i))
			die("pthread_create");
		wait_for(&done);
	}
	pthread_attr_destroy(&attr);
	for (size_t i = 0; i < THREADS; i++) {
		sem_post(&turn[i]);
		wait_for(&done);
	}
	truth_note("threads", 1 + JOINED);
	truth_note("exited", THREADS - JOINED);
}

static bool asleep(pid_t id)
{
	char path[64], stat[512], *paren;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)id);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die("open of a thread's stat: is /proc mounted?");
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	stat[n > 0 ? n : 0] = 0;
	paren = strrchr(stat, ')');
	return paren && paren[1] == ' ' && paren[2] == 'S';
}

void threads_settle(void)
{
	if (pthread_detach(thread[DETACHED]))
		die("pthread_detach");
	for (size_t i = 0; i < THREADS; i++)
		sem_post(&turn[i]);
	if (pthread_join(thread[JOINED], NULL))
		die("pthread_join");
	while (!syscall(SYS_tgkill, getpid(), tid[DETACHED], 0))
		sched_yield();
	while (__atomic_load_n(&parked, __ATOMIC_SEQ_CST) < JOINED)
		sched_yield();
	for (size_t i = 0; i < JOINED; i++)
		while (!asleep(tid[i]))
			sched_yield();
}
