/* The two word filters against the words of the definition, on every alignment and length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyzer/reach/filter.h"

#define WORDS 67

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t pick(uint64_t lo, uint64_t size)
{
	switch (next() % 8) {
	case 0:
		return lo;
	case 1:
		return lo - 1;
	case 2:
		return lo + size;
	case 3:
		return lo + size - 1;
	case 4:
		return next();
	case 5:
		return next() % 65536;
	default:
		return lo + (size ? next() % size : 0);
	}
}

static void check(uint64_t lo, uint64_t size, size_t n, size_t shift)
{
	uint8_t raw[8 * WORDS + 8];
	uint64_t want[WORDS], got[WORDS + 4];
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t word = pick(lo, size);

		memcpy(raw + shift + 8 * i, &word, 8);
		if (word >= lo && word - lo < size)
			want[count++] = word;
	}
	assert_int_equal(filter_plain(raw + shift, n, lo, size, got), count);
	assert_memory_equal(got, want, 8 * count);
	if (filter_has_avx2()) {
		memset(got, 0, sizeof(got));
		assert_int_equal(filter_avx2(raw + shift, n, lo, size, got), count);
		assert_memory_equal(got, want, 8 * count);
	}
	assert_int_equal(filter_words(raw + shift, n, lo, size, got), count);
}

static void test_equal(void **unused)
{
	static const uint64_t range[][2] = {
		{ 0x555555554000, 0x2aaaaaaaa000 },
		{ 16, 1 },
		{ 0x1000, 0 },
		{ 0, UINT64_MAX },
		{ UINT64_C(1) << 63, 4096 },
		{ (UINT64_C(1) << 63) - 64, 128 },
	};

	(void)unused;
	for (size_t r = 0; r < sizeof(range) / sizeof(*range); r++)
		for (size_t n = 0; n <= WORDS; n++)
			for (size_t shift = 0; shift < 8; shift++)
				check(range[r][0], range[r][1], n, shift);
}

/* The tag in a pointer's top byte neither hides it nor stays in what is returned. */
static void test_masked(void **unused)
{
	const uint64_t lo = 0xaaaaab000000, size = 0x1000, mask = UINT64_MAX >> 8;
	uint64_t word[] = { lo,
		            lo | UINT64_C(0x5a) << 56,
		            lo + size,
		            (lo + size - 1) | UINT64_C(0xff) << 56,
		            lo | UINT64_C(1) << 55,
		            UINT64_MAX };
	uint64_t got[sizeof(word) / sizeof(*word) + 4];

	(void)unused;
	assert_int_equal(filter_masked((const void *)word, 6, mask, lo, size, got), 3);
	assert_int_equal(got[0], lo);
	assert_int_equal(got[1], lo);
	assert_int_equal(got[2], lo + size - 1);
	assert_int_equal(filter_masked((const void *)word, 6, UINT64_MAX, lo, size, got), 1);
}

/* Of the words of a cell those in the range whose bit is set; both ways of it, on any bits. */
static void check_kept(uint64_t lo, uint64_t size, uint64_t mask, const uint64_t keep[2])
{
	uint64_t word[128], want[128], got[136];
	size_t count = 0;

	for (unsigned i = 0; i < 128; i++) {
		word[i] = pick(lo, size) | (next() & ~mask);
		if (keep[i / 64] >> (i % 64) & 1 && (word[i] & mask) - lo < size)
			want[count++] = word[i] & mask;
	}
	assert_int_equal(filter_kept_plain((const void *)word, keep, mask, lo, size, got), count);
	assert_memory_equal(got, want, 8 * count);
	if (filter_has_avx2()) {
		memset(got, 0, sizeof(got));
		assert_int_equal(filter_kept_avx2((const void *)word, keep, mask, lo, size, got),
		                 count);
		assert_memory_equal(got, want, 8 * count);
	}
	if (filter_has_avx512()) {
		memset(got, 0, sizeof(got));
		assert_int_equal(filter_kept_avx512((const void *)word, keep, mask, lo, size, got),
		                 count);
		assert_memory_equal(got, want, 8 * count);
	}
}

static void test_kept(void **unused)
{
	const uint64_t lo = 0xaaaaab000000, size = 0x10000;

	(void)unused;
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t keep[2] = { next(), next() };

		for (unsigned k = 0; k < 2; k++) { /* dense, sparse, one, none, all */
			keep[k] &= i % 3 ? UINT64_MAX : next() & next() & next();
			keep[k] = i % 7 ? keep[k] : UINT64_C(1) << next() % 64;
			keep[k] = i % 11 == k ? 0 : i % 13 == k ? UINT64_MAX : keep[k];
		}
		check_kept(lo, size, i % 2 ? UINT64_MAX : UINT64_MAX >> 8, keep);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_equal),
		                            cmocka_unit_test(test_masked),
		                            cmocka_unit_test(test_kept) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
