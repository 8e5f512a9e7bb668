/* What a person who waits is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/command/progress.h"

#define S UINT64_C(1000000000)
#define M (UINT64_C(1) << 20)

static const char *told(const char *name, uint64_t all, uint64_t done, bool bytes, uint64_t after)
{
	static char text[96];
	struct stage stage = {
		.name = name, .all = all, .done = done, .began = 5 * S, .bytes = bytes
	};

	size_t n = progress_text(&stage, 5 * S + after, text, sizeof(text));

	assert_int_equal(n, strlen(text));
	return text;
}

static void share_rate_and_time(void **state)
{
	(void)state;
	assert_string_equal(told("walking", 1000 * M, 400 * M, true, 2 * S),
	                    "walking, 40%, 200 MiB/s, 4 s left");
	assert_string_equal(told("walking", 8 * 1024 * M, 1945 * M, true, S),
	                    "walking, 23%, 1.89 GiB/s, 4 s left");
	assert_string_equal(told("walking", 1000 * M, 3 * M / 2, true, S),
	                    "walking, 0%, 1.50 MiB/s, 11 min left");
	assert_string_equal(told("walking", 1000 * M, 77 * M / 2, true, S),
	                    "walking, 3%, 38.5 MiB/s, 25 s left");
}

static void what_is_not_known(void **state)
{
	(void)state;
	assert_string_equal(told("walking", 1000 * M, 0, true, 3 * S), "walking, 0%");
	assert_string_equal(told("walking", 1000 * M, M, true, S / 10), "walking, 0%");
	assert_string_equal(told("unpacking", 0, 900 * M, true, 3 * S),
	                    "unpacking, 300 MiB/s, 3 s");
	assert_string_equal(told("types", 9, 3, false, 3 * S), "types, 33%, 7 s left");
	assert_string_equal(told("sites", 0, 0, false, S / 2), "sites");
	assert_string_equal(told("sites", 0, 0, false, 700 * S), "sites, 11 min");
}

static void more_than_there_should_be(void **state)
{
	(void)state;
	assert_string_equal(told("walking", 1000 * M, 4000 * M, true, S),
	                    "walking, 100%, 0.97 GiB/s, 1 s left");
	assert_string_equal(told("walking", M, UINT64_MAX, true, UINT64_MAX - 5 * S),
	                    "walking, 100%, 0 B/s, 1 s left");
}

static void little_room(void **state)
{
	struct stage stage = { .name = "walking", .all = 10, .done = 5 };
	char text[12];

	(void)state;
	assert_int_equal(progress_text(&stage, S, text, sizeof(text)), 11);
	assert_string_equal(text, "walking, 50");
}

/* One stage within another, and several threads each with its own. */
static void stages(void **state)
{
	struct stage outer, inner;

	(void)state;
	assert_null(stage_now().name);
	outer = stage_bytes("outer", 100);
	stage_add(30);
	inner = stage_steps("inner", 4);
	stage_add(3);
	assert_string_equal(stage_now().name, "inner");
	assert_int_equal(stage_now().done, 3);
	stage_end(inner);
	stage_add(1);
	assert_string_equal(stage_now().name, "outer");
	assert_int_equal(stage_now().done, 31);
	assert_int_equal(stage_now().all, 100);
	stage_end(outer);
	assert_null(stage_now().name);

	outer = stage_alone("all");
	inner = stage_bytes("inner", 5);
	assert_string_equal(stage_now().name, "all");
	stage_end(inner);
	assert_string_equal(stage_now().name, "all");
	stage_end(outer);
	assert_null(stage_now().name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(share_rate_and_time),
		cmocka_unit_test(what_is_not_known),
		cmocka_unit_test(more_than_there_should_be),
		cmocka_unit_test(little_room),
		cmocka_unit_test(stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
