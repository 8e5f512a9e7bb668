/*
 * moving: four threads, each with an arena of its own, for each line on standard input once:
 *   leaks 200 blocks of 90 bytes, slower than its cache fills
 *   cache, of blocks of 1,000 bytes: 900 more, until it has 2,000
 *   buffer, which realloc makes 300,000 bytes larger: beyond the threshold for mmap, and elsewhere
 *   queue, of 3,000 blocks at first: 500 less
 * It prints a line when a step is done.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4

struct item {
	struct item *next;
	char text[48];
};

void *cache[THREADS][2000];
int cached[THREADS];
char *buffer[THREADS];
size_t length[THREADS];
struct item *queue[THREADS];
static pthread_barrier_t begin, end;

static __attribute__((noinline)) void step(long t)
{
	for (int i = 0; i < 200; i++)
		memset(malloc(90), 1, 90);
	for (int i = 0; i < 900 && cached[t] < 2000; i++)
		cache[t][cached[t]++] = memset(malloc(1000), 2, 1000);
	buffer[t] = realloc(buffer[t], length[t] += 300000);
	memset(buffer[t], 3, length[t]);
	for (int i = 0; i < 500 && queue[t]; i++) {
		struct item *first = queue[t];

		queue[t] = first->next;
		free(first);
	}
}

/* What is left on the stack of a step would hold the last leaks. */
static __attribute__((noinline)) void forget(void)
{
	char clean[8192];

	memset(clean, 0, sizeof(clean));
	__asm__ volatile("" ::"r"(clean) : "memory");
}

static void *run(void *arg)
{
	long t = (long)arg;

	for (int i = 0; i < 3000; i++) {
		struct item *item = malloc(sizeof(*item));

		item->next = queue[t];
		strcpy(item->text, "queued");
		queue[t] = item;
	}
	for (;;) {
		pthread_barrier_wait(&begin);
		step(t);
		forget();
		pthread_barrier_wait(&end);
	}
	return NULL;
}

int main(void)
{
	char line[64];

	pthread_barrier_init(&begin, NULL, THREADS + 1);
	pthread_barrier_init(&end, NULL, THREADS + 1);
	for (long t = 0; t < THREADS; t++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, run, (void *)t))
			return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		pthread_barrier_wait(&begin);
		pthread_barrier_wait(&end);
		puts("done");
		fflush(stdout);
	}
	return 0;
}
