/*
 * bandwidth: how fast this machine's memory is read, in GB/s: by one thread, then by two. Best of
 * five passes over 1 GiB. Each pass's sum is compared with what it must be, so that no compiler can
 * leave the reading out; a figure that no memory reaches is refused.
 *
 *	bandwidth FILE    maps the file, adds up its words in their order and prints the sum: the
 *	                  least that a program takes which looks at all of it once where it lies
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define WORDS (1u << 27)
#define WORD  UINT64_C(0x0101010101010101)
#define MOST  1000.0 /* GB/s: more than two cores of any machine of today can ask for */

static uint64_t *memory;

/* Adds up n words; what is left over of four is left out. */
static uint64_t add_up(const uint64_t *p, size_t n)
{
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (size_t i = 0; i + 4 <= n; i += 4) {
		a += p[i];
		b += p[i + 1];
		c += p[i + 2];
		d += p[i + 3];
	}
	return a + b + c + d;
}

static void *sum(void *start)
{
	return (void *)(uintptr_t)add_up(start, WORDS / 2);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Reads all once, by `threads`; false where a sum is wrong or no thread can be had. */
static bool pass(int threads)
{
	uintptr_t want = (uintptr_t)(WORDS / 2 * WORD);
	void *got = NULL, *second = NULL;
	pthread_t thread;

	if (threads == 1)
		second = sum(memory + WORDS / 2);
	else if (pthread_create(&thread, NULL, sum, memory + WORDS / 2))
		return false;
	got = sum(memory);
	if (threads > 1)
		pthread_join(thread, &second);
	return (uintptr_t)got == want && (uintptr_t)second == want;
}

static int sum_of_file(const char *path)
{
	int file = open(path, O_RDONLY);
	struct stat st;
	void *mapped;

	if (file < 0 || fstat(file, &st) || st.st_size <= 0) {
		perror(path);
		return 1;
	}
	mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	if (mapped == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	printf("%llx\n", (unsigned long long)add_up(mapped, (size_t)st.st_size / 8));
	return 0;
}

int main(int argc, char **argv)
{
	double best[2] = { 0, 0 };

	if (argc > 1)
		return sum_of_file(argv[1]);
	memory = malloc((size_t)WORDS * 8);
	if (!memory)
		return 1;
	memset(memory, 1, (size_t)WORDS * 8);
	for (int i = 0; i < 10; i++) {
		double start = now(), speed;

		if (!pass(i % 2 + 1)) {
			fprintf(stderr, "bandwidth: a pass did not read what is there\n");
			return 1;
		}
		speed = (double)WORDS * 8 / 1e9 / (now() - start);
		if (speed > best[i % 2])
			best[i % 2] = speed;
	}
	if (best[0] > MOST || best[1] > MOST) {
		fprintf(stderr, "bandwidth: %.1f and %.1f GB/s: memory is not that fast\n", best[0],
			best[1]);
		return 1;
	}
	printf("%.1f GB/s by one thread, %.1f by two\n", best[0], best[1]);
	return 0;
}
