/*
 * odd: threads in unusual places, each with blocks that only it holds: on stacks of the program's
 * own (mapped, and inside a malloc block), in a signal handler on an alternate stack, in suspended
 * and running coroutines, with a library's thread-local data loaded late; and a main thread that
 * has ended, when asked. "name size count reach" lines tell what is to be found.
 *
 *	odd LIBRARY [end]       LIBRARY: odd_tls.c, built as a shared object
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK 262144

static pthread_barrier_t barrier;
static ucontext_t back, apart, running;
static void *kept[8];
static void *volatile sink;
static void *(*volatile fresh)(size_t) = malloc;

static void say(const char *name, size_t size, int count, const char *reach)
{
	printf("%s %zu %d %s\n", name, size, count, reach);
}

/* Waits with a block that stands in this frame and nowhere else. */
static __attribute__((noinline)) void wait_with(size_t size)
{
	void *volatile block[2] = { fresh(size), NULL };

	sink = NULL;
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
	free(block[0]);
}

static void *plain(void *arg)
{
	wait_with((size_t)arg);
	return NULL;
}

static void start(void *(*routine)(void *), size_t size, void *stack, size_t stack_size)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	if (stack != NULL)
		pthread_attr_setstack(&attr, stack, stack_size);
	else if (stack_size != 0)
		pthread_attr_setstacksize(&attr, stack_size);
	if (pthread_create(&t, &attr, routine, (void *)size) != 0)
		abort();
	pthread_attr_destroy(&attr);
	pthread_barrier_wait(&barrier);
}

static void on_signal(int number)
{
	(void)number;
	wait_with(5300);
}

/* Interrupted: its own stack holds one block, the handler on the alternate stack another. */
static void *interrupted(void *arg)
{
	static char other[65536];
	stack_t alt = { .ss_sp = other, .ss_size = sizeof(other) };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	void *volatile block[2] = { fresh((size_t)arg), NULL };

	sigaltstack(&alt, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	free(block[0]);
	return NULL;
}

static void suspended(void)
{
	void *volatile block[2] = { fresh(5400), NULL };

	swapcontext(&apart, &back);
	free(block[0]);
}

static void in_coroutine(void)
{
	wait_with(5500);
}

/* Leaves one coroutine suspended, and goes on in another. */
static void *coroutines(void *arg)
{
	void *volatile block[2] = { fresh((size_t)arg), NULL };

	kept[0] = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	kept[1] = malloc(STACK);
	getcontext(&apart);
	apart.uc_stack.ss_sp = kept[0];
	apart.uc_stack.ss_size = STACK;
	makecontext(&apart, suspended, 0);
	swapcontext(&back, &apart);
	getcontext(&running);
	running.uc_stack.ss_sp = kept[1];
	running.uc_stack.ss_size = STACK;
	makecontext(&running, in_coroutine, 0);
	swapcontext(&back, &running);
	free(block[0]);
	return NULL;
}

/* The library's thread-local word is the only one that holds the block. */
static void late_tls(const char *path, size_t size)
{
	void *library = dlopen(path, RTLD_NOW);
	void (*set)(void *);

	if (library == NULL)
		abort();
	*(void **)&set = dlsym(library, "odd_tls_set");
	set(fresh(size));
	sink = NULL;
}

static const char *library;

static void *with_library(void *arg)
{
	late_tls(library, (size_t)arg);
	wait_with(5700);
	return NULL;
}

static __attribute__((noinline)) void scrub(void)
{
	volatile char waste[65536];

	memset((char *)waste, 0, sizeof(waste));
}

static __attribute__((noinline)) void start_all(void)
{
	char *wide = mmap(NULL, 3 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	                  0);

	pthread_barrier_init(&barrier, NULL, 2);
	start(plain, 5000, wide + STACK, STACK);
	say("own stack", 5000, 1, "reachable");
	*(void **)wide = fresh(5050); /* beside the stack, in the same mapping */
	say("beside a stack", 5050, 1, "reachable");
	start(plain, 5100, malloc(STACK), STACK);
	say("stack in a block", 5100, 1, "reachable");
	start(interrupted, 5200, NULL, 0);
	say("interrupted", 5200, 1, "reachable");
	say("handler", 5300, 1, "reachable");
	start(coroutines, 5600, NULL, 0);
	say("suspended coroutine", 5400, 1, "reachable");
	say("running coroutine", 5500, 1, "reachable");
	say("left for a coroutine", 5600, 1, "reachable");
	start(with_library, 5800, NULL, 0);
	say("beside late TLS", 5700, 1, "reachable");
	say("late TLS", 5800, 1, "possible"); /* its block is held by the dtv, and that inside */
	start(plain, 5900, NULL, 32768);
	say("small stack", 5900, 1, "reachable");
	for (int i = 0; i < 300; i++)
		sink = fresh(6000);
	sink = NULL;
	say("leaked", 6000, 300, "definite");
}

/* Where the main thread ends, its stack holds nothing any more. */
static __attribute__((noinline)) void leave(void *volatile block)
{
	sink = NULL;
	say("main thread's stack", 6200, 1, "definite");
	printf("ready\n");
	fflush(stdout);
	pthread_exit(NULL);
	free(block);
}

static void end_here(int number)
{
	void *volatile block[2] = { fresh(6400), NULL };

	(void)number;
	sink = NULL;
	printf("ready\n");
	fflush(stdout);
	for (;;)
		pause();
	free(block[0]);
}

/* As where a crash is handled: the main thread's own stack is not the one that it is on. */
static __attribute__((noinline)) void in_handler(void *volatile block)
{
	static char other[65536];
	stack_t alt = { .ss_sp = other, .ss_size = sizeof(other) };
	struct sigaction action = { .sa_handler = end_here, .sa_flags = SA_ONSTACK };

	say("main thread, interrupted", 6300, 1, "reachable");
	say("main thread's handler", 6400, 1, "reachable");
	sink = NULL;
	sigaltstack(&alt, NULL);
	sigaction(SIGUSR2, &action, NULL);
	raise(SIGUSR2);
	free(block);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	library = argv[1];
	start_all();
	late_tls(library, 6100);
	scrub();
	say("main thread's late TLS", 6100, 1, "reachable"); /* its dtv is ld.so's, no block */
	if (argc > 2)
		leave(fresh(6200));
	in_handler(fresh(6300));
	return 0;
}
