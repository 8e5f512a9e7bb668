/*
 * bigheap: makes a big, ordinary glibc heap and aborts, so that its kernel core can be measured.
 *	bigheap BLOCKS LEAKS local|random
 *
 * BLOCKS live blocks of 64 to 400 bytes in four arenas, between them two fifths as many that
 * were freed again. Every block is reachable from one global through a tree, and has two more
 * pointers to others: `local` puts nine in ten of these, and of the tree's, among blocks allocated
 * shortly before, `random` anywhere. The other words are zeroes, small numbers, text and noise.
 *
 * LEAKS more blocks are leaked, in groups of three: a head that holds two. They are printed:
 *	0x7f... definite
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENAS   4
#define NEAR     512 /* blocks: how far `local` reaches */
#define CHILDREN 4   /* words of a block that hold tree pointers */
#define EXTRA    2   /* words after them that hold other pointers */

uint64_t **root; /* the only way in */

static uint64_t **table; /* of live blocks, in order of allocation; unmapped before the end */
static size_t blocks, leaks;
static int local;
static uint64_t seed = 88172645463325252u;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static uint64_t *block_new(size_t *size)
{
	uint64_t *p, kind;
	size_t i;

	*size = 64 + rnd() % 337;
	p = malloc(*size);
	if (!p) {
		perror("malloc");
		exit(1);
	}
	for (i = 0; i < *size / 8; i++) {
		kind = rnd();
		if (i < CHILDREN + EXTRA || kind % 4 == 0)
			p[i] = 0;
		else if (kind % 4 == 1)
			p[i] = (kind >> 8) & 0xffff;
		else if (kind % 4 == 2)
			p[i] = kind | 1ull << 63;
		else
			p[i] = 0x6c6c6f2064656c6cull + (kind >> 40);
	}
	return p;
}

/* Allocates blocks [first, last), and for two in five of them one more that is freed. */
static void fill(size_t first, size_t last)
{
	size_t i, size, n = 0;
	void **garbage = map((last - first) * sizeof(*garbage));

	for (i = first; i < last; i++) {
		table[i] = block_new(&size);
		if (rnd() % 5 < 2)
			garbage[n++] = block_new(&size);
	}
	for (i = 0; i < n; i++)
		free(garbage[i]);
	munmap(garbage, (last - first) * sizeof(*garbage));
}

static void run_thread(void *(*body)(void *), size_t share)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, (void *)(uintptr_t)share)) {
		perror("pthread_create");
		exit(1);
	}
	pthread_join(thread, NULL);
}

/* Fills one share, then has the next filled by a new thread while this one still has its arena. */
static void *fill_shares(void *arg)
{
	size_t share = (size_t)(uintptr_t)arg;

	fill(blocks * share / ARENAS, blocks * (share + 1) / ARENAS);
	if (share + 1 < ARENAS)
		run_thread(fill_shares, share + 1);
	return NULL;
}

static size_t pick(size_t i)
{
	if (local && rnd() % 10 && i > NEAR)
		return i - 1 - rnd() % NEAR;
	return rnd() % i;
}

static void link_block(size_t i)
{
	size_t parent, k;

	for (;;) { /* an earlier block with room for a child: there always is one */
		parent = pick(i);
		for (k = 0; k < CHILDREN && table[parent][k]; k++)
			;
		if (k < CHILDREN)
			break;
	}
	table[parent][k] = (uint64_t)(uintptr_t)table[i];
	for (k = 0; k < EXTRA; k++)
		table[i][CHILDREN + k] = (uint64_t)(uintptr_t)table[pick(i)];
}

static uint64_t *leaked_block(const char *how)
{
	size_t size;
	uint64_t *p = block_new(&size);

	printf("%p %s\n", (void *)p, how);
	return p;
}

static void leak_group(void)
{
	uint64_t *head = leaked_block("definite");

	head[0] = (uint64_t)(uintptr_t)leaked_block("indirect");
	head[1] = (uint64_t)(uintptr_t)leaked_block("indirect");
}

/* In a thread of its own, whose registers and stack end with it and keep nothing alive. */
static void *leak_and_link(void *unused)
{
	size_t i;

	(void)unused;
	for (i = 0; i < leaks / 3; i++)
		leak_group();
	for (i = 1; i < blocks; i++)
		link_block(i);
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: bigheap BLOCKS LEAKS local|random\n");
		return 2;
	}
	blocks = strtoul(argv[1], NULL, 10);
	leaks = strtoul(argv[2], NULL, 10);
	local = !strcmp(argv[3], "local");
	table = map(blocks * sizeof(*table));
	fill_shares(NULL);
	run_thread(leak_and_link, 0);
	root = (uint64_t **)table[0];
	munmap(table, blocks * sizeof(*table));
	table = NULL;
	fflush(stdout);
	abort();
}
