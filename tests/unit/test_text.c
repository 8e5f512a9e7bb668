/* Numbers and strings as people read them, and what a terminal must never get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyzer/report/text.h"

static void bytes_have_three_digits(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1, "1 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.00 KiB" },
		{ 1536, "1.50 KiB" },
		{ 10240, "10.0 KiB" },
		{ 102400, "100 KiB" },
		{ 1023 * 1024, "1.00 MiB" }, /* never four digits */
		{ 1256277934, "1.17 GiB" },
		{ UINT64_C(1) << 40, "1.00 TiB" },
		{ UINT64_MAX, "16.0 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char buf[TEXT_NUMBER];

		assert_string_equal(text_bytes(buf, cases[i].bytes), cases[i].text);
	}
}

static void counts_have_commas(void **state)
{
	char buf[TEXT_NUMBER];

	(void)state;
	assert_string_equal(text_count(buf, 0), "0");
	assert_string_equal(text_count(buf, 999), "999");
	assert_string_equal(text_count(buf, 1000), "1,000");
	assert_string_equal(text_count(buf, 1234567), "1,234,567");
	assert_string_equal(text_count(buf, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void shares_never_round_to_nothing_or_all(void **state)
{
	char buf[TEXT_NUMBER];

	(void)state;
	assert_string_equal(text_share(buf, 0, 10), "0%");
	assert_string_equal(text_share(buf, 10, 10), "100%");
	assert_string_equal(text_share(buf, 1, 1000000), "<0.1%");
	assert_string_equal(text_share(buf, 999999, 1000000), ">99.9%");
	assert_string_equal(text_share(buf, 1, 3), "33%");
	assert_string_equal(text_share(buf, 5, 0), "");
}

static void terminals_get_no_control_characters(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "plain /usr/lib/libc.so.6", "plain /usr/lib/libc.so.6" },
		{ "\33[31mred", "\\x1b[31mred" },
		{ "a\nb\tc\rd", "a\\x0ab\\x09c\\x0dd" },
		{ "del\x7f", "del\\x7f" },
		{ "c1 \xc2\x9b"
		  "31m",
		  "c1 \\xc2\\x9b31m" },
		{ "bidi \xe2\x80\xae", "bidi \\xe2\\x80\\xae" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "\xff\xfe", "\\xff\\xfe" },
		{ "cut \xc3", "cut \\xc3" },
		{ "overlong \xc0\x9b", "overlong \\xc0\\x9b" },
		{ "surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80" },
	};
	struct pool pool = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(text_escape(&pool, cases[i].from), cases[i].to);
	pool_free(&pool);
}

static void shells_get_one_word(void **state)
{
	struct pool pool = { 0 };

	(void)state;
	assert_string_equal(text_shell(&pool, "/var/core.1"), "/var/core.1");
	assert_string_equal(text_shell(&pool, "my core"), "'my core'");
	assert_string_equal(text_shell(&pool, "it's"), "'it'\\''s'");
	assert_string_equal(text_shell(&pool, "$(reboot)"), "'$(reboot)'");
	assert_string_equal(text_shell(&pool, "-n"), "./'-n'");
	assert_string_equal(text_shell(&pool, ""), "''");
	pool_free(&pool);
}

static void csv_quotes_what_needs_it(void **state)
{
	struct out out;

	(void)state;
	out_memory(&out);
	out_csv(&out, "plain");
	out_char(&out, '|');
	out_csv(&out, "a,b");
	out_char(&out, '|');
	out_csv(&out, "say \"yes\"");
	out_char(&out, '|');
	out_csv(&out, "two\nlines");
	out_char(&out, '|');
	out_csv(&out, "esc\33");
	assert_string_equal(out_text(&out),
	                    "plain|\"a,b\"|\"say \"\"yes\"\"\"|\"two\\x0alines\"|esc\\x1b");
	out_discard(&out);
}

static void numbers_are_written_whole(void **state)
{
	struct out out;

	(void)state;
	out_memory(&out);
	out_u64(&out, 0);
	out_char(&out, ' ');
	out_u64(&out, UINT64_MAX);
	out_char(&out, ' ');
	out_addr(&out, 0);
	out_char(&out, ' ');
	out_addr(&out, UINT64_MAX);
	assert_string_equal(out_text(&out), "0 18446744073709551615 0x0 0xffffffffffffffff");
	out_discard(&out);
}

static void long_text_survives_small_buffers(void **state)
{
	struct out out;
	size_t n = 0;

	(void)state;
	out_memory(&out);
	for (int i = 0; i < 20000; i++)
		out_printf(&out, "%05d", i);
	for (const char *s = out_text(&out); s[n]; n++)
		;
	assert_int_equal(n, 100000);
	assert_memory_equal(out_text(&out) + 99995, "19999", 5);
	out_discard(&out);
}

static void tables_align_and_leave_no_blanks_at_the_end(void **state)
{
	struct table t = { .indent = 2 };
	struct out out;

	(void)state;
	table_column(&t, "NAME", false);
	table_column(&t, "BYTES", true);
	table_column(&t, "", false);
	table_cell(&t, "caf\xc3\xa9");
	table_bytes(&t, 5);
	table_cell(&t, "%s", "");
	table_cell(&t, "a long name");
	table_bytes(&t, 2048);
	table_cell(&t, "x\33y");
	out_memory(&out);
	table_print(&t, &out);
	assert_string_equal(out_text(&out), "  NAME            BYTES\n"
	                                    "  caf\xc3\xa9              5 B\n"
	                                    "  a long name  2.00 KiB  x\\x1by\n");
	out_discard(&out);
}

static void paragraphs_break_at_blanks_and_keep_units(void **state)
{
	struct out out;

	(void)state;
	out_memory(&out);
	out.width = 20;
	text_wrap(&out, 2, "one two three four, 219 KiB more\nnew line");
	assert_string_equal(out_text(&out), "  one two three\n  four, 219 KiB more\n  new line\n");
	out_discard(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_have_three_digits),
		cmocka_unit_test(counts_have_commas),
		cmocka_unit_test(shares_never_round_to_nothing_or_all),
		cmocka_unit_test(terminals_get_no_control_characters),
		cmocka_unit_test(shells_get_one_word),
		cmocka_unit_test(csv_quotes_what_needs_it),
		cmocka_unit_test(numbers_are_written_whole),
		cmocka_unit_test(long_text_survives_small_buffers),
		cmocka_unit_test(tables_align_and_leave_no_blanks_at_the_end),
		cmocka_unit_test(paragraphs_break_at_blanks_and_keep_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
