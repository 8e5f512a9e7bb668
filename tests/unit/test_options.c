/* The command line: what is understood, and what is said where it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyzer/command/command.h"
#include "analyzer/command/number.h"

static const struct command summary = {
	.name = "summary",
	.args = "CORE",
	.formats = AS_TEXT | AS_JSON,
	.takes = TAKES_CORE,
	.min_args = 1,
	.max_args = 1,
};
static const struct command blocks = {
	.name = "blocks",
	.args = "CORE",
	.formats = AS_TEXT | AS_CSV,
	.takes = TAKES_CORE | TAKES_REACH | TAKES_STATE | TAKES_LIMIT | TAKES_SORT,
	.sorts = "retained,bytes",
	.min_args = 1,
	.max_args = 1,
};
static const struct command help = { .name = "help", .formats = AS_TEXT, .max_args = 1 };
static const struct command *const list[] = { &summary, &blocks, NULL, &help };

static const char *storage[64];
static struct options opt;
static struct err err;

#define PARSE(...) parse((char *[]){ "coreheap", __VA_ARGS__, NULL })

static bool parse(char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	err.msg[0] = 0;
	return options_parse(argc, argv, list, sizeof(list) / sizeof(*list), storage, &opt, &err);
}

static void assert_said(const char *part)
{
	if (!strstr(err.msg, part))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, part);
}

static void a_core_alone_is_a_summary(void **state)
{
	(void)state;
	assert_true(PARSE("/dir/core.1"));
	assert_ptr_equal(opt.command, &summary);
	assert_string_equal(opt.arg[0], "/dir/core.1");
	assert_int_equal(opt.nargs, 1);
}

static void options_stand_anywhere(void **state)
{
	(void)state;
	assert_true(PARSE("--json", "summary", "core", "-qv"));
	assert_ptr_equal(opt.command, &summary);
	assert_int_equal(opt.format, FORMAT_JSON);
	assert_true(opt.quiet && opt.verbose);
	assert_true(PARSE("blocks", "core", "--format=csv", "--reach", "leaked", "-n5"));
	assert_int_equal(opt.format, FORMAT_CSV);
	assert_int_equal(opt.reaches, 1 << REACH_DEFINITE | 1 << REACH_INDIRECT);
	assert_int_equal(opt.limit, 5);
	assert_true(opt.has_limit);
	assert_true(PARSE("blocks", "--", "-core-"));
	assert_string_equal(opt.arg[0], "-core-");
	assert_true(PARSE("blocks", "-", "-o", "x", "--max-memory=64M"));
	assert_string_equal(opt.arg[0], "-");
	assert_string_equal(opt.output, "x");
	assert_int_equal(opt.max_memory, 64 << 20);
}

static void lists_of_names(void **state)
{
	(void)state;
	assert_true(PARSE("blocks", "core", "--state", "free,internal"));
	assert_int_equal(opt.states, 1 << BLOCK_FREE | 1 << BLOCK_INTERNAL);
	assert_true(PARSE("blocks", "core", "--reach", "possible,leaked"));
	assert_int_equal(opt.reaches,
	                 1 << REACH_POSSIBLE | 1 << REACH_DEFINITE | 1 << REACH_INDIRECT);
	assert_false(PARSE("blocks", "core", "--state", "free,"));
	assert_false(PARSE("blocks", "core", "--state", "freed"));
	assert_said("used, free, internal");
	assert_false(PARSE("blocks", "core", "--reach", ""));
}

static void help_and_version_win(void **state)
{
	(void)state;
	assert_true(PARSE("blocks", "--help"));
	assert_ptr_equal(opt.command, &help);
	assert_string_equal(opt.arg[0], "blocks");
	assert_true(PARSE("-h"));
	assert_int_equal(opt.nargs, 0);
}

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	assert_false(PARSE("blocsk", "core"));
	assert_said("did you mean blocks?");
	assert_false(PARSE("blocks", "core", "--formt", "csv"));
	assert_said("did you mean --format?");
	assert_false(PARSE("blocks", "core", "--quietly"));
	assert_said("did you mean --quiet?");
	assert_false(PARSE("blocks", "core", "--show"));
	assert_said("did you mean --show-content?");
	assert_false(PARSE("blocks", "core", "--no")); /* several begin so */
	assert_said("`coreheap help` lists them");
	assert_false(PARSE("blo", "core"));
	assert_said("did you mean blocks?");
	assert_false(PARSE("blocks", "core", "--format"));
	assert_said("needs an argument");
	assert_false(PARSE("blocks", "core", "--format", "xml"));
	assert_said("text, json, jsonl, csv, prom, folded or html");
	assert_false(PARSE("blocks", "core", "--json"));
	assert_said("has no format json; it has text, csv");
	assert_false(PARSE("summary", "core", "-n", "5"));
	assert_said("summary does not take --limit");
	assert_false(PARSE("blocks"));
	assert_said("usage: coreheap blocks CORE");
	assert_false(PARSE("blocks", "a", "b"));
	assert_said("b is one argument too many");
	assert_false(PARSE("blocks", "core", "--sort", "colour"));
	assert_said("sorts by retained,bytes");
	assert_false(PARSE("blocks", "core", "-x"));
	assert_said("no option -x");
	assert_false(PARSE("blocks", "core", "--strict=yes"));
	assert_said("takes no argument");
	assert_false(PARSE("blocks", "core", "-n", "-5"));
	assert_false(PARSE("blocks", "core", "--threads", "0"));
	assert_false(PARSE("blocks", "core", "--max-memory", "1K"));
	assert_false(PARSE("-q"));
	assert_said("no core file was given");
}

static void an_unknown_word_that_is_no_slip_is_a_file(void **state)
{
	(void)state;
	assert_true(PARSE("elephant"));
	assert_ptr_equal(opt.command, &summary);
	assert_true(PARSE("core.summry")); /* has a dot: a file that is not there */
	assert_ptr_equal(opt.command, &summary);
}

static void sizes_with_suffixes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "0x1000", 4096 },
		{ "64K", 65536 },
		{ "64k", 65536 },
		{ "10M", 10 << 20 },
		{ "1.5M", 3 << 19 },
		{ "1.5 GiB", UINT64_C(3) << 29 },
		{ "2KB", 2048 },
		{ "100B", 100 },
		{ "15E", UINT64_C(15) << 60 },
		{ "18446744073709551615", UINT64_MAX },
	};
	static const char *const bad[] = {
		"",
		"M",
		"-1",
		"1.5",
		"1.",
		"1..5M",
		"10X",
		"10MiBs",
		"16E",
		"18446744073709551616",
		"1.0000000001M",
		" 5",
		"5 5",
	};
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(options_bytes(good[i].text, &n));
		assert_true(n == good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (options_bytes(bad[i], &n))
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void conditions(void **state)
{
	struct condition c;

	(void)state;
	assert_true(condition_parse("definite>10M", &c, &err));
	assert_int_equal(c.left, QUANTITY_DEFINITE);
	assert_false(c.blocks);
	assert_false(condition_holds(&c, 10 << 20));
	assert_true(condition_holds(&c, (10 << 20) + 1));
	assert_true(condition_parse(" leaked.blocks >= 5", &c, &err));
	assert_true(c.blocks);
	assert_true(condition_holds(&c, 5));
	assert_false(condition_holds(&c, 4));
	assert_true(condition_parse("in_use.bytes<=1K", &c, &err));
	assert_true(condition_holds(&c, 1024));
	assert_false(condition_holds(&c, 1025));
	assert_true(condition_parse("possible==0", &c, &err));
	assert_true(condition_holds(&c, 0));
	assert_true(condition_parse("possible!=0", &c, &err));
	assert_false(condition_holds(&c, 0));
	assert_true(condition_parse("possible<2", &c, &err));
	assert_true(condition_holds(&c, 1));
	assert_false(condition_holds(&c, 2));
	assert_true(condition_parse("growth>100M/h", &c, &err));
	assert_int_equal(c.left, QUANTITY_GROWTH);
	assert_true(c.per_hours == 1 && condition_holds(&c, (100 << 20) + 1));
	assert_true(condition_parse("leak_growth >= 1K/s", &c, &err));
	assert_true(c.per_hours < 1.0 / 3599 && condition_holds(&c, 1024));
	assert_true(condition_parse("resident_growth>1", &c, &err));
	assert_true(c.per_hours == 0);
	assert_false(condition_parse("growth>1M/y", &c, &err));
	assert_false(condition_parse("growth.blocks>1", &c, &err));
	assert_false(condition_parse("leaked>1M/h", &c, &err));
	assert_false(condition_parse("leak>0", &c, &err));
	assert_false(condition_parse("leaked", &c, &err));
	assert_false(condition_parse("leaked>", &c, &err));
	assert_false(condition_parse("leaked>x", &c, &err));
	assert_false(condition_parse("leaked.count>0", &c, &err));
	assert_false(condition_parse("", &c, &err));
	assert_said("'leaked>0'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_core_alone_is_a_summary),
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(lists_of_names),
		cmocka_unit_test(help_and_version_win),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(an_unknown_word_that_is_no_slip_is_a_file),
		cmocka_unit_test(sizes_with_suffixes),
		cmocka_unit_test(conditions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
