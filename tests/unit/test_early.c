/*
 * Marking that begins with the heap's walk, as of a core that does not fit into memory, against
 * marking after it: the same blocks in use, the same verdicts, the same resident pages, over all
 * cores of the corpus, damaged ones, too, with one and several threads, and with a log of what the
 * walk left, with one that is full soon, and with one that is full at once.
 */
#include "analyzer/analysis.h"
#include "formats/scarce.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct seen {
	struct analysis a;
	const struct heap *heap;
	const struct reach *reach;
	uint64_t resident;
};

/* Bytes of the log. */
static const uint64_t logs[] = { 0, 20000, 1 };
#define LOGS (sizeof(logs) / sizeof(*logs))

static void see(const char *path, bool scarce, unsigned threads, uint64_t log, struct seen *s)
{
	struct err err;

	if (!analysis_open(path, NULL, &s->a, &err))
		fail_msg("%s", err.msg);
	s->a.core->scarce = scarce;
	s->a.marks = true;
	s->a.threads = threads;
	s->a.log = log;
	s->heap = analysis_heap(&s->a);
	s->reach = analysis_reach(&s->a);
	s->resident = 0;
	for (size_t i = 0; i < s->heap->nspans; i++)
		s->resident += core_resident(s->a.core, s->heap->span[i].start,
		                             s->heap->span[i].end);
}

static void same_bits(const struct heap *h, const uint64_t *a, const uint64_t *b)
{
	size_t differ = 0;

	for (uint32_t i = 0; i < h->nchunks; i++)
		differ += bit_get(a, i) != bit_get(b, i);
	assert_int_equal(differ, 0);
}

static void compare(const struct seen *a, const struct seen *b)
{
	assert_int_equal(a->heap->nchunks, b->heap->nchunks);
	assert_int_equal(a->heap->nspans, b->heap->nspans);
	assert_int_equal(a->heap->nfindings, b->heap->nfindings);
	assert_int_equal(a->heap->ncached, b->heap->ncached);
	same_bits(a->heap, a->heap->used, b->heap->used);
	same_bits(a->heap, a->reach->strong, b->reach->strong);
	same_bits(a->heap, a->reach->weak, b->reach->weak);
	same_bits(a->heap, a->reach->head, b->reach->head);
	for (int i = 0; i < REACH_CLASSES; i++) {
		assert_int_equal(a->reach->total[i].blocks, b->reach->total[i].blocks);
		assert_int_equal(a->reach->total[i].bytes, b->reach->total[i].bytes);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(a->heap->total[i].bytes, b->heap->total[i].bytes);
	assert_int_equal(a->resident, b->resident);
	assert_int_equal(a->a.roots.n, b->a.roots.n);
}

/* Is it marked during the walk? */
static bool check_core(const char *path, unsigned threads, uint64_t log)
{
	struct seen late, early;
	bool taken;

	see(path, false, 1, 0, &late);
	see(path, true, threads, log, &early);
	compare(&late, &early);
	taken = early.reach->early;
	analysis_close(&early.a);
	analysis_close(&late.a);
	return taken;
}

static void check_glob(const char *pattern)
{
	const char *src = getenv("SRC");
	unsigned n = 0, taken = 0;
	char path[4096];
	glob_t found;

	snprintf(path, sizeof(path), "%s/%s", src ? src : ".", pattern);
	assert_int_equal(glob(path, 0, NULL, &found), 0);
	for (; n < found.gl_pathc; n++)
		taken += check_core(found.gl_pathv[n], 1 + 2 * (n % 2), logs[n % LOGS]);
	print_message("%s: %u cores, %u were marked while walked\n", pattern, n, taken);
	assert_true(n > 0);
	assert_true(taken > n / 4);
	globfree(&found);
}

static void test_corpus(void **unused)
{
	(void)unused;
	check_glob("corpus/*/core.zst");
}

static void test_damaged(void **unused)
{
	(void)unused;
	check_glob("corpus/bad/*/core.zst");
}

static void test_scarce(void **unused)
{
	(void)unused;
	assert_false(memory_is_scarce(0));
	assert_true(memory_is_scarce(UINT64_MAX - 1));
}

/* Cores given as arguments: all of them are to be marked while they are walked. */
static void test_given(void **paths)
{
	for (char **path = *paths; *path; path++)
		for (unsigned threads = 1; threads <= 3; threads++)
			assert_true(check_core(*path, threads, logs[threads % LOGS]));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest given[] = { cmocka_unit_test_prestate(test_given, argv + 1) };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_scarce),
	};

	if (argc > 1)
		return cmocka_run_group_tests(given, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
