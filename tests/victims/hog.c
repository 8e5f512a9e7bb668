/*
 * hog KIND: a process with one plain culprit for its memory, which it has aborted with.
 *	leak       32 MiB of blocks that nothing points to
 *	cache      32 MiB of blocks in a hash table
 *	fragments  40 MiB of freed blocks between blocks in use, a small block behind them
 *	top        40 MiB of freed blocks at the end of the heap, with M_TRIM_THRESHOLD at 1 GiB
 *	threshold  holes of megabytes, as the threshold for mmap has grown
 *	arenas     eight threads' arenas, each with a few MiB of freed blocks
 *	mappings   64 MiB from mmap
 *	stacks     1,000 threads that do nothing
 *	deep       20 threads that have used 1.5 MiB of their stacks
 *	shared     32 MiB of a memfd
 *	tmpfs      64 MiB of a file in /dev/shm (removed by the test)
 *	reserve    8 GiB that were never touched
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1ul << 20)

static pthread_barrier_t barrier;

static void *filled(size_t size)
{
	void *p = malloc(size);

	if (!p)
		exit(2);
	return memset(p, 0x5a, size);
}

struct entry {
	struct entry *next;
	char value[1000];
};
static struct entry *table[256];

static void leak(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		filled(sizeof(struct entry));
}

static void cache(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct entry *e = filled(sizeof(*e));

		e->next = table[i % 256];
		table[i % 256] = e;
	}
}

/* Blocks of size bytes, of which one in every `keep` stays in use; keep 0: none. */
static void *fragments(unsigned n, size_t size, unsigned keep)
{
	char **v = malloc(n * sizeof(*v));

	for (unsigned i = 0; i < n; i++)
		v[i] = filled(size);
	for (unsigned i = n; i-- > 0;) {
		if (keep && i % keep == 0)
			continue;
		free(v[i]);
		v[i] = NULL;
	}
	return v;
}

static void *kept[64];

static void *mapped(size_t bytes, int flags, int fd)
{
	int rights = flags & MAP_NORESERVE ? PROT_NONE : PROT_READ | PROT_WRITE;
	void *p = mmap(NULL, bytes, rights, flags, fd, 0);

	if (p == MAP_FAILED)
		exit(2);
	return p;
}

static void *idle(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	pause();
	return NULL;
}

static void *deep(void *arg)
{
	char here[1536 << 10];

	(void)arg;
	memset(here, 1, sizeof(here));
	__asm__ volatile("" : : "r"(here) : "memory");
	pthread_barrier_wait(&barrier);
	pause();
	return here[5] ? NULL : arg;
}

static void *arena(void *arg)
{
	*(void **)arg = fragments(3000, 2000, 30);
	pthread_barrier_wait(&barrier);
	pause();
	return NULL;
}

static void threads(unsigned n, void *(*run)(void *))
{
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, n + 1);
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&t, NULL, run, &kept[i % 64]))
			exit(2);
	pthread_barrier_wait(&barrier);
}

static void tmpfs(void)
{
	int fd = open("/dev/shm/coreheap-hog", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, 64 * MIB))
		exit(2);
	memset(mapped(64 * MIB, MAP_SHARED, fd), 1, 64 * MIB);
}

static void shared(void)
{
	int fd = memfd_create("frames", 0);

	if (fd < 0 || ftruncate(fd, 32 * MIB))
		exit(2);
	memset(mapped(32 * MIB, MAP_SHARED, fd), 1, 32 * MIB);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";

	if (!strcmp(kind, "leak")) {
		leak(32000);
	} else if (!strcmp(kind, "cache")) {
		cache(32000);
	} else if (!strcmp(kind, "fragments")) {
		kept[0] = fragments(20000, 2000, 25);
		kept[1] = filled(100);
	} else if (!strcmp(kind, "top")) {
		mallopt(M_TRIM_THRESHOLD, 1 << 30);
		kept[0] = fragments(20000, 2000, 0);
	} else if (!strcmp(kind, "threshold")) {
		free(filled(30 * MIB));
		kept[0] = fragments(20, 2 * MIB, 4);
		kept[1] = filled(3000);
	} else if (!strcmp(kind, "arenas")) {
		threads(8, arena);
	} else if (!strcmp(kind, "mappings")) {
		memset(mapped(64 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, -1), 1, 64 * MIB);
	} else if (!strcmp(kind, "stacks")) {
		threads(1000, idle);
	} else if (!strcmp(kind, "deep")) {
		threads(20, deep);
	} else if (!strcmp(kind, "shared")) {
		shared();
	} else if (!strcmp(kind, "tmpfs")) {
		tmpfs();
	} else if (!strcmp(kind, "reserve")) {
		mapped(8192 * MIB, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	}
	abort();
}
