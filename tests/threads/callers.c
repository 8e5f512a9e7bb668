/*
 * Threads that wait, each in another way, so that their backtraces are known: in a condition, deep
 * in a recursion, in a signal handler on a stack of its own, in a callback of libc's qsort, in no
 * system call at all. The first thread ends the process, by the way that it is told.
 *
 * usage: callers abort|null|data|wait [THREADS]    THREADS: more that only sleep
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static volatile int steps;
static volatile uint64_t data[2] = { 0xc3c3c3c3c3c3c3c3, 0 };

#define APART __attribute__((noinline, noclone, used)) static

APART void *in_condition(void *arg)
{
	pthread_mutex_lock(&lock);
	for (;;)
		pthread_cond_wait(&never, &lock);
	return arg;
}

APART void fall(int depth)
{
	volatile char secret[32] = "pass"
				   "word-on-the-stack";

	if (depth)
		fall(depth - 1);
	else
		for (;;)
			pause();
	steps += secret[0];
}

APART void *in_recursion(void *arg)
{
	fall(40);
	return arg;
}

APART void handler(int signal)
{
	steps += signal;
	for (;;)
		pause();
}

APART void *in_handler(void *arg)
{
	stack_t stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	pthread_kill(pthread_self(), SIGUSR1);
	steps++;
	return arg;
}

APART int compare(const void *a, const void *b)
{
	for (;;)
		pause();
	return a < b;
}

APART void *in_callback(void *arg)
{
	int v[] = { 2, 1 };

	qsort(v, 2, sizeof(*v), compare);
	steps++;
	return arg;
}

APART void *in_loop(void *arg)
{
	for (;;)
		steps++;
	return arg;
}

static int sleepers;

APART void *in_sleep(void *arg)
{
	__atomic_add_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
	for (;;)
		sleep(1000);
	return arg;
}

APART void finish(const char *how)
{
	void (*volatile go)(void) = NULL;

	if (!strcmp(how, "data"))
		memcpy((void *)&go, &(const volatile void *){ data }, sizeof(go));
	if (!strcmp(how, "wait")) {
		puts("ready");
		fflush(stdout);
		for (;;)
			pause();
	}
	if (!strcmp(how, "abort"))
		abort();
	go();
	steps++;
}

int main(int argc, char **argv)
{
	void *(*const start[])(void *) = { in_condition, in_recursion, in_handler, in_callback,
		                           in_loop };
	int more = argc > 2 ? atoi(argv[2]) : 0;
	pthread_t thread;

	for (int i = 0; i < 5; i++)
		pthread_create(&thread, NULL, start[i], NULL);
	for (int i = 0; i < more; i++)
		if (pthread_create(&thread, NULL, in_sleep, NULL) != 0)
			return 3;
	usleep(500000);
	while (__atomic_load_n(&sleepers, __ATOMIC_SEQ_CST) < more)
		usleep(10000);
	finish(argc > 1 ? argv[1] : "abort");
	steps++;
	return 0;
}
