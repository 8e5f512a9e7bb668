/*
 * churn: threads that allocate, resize, link, hand over and free blocks of all sizes, without end;
 * some threads end, and others start. For the recorder, to be caught at any moment.
 *
 *	churn SEED THREADS READY [fork]
 *
 * makes the file READY when all have worked a while; with fork, a child of one thread goes on then.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS   200
#define A_WHILE 8000 /* steps; each is slow after that */

struct holder {
	pthread_mutex_t lock;
	void **slot[SLOTS];
};

static struct holder shelf[64]; /* any thread may take from any shelf */
static int threads;
static unsigned rounds_done;

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t some_size(uint64_t *r)
{
	switch (next(r) % 20) {
	case 0:
		return next(r) % 20000 + 1;
	case 1:
		return next(r) % 200000 + 1;
	case 2:
		return next(r) % 50 == 0 ? next(r) % 3000000 + 1 : next(r) % 1100 + 1;
	default:
		return next(r) % 300 + 1;
	}
}

static void **some_block(uint64_t *r)
{
	size_t size = some_size(r) + sizeof(void *);
	void **p = NULL;

	switch (next(r) % 12) {
	case 0:
		p = memalign((size_t)32 << next(r) % 9, size);
		break;
	case 1:
		if (posix_memalign((void **)&p, (size_t)16 << next(r) % 14, size) != 0)
			p = NULL;
		break;
	case 2:
		p = calloc(1, size);
		break;
	default:
		p = malloc(size);
	}
	if (p == NULL)
		abort();
	*p = NULL;
	return p;
}

/* One step on a shelf whose lock is held. A block's first word holds another block, or nothing. */
static void step(struct holder *h, uint64_t *r)
{
	void ***at = &h->slot[next(r) % SLOTS];

	if (*at == NULL) {
		*at = some_block(r);
		if (next(r) % 4 == 0)
			**at = some_block(r);
	} else if (next(r) % 5 == 0) {
		void *inner = **at;

		*at = realloc(*at, some_size(r) + sizeof(void *));
		if (*at == NULL)
			abort();
		**at = inner;
	} else if (next(r) % 3 != 0) {
		free(**at);
		free(*at);
		*at = NULL;
	}
}

static void *brief(void *arg)
{
	uint64_t r = (uint64_t)(uintptr_t)arg | 1;
	void *mine[100];

	for (int i = 0; i < 100; i++)
		mine[i] = some_block(&r);
	for (int i = 0; i < 100; i++)
		free(mine[i]);
	return NULL;
}

static void *work(void *arg)
{
	uint64_t r = (uint64_t)(uintptr_t)arg * 0x9e3779b97f4a7c15u | 1;

	for (unsigned long i = 1;; i++) {
		struct holder *h = &shelf[next(&r) % (unsigned)threads];
		pthread_t t;

		pthread_mutex_lock(&h->lock);
		step(h, &r);
		pthread_mutex_unlock(&h->lock);
		if (i > A_WHILE)
			usleep(100);
		if (i == A_WHILE)
			__atomic_add_fetch(&rounds_done, 1, __ATOMIC_SEQ_CST);
		if (i % 2000 == 0 &&
		    pthread_create(&t, NULL, brief, (void *)(uintptr_t)next(&r)) == 0)
			pthread_join(t, NULL);
	}
	return NULL;
}

static void wait_for_work(void)
{
	while (__atomic_load_n(&rounds_done, __ATOMIC_SEQ_CST) < (unsigned)threads - 1)
		usleep(10000);
}

/* Nobody is in the middle of a step while this forks. The child has one thread; what the others had
 * in their caches stays there. */
static void go_on_in_child(void)
{
	pid_t child;

	for (int i = 0; i < threads; i++)
		pthread_mutex_lock(&shelf[i].lock);
	child = fork();
	if (child > 0) {
		waitpid(child, NULL, 0);
		_exit(0);
	}
	for (int i = 0; i < threads; i++)
		pthread_mutex_init(&shelf[i].lock, NULL);
}

static void alone(uint64_t seed, const char *ready)
{
	uint64_t r = seed * 0x9e3779b97f4a7c15u | 1;

	for (unsigned long i = 1;; i++) {
		step(&shelf[i % (unsigned)threads], &r);
		if (i > A_WHILE)
			usleep(100);
		if (i == A_WHILE)
			close(open(ready, O_CREAT | O_WRONLY, 0600));
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	pthread_t t;

	if (argc < 4)
		return 2;
	threads = atoi(argv[2]);
	if (threads < 1 || threads > 64)
		return 2;
	for (int i = 0; i < threads; i++)
		pthread_mutex_init(&shelf[i].lock, NULL);
	for (int i = 1; i < threads; i++)
		pthread_create(&t, NULL, work, (void *)(uintptr_t)(seed * 64 + (unsigned)i));
	wait_for_work();
	if (argc > 4) {
		go_on_in_child();
		printf("pid %d\n", getpid());
		fflush(stdout);
	}
	if (threads == 1 || argc > 4) /* one thread: no lock is ever taken in malloc */
		alone(seed, argv[3]);
	close(open(argv[3], O_CREAT | O_WRONLY, 0600));
	work((void *)(uintptr_t)seed);
	return 0;
}
