/* scratch: zeroed arrays, as memory up to a bound, and in a file beyond it. */
#include "formats/scratch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define BYTES 300000

/* Is a mapping that holds p one of a file? By /proc/self/maps: its inode is not 0. */
static bool is_filed(const void *p)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long long start, end, inode;
	bool filed = false;
	char line[4096];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx %*s %*s %*s %llu", &start, &end, &inode) == 3 &&
		    (uintptr_t)p >= start && (uintptr_t)p < end)
			filed = inode != 0;
	fclose(maps);
	return filed;
}

static void fill(unsigned char *p, int with)
{
	assert_non_null(p);
	for (size_t i = 0; i < BYTES; i++)
		assert_int_equal(p[i], 0);
	memset(p, with, BYTES);
}

static void beyond_the_bound(void **state)
{
	struct scratch s = scratch_open(BYTES + BYTES / 2);
	unsigned char *p[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		p[i] = scratch_take(&s, BYTES);
		fill(p[i], i + 1);
	}
	assert_false(is_filed(p[0]));
	assert_int_equal(scratch_left(&s), BYTES / 2);
	for (int i = 1; i < 4; i++)
		assert_true(is_filed(p[i]));
	for (int i = 0; i < 4; i++)
		assert_true(p[i][0] == i + 1 && !memcmp(p[i], p[i] + 1, BYTES - 1));
	scratch_give(&s, p[2], BYTES); /* what was in the file gives no memory back */
	assert_int_equal(scratch_left(&s), BYTES / 2);
	p[2] = scratch_take(&s, BYTES);
	fill(p[2], 7);
	scratch_give(&s, p[0], BYTES);
	assert_int_equal(scratch_left(&s), BYTES + BYTES / 2);
	p[0] = scratch_take(&s, BYTES);
	fill(p[0], 8);
	assert_false(is_filed(p[0]));
	for (int i = 0; i < 4; i++)
		scratch_give(&s, p[i], BYTES);
	scratch_give(&s, NULL, BYTES);
	scratch_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(beyond_the_bound) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
