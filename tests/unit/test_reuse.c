/* Which pairs survived: what the mixture says of classes made by hand; hashes and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyzer/diff/reuse.h"
#include "analyzer/site/siphash.h"
#include "analyzer/process/when.h"

/* The reference implementation's vectors (vectors_sip64): key 00 .. 0f, input 00 .. n - 1. */
static void siphash_is_siphash_2_4(void **state)
{
	const struct siphash_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	const uint64_t words[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

	(void)state;
	assert_int_equal(siphash(&key, words, 0), 0x726fdb47dd0e0e31);
	assert_int_equal(siphash(&key, words, 1), 0x93f5f5799a932462);
	assert_int_equal(siphash(&key, words, 2), 0x3f2acc7f57c29bdb);
}

static void seals_depend_on_key_and_address(void **state)
{
	const struct siphash_key key = { { 1, 2 } }, other = { { 1, 3 } };
	const struct imprint a = { { 1, 2, 3, 4, 5, 6, 7, 8 } };
	struct imprint b = a;
	uint64_t seal = imprint_seal(&a, &key, 4096);

	(void)state;
	b.lane[3] = 9;
	assert_int_equal(imprint_compare(&a, &b), 0xff & ~8);
	assert_int_equal(imprint_compare_sealed(seal, imprint_seal(&a, &key, 4096)), 0xff);
	assert_int_equal(imprint_compare_sealed(seal, imprint_seal(&b, &key, 4096)) | 8, 0xff);
	assert_int_not_equal(seal, imprint_seal(&a, &key, 8192));
	assert_int_not_equal(seal, imprint_seal(&a, &other, 4096));
}

static const struct reuse_seen none;

struct one {
	struct kin kin;
	struct reuse reuse;
};

/* One class of 100-byte blocks; two strangers agree in all lanes but the first. */
static void begin(struct one *one, uint32_t alike_but_first, uint32_t alike)
{
	*one = (struct one){ .kin = { .low = 100, .high = 100 } };
	one->kin.alike[0xfe] = one->kin.near[0xfe] = alike_but_first;
	one->kin.alike[0xff] = one->kin.near[0xff] = alike;
	one->reuse.old = 1000;
}

static void an_identity_that_changed_is_reuse(void **state)
{
	struct one one;

	(void)state;
	begin(&one, 500, 0);
	one.reuse.pairs[0xff] = 900;
	one.reuse.pairs[0xfe] = 100;
	reuse_judge(&one.kin, 1, &none, &one.reuse);
	assert_int_equal(one.reuse.survivors, 900);
	assert_int_equal(one.reuse.others, 100);
	assert_true(one.reuse.wrong >= 0 && one.reuse.wrong < 9);
}

static void a_counter_that_changed_is_none(void **state)
{
	struct one one;

	(void)state;
	begin(&one, 500, 0);
	one.reuse.pairs[0xff] = 500;
	one.reuse.pairs[0xf7] = 500; /* lane 3: always the same in strangers */
	reuse_judge(&one.kin, 1, &none, &one.reuse);
	assert_int_equal(one.reuse.survivors, 1000);
}

static void all_of_them_may_be_other_ones(void **state)
{
	struct one one;

	(void)state;
	begin(&one, 500, 0);
	one.reuse.pairs[0xfe] = 1000;
	reuse_judge(&one.kin, 1, &none, &one.reuse);
	assert_int_equal(one.reuse.others, 1000);
}

/* Nearly all were given out again, to who held the one before. */
static void an_identity_tells_also_where_holders_stay(void **state)
{
	struct one one;

	(void)state;
	begin(&one, 500, 0);
	one.reuse.ties = true;
	one.reuse.pairs[0xff | REUSE_TARGETS | REUSE_HOLDERS] = 100;
	one.reuse.pairs[0xfe | REUSE_TARGETS | REUSE_HOLDERS] = 900;
	reuse_first(&one.kin, 1, &one.reuse);
	reuse_judge(&one.kin, 1, &none, &one.reuse);
	assert_int_equal(one.reuse.survivors, 100);
	assert_int_equal(one.reuse.others, 900);
}

/* Contents tell nothing, and half of them are held by others than before. */
static void holders_tell_where_contents_do_not(void **state)
{
	struct one one;

	(void)state;
	begin(&one, 0, 500);
	one.reuse.ties = true;
	one.reuse.pairs[0xff | REUSE_TARGETS | REUSE_HOLDERS] = 500;
	one.reuse.pairs[0xff] = 500;
	reuse_first(&one.kin, 1, &one.reuse);
	reuse_judge(&one.kin, 1, &none, &one.reuse);
	assert_int_equal(one.reuse.survivors, 500);
	assert_int_equal(one.reuse.others, 500);
}

/* A counter changed, and who held the block holds it. */
static void what_changed_and_is_held_survived(void **state)
{
	struct one one;

	(void)state;
	begin(&one, 500, 0);
	one.reuse.ties = true;
	one.reuse.pairs[0xff | REUSE_TARGETS | REUSE_HOLDERS] = 600;
	one.reuse.pairs[0xf7 | REUSE_TARGETS | REUSE_HOLDERS] = 300;
	one.reuse.pairs[0xf7 | REUSE_TARGETS] = 100; /* held by others */
	reuse_first(&one.kin, 1, &one.reuse);
	reuse_judge(&one.kin, 1, &none, &one.reuse);
	assert_int_equal(one.reuse.survivors, 900);
	assert_int_equal(one.reuse.others, 100);
}

static void what_looks_alike_tells_nothing(void **state)
{
	struct one one;

	(void)state;
	begin(&one, 0, 500);
	one.reuse.pairs[0xff] = 1000;
	reuse_judge(&one.kin, 1, &none, &one.reuse);
	assert_int_equal(one.reuse.survivors, 1000);
	assert_true(one.reuse.wrong < 0);
	begin(&one, 0, 500);
	one.reuse.pairs[0xff] = 100; /* 900 of 1,000 went: so may these have */
	reuse_judge(&one.kin, 1, &none, &one.reuse);
	assert_int_equal(one.reuse.others, 100);
}

static void the_first_two_words_are_frees(void **state)
{
	struct one one;

	(void)state;
	begin(&one, 500, 0);
	one.reuse.pairs[0xff] = 999;
	one.reuse.pairs[0xfc] = 1;
	reuse_judge(&one.kin, 1, &none, &one.reuse);
	assert_int_equal(one.reuse.others, 1);
}

static void times_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "1970-01-01T00:00:01Z", 1000000000 },
		{ "1970-01-01T02:00:00.5+02:00", 500000000 },
		{ "2026-11-21 15:37:30Z", INT64_C(1795275450) * 1000000000 },
		{ "12.25", INT64_C(12250000000) },
	};
	static const char *const bad[] = { "",
		                           "yesterday",
		                           "2026-11-21",
		                           "-1",
		                           "2026-13-01T00:00:00Z",
		                           "1e99",
		                           "2026-11-21T15:37:30+2",
		                           "nan",
		                           "5x" };
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(when_parse(good[i].text, &ns));
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(when_parse(bad[i], &ns));
	assert_true(when_duration("1.5h", &ns));
	assert_int_equal(ns, INT64_C(5400) * 1000000000);
	assert_true(when_duration("500ms", &ns));
	assert_int_equal(ns, 500000000);
	assert_false(when_duration("0", &ns));
	assert_false(when_duration("5 apples", &ns));
	assert_false(when_duration("-5s", &ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_is_siphash_2_4),
		cmocka_unit_test(seals_depend_on_key_and_address),
		cmocka_unit_test(an_identity_that_changed_is_reuse),
		cmocka_unit_test(a_counter_that_changed_is_none),
		cmocka_unit_test(all_of_them_may_be_other_ones),
		cmocka_unit_test(an_identity_tells_also_where_holders_stay),
		cmocka_unit_test(holders_tell_where_contents_do_not),
		cmocka_unit_test(what_changed_and_is_held_survived),
		cmocka_unit_test(what_looks_alike_tells_nothing),
		cmocka_unit_test(the_first_two_words_are_frees),
		cmocka_unit_test(times_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
