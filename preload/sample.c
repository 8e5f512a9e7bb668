/*
 * Which blocks are in the sample: a Poisson process over the bytes that are allocated, one point in
 * `rate` bytes on average. A block of s bytes is in it with probability 1 - exp(-s / rate),
 * whatever came before, which is what the analyzer's estimates divide by.
 */
#include "preload/sites.h"

#include <elf.h>
#include <sys/auxv.h>

/* xorshift64* (Marsaglia 2003, Vigna 2016) */
static uint64_t random_next(struct sites_thread *t)
{
	uint64_t x = t->random;

	if (!x) {
		const uint64_t *seed = (const uint64_t *)getauxval(AT_RANDOM);

		x = (seed ? *seed : 1) ^ (uintptr_t)t * UINT64_C(0x9e3779b97f4a7c15);
		x = x ? x : 1;
	}
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	t->random = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* -ln of a random number in (0, 1], without libm: x = m * 2^-e, ln m by its area tangent series. */
static double exponential(struct sites_thread *t)
{
	uint64_t x = random_next(t) >> 11 | 1;
	int e = __builtin_clzll(x) - 11;                                  /* x has 53 bits */
	double m = (double)(x << e) / (double)(UINT64_C(1) << 53), y, yy; /* [0.5, 1) */

	y = (m - 1) / (m + 1);
	yy = y * y;
	m = 2 * y * (1 + yy * (1. / 3 + yy * (1. / 5 + yy * (1. / 7 + yy * (1. / 9)))));
	return e * 0.69314718055994531 - m;
}

static int64_t interval(struct sites_thread *t, uint64_t rate)
{
	return (int64_t)(exponential(t) * (double)rate) + 1;
}

bool sites_sampled_now(size_t usable, uint64_t rate)
{
	struct sites_thread *t = &sites_thread;

	if (!t->random) { /* the thread's first block: nothing was drawn yet */
		t->until = interval(t, rate) - (int64_t)usable;
		if (t->until > 0)
			return false;
	}
	t->until = interval(t, rate);
	return true;
}
