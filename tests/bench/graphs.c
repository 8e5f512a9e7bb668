/*
 * graphs: makes a heap of one shape and aborts, so that its kernel core can be measured and
 * checked.
 *
 *	graphs KIND N [SIZE [print]]
 *
 * N blocks of 40 bytes, or of SIZE, in KIND:
 *
 *	random   a pointer from some earlier block to each, and one to anywhere
 *	local    the same within 512 blocks
 *	list     one singly linked list, in an order that memory knows nothing of
 *	star     one block of N pointers
 *	arrays   four blocks of N pointers each, three in four no pointers; each has the next
 *	threads  as random, in the arenas of 64 threads
 *
 * All hang on one global. One in a hundred more blocks are leaked, in groups of four: a block that
 * holds two, and a ring of one. With `print`, the truth goes to standard output:
 * 0x7f... reachable|definite|indirect
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NEAR    512
#define THREADS 64

uint64_t *root; /* the only way in */

static uint64_t **table; /* of blocks; unmapped before the end */
static size_t n, size = 40;
static int print;
static uint64_t seed = 88172645463325252u;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void *get(size_t bytes, const char *how)
{
	uint64_t *p = calloc(1, bytes);

	if (!p) {
		perror("calloc");
		exit(1);
	}
	if (print)
		printf("%p %s\n", (void *)p, how);
	return p;
}

static uint64_t word(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static void leak(void)
{
	uint64_t *head = get(size, "definite"), *ring = get(size, "definite");

	head[0] = word(get(size, "indirect"));
	head[1] = word(get(size, "indirect"));
	ring[3] = word(ring);
}

static void fill(size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		table[i] = get(size, "reachable");
		table[i][4] = i; /* no pointer */
		if (i % 400 == 0)
			leak();
	}
}

/* Threads hold their arenas until all have one: each starts the next, and waits for it. */
static void *fill_share(void *arg)
{
	size_t share = (size_t)(uintptr_t)arg;
	pthread_t next;

	fill(n * share / THREADS, n * (share + 1) / THREADS);
	if (share + 1 < THREADS) {
		if (pthread_create(&next, NULL, fill_share, (void *)(uintptr_t)(share + 1)))
			exit(1);
		pthread_join(next, NULL);
	}
	return NULL;
}

static void link_graph(size_t near)
{
	for (size_t i = 1; i < n; i++) {
		size_t from = near && i > near ? i - near : 0, parent = from + rnd() % (i - from),
		       k;

		for (k = 0; k < 3 && table[parent][k]; k++)
			;
		if (k == 3) { /* no room: its first child moves down */
			table[i][0] = table[parent][0];
			k = 0;
		}
		table[parent][k] = word(table[i]);
		table[i][3] = word(table[from + rnd() % (i - from)]);
	}
	root = table[0];
}

static void link_list(void)
{
	for (size_t i = n - 1; i > 0; i--) {
		size_t j = rnd() % (i + 1);
		uint64_t *p = table[i];

		table[i] = table[j];
		table[j] = p;
	}
	for (size_t i = 0; i + 1 < n; i++)
		table[i][0] = word(table[i + 1]);
	root = table[0];
}

static void link_arrays(unsigned arrays)
{
	uint64_t *array[4];

	for (unsigned a = 0; a < arrays; a++)
		array[a] = get((n + 1) * sizeof(*array[a]), "reachable");
	for (size_t i = 0; i < n; i++) {
		for (unsigned a = 0; a < arrays; a++)
			array[a][i] = a ? i : 0;
		array[i % arrays][i] = word(table[i]);
	}
	for (unsigned a = 0; a + 1 < arrays; a++)
		array[a][n] = word(array[a + 1]);
	root = array[0];
}

/* In a thread of its own, whose registers and stack end with it and keep nothing alive. */
static void *make(void *kind)
{
	const char *k = kind;

	if (!strcmp(k, "threads"))
		fill_share(NULL);
	else
		fill(0, n);
	if (!strcmp(k, "list"))
		link_list();
	else if (!strcmp(k, "star"))
		link_arrays(1);
	else if (!strcmp(k, "arrays"))
		link_arrays(4);
	else
		link_graph(!strcmp(k, "local") ? NEAR : 0);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 3) {
		fprintf(stderr, "usage: graphs KIND N [SIZE [print]]\n");
		return 2;
	}
	n = strtoul(argv[2], NULL, 10);
	if (argc > 3 && strtoul(argv[3], NULL, 10) > size)
		size = strtoul(argv[3], NULL, 10);
	print = argc > 4;
	table = mmap(NULL, n * sizeof(*table), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	             -1, 0);
	if (n < 2 || table == MAP_FAILED || pthread_create(&thread, NULL, make, argv[1]))
		return 1;
	pthread_join(thread, NULL);
	munmap(table, n * sizeof(*table));
	table = NULL;
	fflush(stdout);
	abort();
}
