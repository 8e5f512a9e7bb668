/*
 * storm THREADS SECONDS: threads allocate, grow, hand over and free at full speed, and fork: the
 * children do the same and end. A timer's signal interrupts them, whose handler allocates nothing.
 * Then all is still: prints `still`, waits for its end by a signal.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN    400u
#define SHARED 4096u

static __thread unsigned seed;
static volatile int stop;
static void *shared[SHARED];

static unsigned chance(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

#define NOINLINE __attribute__((noinline, noclone))

static NOINLINE void *one(size_t n)
{
	void *volatile p = malloc(n);

	return p;
}

static NOINLINE void *two(size_t n)
{
	void *volatile p = calloc(1, n);

	return p;
}

static NOINLINE void *grown(void *old, size_t n)
{
	void *volatile p = realloc(old, n);

	return p;
}

static NOINLINE void *deep(unsigned depth, size_t n)
{
	void *volatile p = depth ? deep(depth - 1, n) : n & 1 ? one(n) : two(n);

	return p;
}

static void child(void)
{
	void *own[300];

	for (unsigned i = 0; i < 300; i++)
		own[i] = deep(i % 5, 40 + i);
	for (unsigned i = 0; i < 300; i++)
		free(own[i]);
	_exit(0);
}

static void fork_once(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		child();
	if (pid < 0)
		return;
	while (waitpid(pid, &status, 0) < 0)
		;
	if (status != 0) {
		printf("a child ended with status %#x\n", (unsigned)status);
		exit(1);
	}
}

static void step(void **own)
{
	unsigned k = chance();
	size_t n = 16 + chance() % 300;
	void **mine = &own[k / 8 % OWN], **common = &shared[k / 8 % SHARED];

	switch (k % 5) {
	case 0:
	case 1:
		free(*mine);
		*mine = deep(k / 4096 % 9, n);
		break;
	case 2:
		*mine = grown(*mine, n);
		break;
	case 3:
		free(__atomic_exchange_n(common, deep(2, n), __ATOMIC_ACQ_REL));
		break;
	default:
		free(__atomic_exchange_n(common, NULL, __ATOMIC_ACQ_REL));
	}
}

static void *work(void *arg)
{
	void **own = calloc(OWN, sizeof(*own));

	seed = (unsigned)(size_t)arg * 7919 + 1;
	for (unsigned i = 1; !stop; i++) {
		step(own);
		if (i % 8192 == 0 && chance() % 16 == 0)
			fork_once();
	}
	return own; /* what is in it stays */
}

static void ignore(int signal)
{
	(void)signal;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
	struct itimerval timer = { { 0, 500 }, { 0, 500 } };
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	static void *volatile left[256];
	pthread_t thread[256];

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (size_t i = 0; i < n; i++)
		pthread_create(&thread[i], NULL, work, (void *)i);
	puts("runs");
	fflush(stdout);
	for (double left_over = argc > 2 ? atof(argv[2]) : 1; left_over > 0; left_over -= .05)
		usleep(50000);
	stop = 1;
	for (size_t i = 0; i < n; i++)
		pthread_join(thread[i], (void **)&left[i]);
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	puts("still");
	fflush(stdout);
	for (;;)
		pause();
}
