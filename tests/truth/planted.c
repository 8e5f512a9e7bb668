/*
 * planted: a program that says which of its blocks are what, for the recorder and the reference
 * marker to be judged by. Each kind of block has a size of its own; "name size count reach" lines
 * on standard output tell what is to be found. Then it waits.
 *
 * Where an int overwrites one half of a stack slot, the other half of an old pointer stays: the
 * word reads as a multiple of 4 GiB with that int added. That would be a root of the block that
 * lies there, so none may: the program starts itself again until it lies well away from any.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

/* Pointers that must not stay anywhere in the clear are kept inverted. */
#define HIDE(p) (~(uintptr_t)(p))

static void *kept[64];
static void *volatile sink;
static volatile uintptr_t hidden[8];
static pthread_barrier_t barrier;
static pthread_key_t key_low, key_high;
static __thread void *volatile own;

static void say(const char *name, size_t size, int count, const char *reach)
{
	printf("%s %zu %d %s\n", name, size, count, reach);
}

/* Overwrites the registers and the stack below the caller, where pointers stay behind. */
static __attribute__((noinline)) void scrub(void)
{
	volatile char waste[65536];

	memset((char *)waste, 0, sizeof(waste));
	sink = NULL;
}

static __attribute__((noinline)) void plain_leaks(void)
{
	for (int i = 0; i < 100; i++)
		sink = malloc(1000);
	say("plain", 1000, 100, "definite");
	sink = malloc(400000);
	say("mmapped", 400000, 1, "definite");
	sink = memalign(4096, 300000);
	say("aligned", 300000, 1, "definite");
}

/* Over-aligned blocks with mappings of their own that realloc() moves: their distance from the
 * start of the mapping stays, and their alignment goes. */
static __attribute__((noinline)) void moved_leaks(void)
{
	for (int i = 0; i < 8; i++) {
		void *p = memalign((size_t)8192 << i, 310000);

		kept[8 + i] = malloc(320000);
		sink = realloc(p, 3100000);
	}
	say("moved", 3100000, 8, "definite");
	say("between", 320000, 8, "reachable");
}

static __attribute__((noinline)) void shapes(void)
{
	void *volatile *ring[5], *volatile *head, *volatile *chain; /* no store is left out */

	for (int i = 0; i < 5; i++)
		ring[i] = calloc(1, 1100);
	for (int i = 0; i < 5; i++)
		ring[i][i] = (void *)ring[(i + 1) % 5];
	say("ring", 1100, 1, "definite");
	say("ring", 1100, 4, "indirect");
	head = calloc(1, 1200);
	chain = head;
	for (int i = 0; i < 20; i++) {
		*chain = calloc(1, 1300);
		chain = *chain;
	}
	say("chain", 1200, 1, "definite");
	say("chain", 1300, 20, "indirect");
	head = calloc(1, 1400); /* a pointer to itself holds nothing */
	*head = (void *)head;
	say("self", 1400, 1, "definite");
	head = calloc(1, 1500);
	head[3] = (char *)calloc(1, 1600) + 100;
	say("inner", 1500, 1, "definite");
	say("inner", 1600, 1, "indirect");
}

static __attribute__((noinline)) void held(void)
{
	void *volatile *chain;

	kept[0] = malloc(1700);
	say("global", 1700, 1, "reachable");
	kept[1] = (char *)malloc(1800) + 8;
	say("interior", 1800, 1, "possible");
	chain = calloc(1, 1900);
	kept[2] = (void *)chain;
	chain[1] = (char *)calloc(1, 2000) + 1999;
	say("holder", 1900, 1, "reachable");
	say("held inside", 2000, 1, "possible");
	kept[3] = (char *)malloc(2100) + malloc_usable_size(malloc(2100));
	say("beyond", 2100, 2, "definite");
	own = malloc(2200);
	say("__thread", 2200, 1, "reachable");
	pthread_setspecific(key_low, malloc(2300));
	pthread_setspecific(key_high, malloc(2400));
	say("specific", 2300, 1, "reachable");
	say("specific high", 2400, 1, "reachable");
	kept[4] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*(void **)kept[4] = malloc(2500);
	say("in a mapping", 2500, 1, "reachable");
	kept[5] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*(void **)kept[5] = malloc(2600);
	say("in shared memory", 2600, 1, "reachable");
}

/* Leaks that only freed memory still points to: tcache, unsorted list. */
static __attribute__((noinline)) void held_by_free(void)
{
	void *volatile *small = calloc(1, 600), *volatile *big = calloc(1, 5000);
	void *guard = malloc(2700);

	small[20] = malloc(2800);
	big[50] = malloc(2900);
	free((void *)small);
	free((void *)big);
	hidden[0] = HIDE(guard);
	say("guard", 2700, 1, "definite");
	say("held by tcache", 2800, 1, "definite");
	say("held by unsorted", 2900, 1, "definite");
}

static __attribute__((noinline)) void in_dead_frame(void **out)
{
	void *volatile deep[4096];

	memset((void *)deep, 0, sizeof(deep));
	deep[16] = *out;
	*out = NULL;
	sink = (void *)deep[17];
}

/* A pointer that stays in the stack below everything that still runs. */
static __attribute__((noinline)) void below_stack(void)
{
	void *p = malloc(3000);

	in_dead_frame(&p);
	say("below the stack", 3000, 1, "definite");
}

/* Another one, so deep that the page advised on here divides the stack's mapping above it. */
static __attribute__((noinline)) void below_a_piece(void)
{
	char deep[400000];
	void *volatile *slot = (void *)(((uintptr_t)deep + 4095) & ~(uintptr_t)4095);

	memset(deep, 0, sizeof(deep));
	slot[16] = malloc(3600);
	if (madvise((char *)slot + 200 * 1024, 4096, MADV_DONTFORK) != 0)
		perror("planted: dividing the stack");
	say("below a piece of stack", 3600, 1, "definite");
}

static void *exiting(void *arg)
{
	void *volatile local[256];

	memset((void *)local, 0, sizeof(local));
	own = NULL;
	local[3] = malloc(3100);
	for (int i = 0; i < 50; i++)
		sink = malloc(3200);
	sink = NULL;
	return local[3] != NULL ? arg : NULL;
}

static __attribute__((noinline)) void wait_here(void *volatile block)
{
	pthread_barrier_wait(&barrier);
	pause();
	free(block);
}

/* An alternate signal stack behind a guard page, as Rust's runtime maps one for each thread: where
 * no handler ever ran on it, the kernel's core has none of it. */
static void alternate_stack(void)
{
	size_t size = 8192, least = getauxval(AT_MINSIGSTKSZ), page = 4096;
	stack_t alt = { .ss_size = size > least ? size : least };
	char *at = mmap(NULL, page + alt.ss_size, PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	alt.ss_sp = at + page;
	if (at == MAP_FAILED || mprotect(at, page, PROT_NONE) != 0 || sigaltstack(&alt, NULL) != 0)
		perror("planted: an alternate stack");
}

static void *blocked(void *arg)
{
	alternate_stack();
	own = malloc(3400);
	pthread_setspecific(key_high, malloc(3500));
	wait_here(malloc(3300));
	return arg;
}

static void threads(int n)
{
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, (unsigned)n + 1);
	for (int i = 0; i < n; i++)
		pthread_create(&t, NULL, blocked, NULL);
	pthread_barrier_wait(&barrier);
	pthread_barrier_destroy(&barrier);
	for (int i = 0; i < 2; i++) {
		pthread_create(&t, NULL, exiting, NULL);
		pthread_join(t, NULL);
	}
	say("exited thread's stack", 3100, 2, "definite");
	say("exited thread", 3200, 100, "definite");
	say("blocked thread's stack", 3300, n, "reachable");
	say("blocked thread's __thread", 3400, n, "reachable");
	say("blocked thread's specific", 3500, n, "reachable");
}

/* Does a multiple of 4 GiB lie within 512 MiB? All that is planted here takes less. */
static bool near_halves(const void *p)
{
	uint64_t low = (uint64_t)(uintptr_t)p & UINT32_MAX, reach = UINT64_C(512) << 20;

	return sizeof(p) == 8 && (low < reach || low > UINT32_MAX - reach);
}

/* Starts the program again, at addresses that the kernel chooses anew, where the heap or the
 * mappings lie near such a multiple. */
static void lie_elsewhere(char **argv)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (near_halves(page) || near_halves(sbrk(0)))
		execv("/proc/self/exe", argv);
	munmap(page, 4096);
}

/*
 * From here on the break cannot grow, and the main arena goes on in mappings of its own. What is in
 * the way is the program's own memory, which touches the heap's (V8 puts its code there). Blocks of
 * 100,000 bytes are too small for mappings of theirs. What was top is handed out after it was free:
 * M_PERTURB 0xff makes malloc() fill its blocks with zeroes, so that they hold no pointers of bins.
 */
static __attribute__((noinline)) void block_break(void)
{
	void **page = mmap(sbrk(0), 4096, PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (page == MAP_FAILED) {
		perror("planted: blocking the break");
		return;
	}
	page[0] = malloc(3700);
	say("from right behind the break", 3700, 1, "reachable");
	mallopt(M_PERTURB, 0xff);
	for (int i = 0; i < 8; i++)
		sink = malloc(100000);
	say("behind the break", 100000, 8, "definite");
}

/* Some of those mappings have nothing but free memory in them. */
static __attribute__((noinline)) void free_regions(void)
{
	void *big[24];

	for (int i = 0; i < 24; i++)
		big[i] = malloc(100000);
	for (int i = 0; i < 24; i++)
		free(big[i]);
}

/*
 * planted [fork|blocked|pieces]: with fork, it is the child that waits, and the parent for it; with
 * blocked, the main arena has to do without the break; with pieces, the kernel lists the main
 * thread's stack as several mappings.
 */
int main(int argc, char **argv)
{
	bool blocked = argc > 1 && strcmp(argv[1], "blocked") == 0;
	pthread_key_t key;

	lie_elsewhere(argv);
	pthread_key_create(&key_low, NULL);
	for (int i = 0; i < 40; i++)
		pthread_key_create(&key, NULL);
	pthread_key_create(&key_high, NULL);
	if (argc > 1 && strcmp(argv[1], "fork") == 0) {
		pid_t child = fork();

		if (child > 0)
			return waitpid(child, NULL, 0) != child;
	}
	if (blocked)
		block_break();
	if (argc > 1 && strcmp(argv[1], "pieces") == 0)
		below_a_piece();
	below_stack();
	plain_leaks();
	moved_leaks();
	shapes();
	held();
	held_by_free();
	threads(3);
	if (blocked)
		free_regions();
	scrub();
	printf("pid %d\n", getpid());
	printf("ready\n");
	fflush(stdout);
	sleep(1000);
	return kept[0] == NULL;
}
