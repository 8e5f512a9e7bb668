/*
 * sites: what libcoreheap_sites.so costs, when run with it and without: nanoseconds of a pair of
 * free and malloc, and bytes of its region for each live block.
 *
 *	sites pair DEPTH THREADS   best of five runs; from DEPTH calls deep, by several call
 *	                           sites in turn; 0 threads: in the main one, while it is alone
 *	sites live BLOCKS          resident bytes of the region, for each of so many live blocks
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAIRS 2000000u
#define SLOTS 256u

static unsigned depth;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define SITE(name)                                                   \
	static __attribute__((noinline, noclone)) void *name(size_t n) \
	{                                                            \
		void *p = malloc(n);                                 \
                                                                     \
		__asm__ volatile("" : "+r"(p) : "r"(#name));         \
		return p;                                            \
	}
SITE(site_a)
SITE(site_b)
SITE(site_c)
SITE(site_d)

static __attribute__((noinline, noclone)) void *further(size_t n, unsigned which)
{
	void *p = which & 1 ? site_a(n) : which & 2 ? site_b(n) : site_c(n);

	__asm__ volatile("" : "+r"(p));
	return p;
}

static __attribute__((noinline, noclone)) void *ask(size_t n, unsigned which)
{
	void *p;

	switch (which & 7) {
	case 0:
		p = site_a(n);
		break;
	case 1:
		p = site_b(n);
		break;
	case 2:
		p = site_c(n);
		break;
	case 3:
		p = site_d(n);
		break;
	default:
		p = further(n, which);
	}
	__asm__ volatile("" : "+r"(p));
	return p;
}

static __attribute__((noinline, noclone)) void pairs(void)
{
	void *kept[SLOTS] = { 0 };
	uint32_t r = 12345;

	for (unsigned i = 0; i < PAIRS; i++) {
		unsigned k;

		r = r * 1664525 + 1013904223;
		k = r >> 24;
		free(kept[k % SLOTS]);
		/* a site 16 times, then the next */
		kept[k % SLOTS] = ask(24 + (r >> 16 & 127), i >> 4);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		free(kept[i]);
}

static __attribute__((noinline, noclone)) void call(unsigned more)
{
	if (more)
		call(more - 1);
	else
		pairs();
	__asm__ volatile("" ::: "memory");
}

static void *work(void *arg)
{
	call(depth);
	return arg;
}

static double best_pair(unsigned threads)
{
	double best = 1e18;

	for (int run = 0; run < 5; run++) {
		pthread_t thread[64];
		double t = now();

		for (unsigned i = 0; i < threads; i++)
			pthread_create(&thread[i], NULL, work, NULL);
		if (!threads)
			work(NULL);
		for (unsigned i = 0; i < threads; i++)
			pthread_join(thread[i], NULL);
		t = (now() - t) / PAIRS;
		if (t < best)
			best = t;
	}
	return best;
}

/* Resident bytes of the mappings from the one that opens with the magic to the region's end. */
static unsigned long region(void)
{
	char line[512];
	unsigned long start, end, from = 0, to = 0, kib, sum = 0;
	FILE *f = fopen("/proc/self/smaps", "re");

	while (f && fgets(line, sizeof(line), f)) {
		char mode[5];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) == 3) {
			if (mode[1] == 'w' && end - start >= 4096 &&
			    !memcmp((void *)start, "coreheap-sites\n", 16)) {
				from = start;
				memcpy(&to, (char *)start + 32, sizeof(to)); /* header.end */
			}
		} else if (from && start >= from && start < to &&
		           sscanf(line, "Rss: %lu", &kib) == 1) {
			sum += kib * 1024;
		}
	}
	if (f)
		fclose(f);
	return sum;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "pair")) {
		depth = (unsigned)atoi(argv[2]);
		printf("%.1f\n", best_pair((unsigned)atoi(argv[3])));
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "live")) {
		size_t n = strtoul(argv[2], NULL, 0);
		uint32_t r = 1;

		for (size_t i = 0; i < n; i++) {
			void *volatile lost;

			r = r * 1664525 + 1013904223;
			lost = ask(16 + (r >> 16 & 127), (unsigned)i);
			(void)lost;
		}
		printf("%.1f\n", (double)region() / (double)n);
		return 0;
	}
	fprintf(stderr, "usage: sites pair DEPTH THREADS | live BLOCKS\n");
	return 2;
}
