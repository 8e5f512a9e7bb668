/*
 * bandwidth: how fast this machine's memory is read, in GB/s: by one thread, then by two. Best of
 * five passes over 1 GiB.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORDS (1u << 27)

static uint64_t *memory;

static void *sum(void *half)
{
	const uint64_t *p = memory + (half ? WORDS / 2 : 0);
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (size_t i = 0; i < WORDS / 2; i += 4) {
		a += p[i];
		b += p[i + 1];
		c += p[i + 2];
		d += p[i + 3];
	}
	return (void *)(uintptr_t)(a + b + c + d);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(void)
{
	double best[2] = { 0, 0 };

	memory = malloc((size_t)WORDS * 8);
	if (!memory)
		return 1;
	memset(memory, 1, (size_t)WORDS * 8);
	for (int pass = 0; pass < 10; pass++) {
		double start = now(), speed;
		pthread_t thread;

		if (pass % 2 && pthread_create(&thread, NULL, sum, memory))
			return 1;
		if (pass % 2 == 0)
			sum(memory);
		sum(NULL);
		if (pass % 2)
			pthread_join(thread, NULL);
		speed = (double)WORDS * 8 / 1e9 / (now() - start);
		if (speed > best[pass % 2])
			best[pass % 2] = speed;
	}
	printf("%.1f GB/s by one thread, %.1f by two\n", best[0], best[1]);
	return 0;
}
