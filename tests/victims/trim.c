/*
 * trim KIND: a heap with free memory in it of one kind. It says `ready`, waits for a byte on
 * standard input, calls malloc_trim(0), says `trimmed`, and waits again. What that returned is told
 * by /proc/PID/smaps (tests/ledger/trim.py).
 *	runs       page-sized and larger holes between blocks in use, main arena
 *	arenas     the same in the arenas of four threads, two of which have exited
 *	top        a main arena whose top is large, as M_TRIM_THRESHOLD forbids to give it back
 *	pinned     large free tails below one small block at the end of each arena
 *	threshold  holes of megabytes, as the threshold for mmap has grown by a freed block
 *	fastbins   small blocks in fastbins and tcaches, which only consolidation makes pages of
 *	cached     the same at the end of a thread's arena: they join its top, which stays
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCKS 6000

static unsigned long long seed = 7;

static unsigned rnd(unsigned below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % below;
}

static void *filled(size_t size)
{
	void *p = malloc(size);

	if (!p)
		exit(2);
	return memset(p, 0xa5, malloc_usable_size(p));
}

/* Blocks of least to least + range bytes; three in five are freed. */
static void holes(unsigned n, unsigned least, unsigned range)
{
	void **v = filled(n * sizeof(*v));

	for (unsigned i = 0; i < n; i++)
		v[i] = filled(least + rnd(range));
	for (unsigned i = 0; i < n; i++)
		if (rnd(5) < 3)
			free(v[i]);
}

static void tail(unsigned n, unsigned size)
{
	void **v = filled(n * sizeof(*v));

	for (unsigned i = 0; i < n; i++)
		v[i] = filled(size);
	filled(64);
	for (unsigned i = 0; i < n; i++)
		if (i % 50)
			free(v[i]);
}

/* Sizes of fastbins: 24 to 120 usable bytes. A tcache takes the first few. */
static void small(unsigned n, bool pinned)
{
	void **v = filled(n * sizeof(*v));

	for (unsigned i = 0; i < n; i++)
		v[i] = filled(24 + 16 * (i % 7));
	if (pinned)
		filled(500);
	for (unsigned i = 0; i < n; i++)
		if (i % 997)
			free(v[i]);
}

/* Blocks at the end of the heap, all of them freed again. */
static void raise_top(unsigned n, unsigned size)
{
	void **v = filled(n * sizeof(*v));

	for (unsigned i = 0; i < n; i++)
		v[i] = filled(size);
	while (n)
		free(v[--n]);
}

static pthread_barrier_t barrier;
static const char *kind;

static void *work(void *arg)
{
	bool stays = arg != NULL;

	if (!strcmp(kind, "arenas"))
		holes(BLOCKS, 500, 9000);
	else if (!strcmp(kind, "pinned"))
		tail(900, 20000);
	else
		small(40000, false);
	pthread_barrier_wait(&barrier);
	while (stays)
		pause();
	return NULL;
}

static void threads(unsigned n, unsigned stay)
{
	pthread_t t[8];

	pthread_barrier_init(&barrier, NULL, 2);
	for (unsigned i = 0; i < n; i++) {
		pthread_create(&t[i], NULL, work, i < stay ? t : NULL);
		pthread_barrier_wait(&barrier); /* one after the other: the seed is shared */
		if (i >= stay)
			pthread_join(t[i], NULL);
	}
}

static void fill(void)
{
	if (!strcmp(kind, "runs")) {
		holes(BLOCKS, 200, 16000);
	} else if (!strcmp(kind, "arenas")) {
		threads(4, 2);
	} else if (!strcmp(kind, "top")) {
		mallopt(M_TRIM_THRESHOLD, 1 << 30);
		holes(1000, 200, 5000);
		raise_top(400, 60000);
	} else if (!strcmp(kind, "pinned")) {
		tail(900, 20000);
		threads(2, 2);
	} else if (!strcmp(kind, "threshold")) {
		free(filled(30 << 20));
		holes(40, 300000, 3000000);
	} else if (!strcmp(kind, "fastbins")) {
		mallopt(M_MXFAST, 128);
		small(100000, true);
	} else {
		mallopt(M_MXFAST, 128);
		threads(2, 1);
	}
}

int main(int argc, char **argv)
{
	char c;

	kind = argc > 1 ? argv[1] : "runs";
	fill();
	if (write(1, "ready\n", 6) != 6 || read(0, &c, 1) != 1)
		return 1;
	malloc_trim(0);
	if (write(1, "trimmed\n", 8) != 8 || read(0, &c, 1) != 1)
		return 1;
	return 0;
}
