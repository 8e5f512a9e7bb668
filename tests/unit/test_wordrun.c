/* Runs of words: of random segments, whole and cut at any byte, and holes, against word by word. */
#include "formats/wordrun.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGE  4096
#define BYTES (60 * PAGE)
#define BASE  UINT64_C(0x10000000)

static uint64_t seed = 5;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static struct segment seg[BYTES];
static struct hole hole[BYTES / PAGE];
static uint8_t file[BYTES];

/* Segments that end at pages, or anywhere; pages of zeroes that are holes; the file has no gaps. */
static void make_core(struct core *core, uint16_t machine, uint8_t class)
{
	bool even = rnd(2);
	uint32_t at = 0;

	*core = (struct core){ .seg = seg, .hole = hole, .page_size = PAGE };
	core->machine = machine_find(machine, class);
	for (uint32_t i = 0; i < BYTES; i++)
		file[i] = (uint8_t)(1 + rnd(255));
	for (uint32_t i = 0; i < BYTES; i += PAGE) {
		if (rnd(3))
			continue;
		memset(file + i, 0, PAGE);
		if (core->nholes && hole[core->nholes - 1].end == i)
			hole[core->nholes - 1].end += PAGE;
		else
			hole[core->nholes++] = (struct hole){ i, i + PAGE };
	}
	while (at < BYTES) {
		uint32_t size = even ? PAGE * (1 + rnd(30)) : 1 + rnd(rnd(2) ? 20 : 30 * PAGE);
		uint32_t saved = rnd(4) ? UINT32_MAX : rnd(30 * PAGE);

		size = size < BYTES - at ? size : BYTES - at;
		saved = saved < size ? saved : size;
		if (rnd(4)) {
			seg[core->nseg++] = (struct segment){ .start = BASE + at,
				                              .end = BASE + at + size,
				                              .saved_end = BASE + at + saved,
				                              .run_end = BASE + at + saved,
				                              .offset = at,
				                              .mem = saved ? file + at : NULL };
		}
		at += size;
	}
}

static void check(const struct core *core, vaddr start, vaddr end)
{
	struct wordrun run = wordruns(core, start, end);
	unsigned width = core->machine->word;
	vaddr at = round_up(start, width);
	uint64_t value;

	while (wordrun_next(&run)) {
		assert_true(run.bytes && run.bytes % width == 0 && run.at % width == 0);
		assert_true(run.at >= at && run.bytes <= end - run.at);
		for (; at < run.at; at += width) /* what is left out is not there, or zero */
			assert_true(!core_read_word(core, at, &value) || !value);
		for (uint64_t i = 0; i < run.bytes; i += width, at += width) {
			assert_true(core_read_word(core, at, &value));
			assert_true(load_word(run.mem + i, width) == value);
		}
	}
	for (; at < end && end - at >= width; at += width)
		assert_true(!core_read_word(core, at, &value) || !value);
}

static void runs_have_all_words(void **state)
{
	(void)state;
	for (int round = 0; round < 80; round++) {
		struct core core;

		make_core(&core, round % 4 ? EM_X86_64 : EM_386,
		          round % 4 ? ELFCLASS64 : ELFCLASS32);
		check(&core, BASE, BASE + BYTES);
		for (int i = 0; i < 20; i++) {
			vaddr start = BASE + rnd(BYTES);

			check(&core, start, start + rnd((uint32_t)(BASE + BYTES - start) + 1));
		}
	}
}

/* What a damaged core says of itself may be anything: it costs no time. */
static void nothing_takes_no_time(void **state)
{
	struct wordrun run;
	struct core core;
	uint64_t n = 0;

	(void)state;
	make_core(&core, EM_X86_64, ELFCLASS64);
	for (run = wordruns(&core, 1, UINT64_MAX); wordrun_next(&run);)
		n += run.bytes;
	assert_true(n > 0 && n <= BYTES);
	run = wordruns(&core, UINT64_MAX - 3, UINT64_MAX);
	assert_false(wordrun_next(&run));
	run = wordruns(&core, BASE + 1, BASE + 8);
	assert_false(wordrun_next(&run));
}

static void the_best_word_is_found(void **state)
{
	uint64_t word[4] = { 0x1010, 0x1004, 0x1000, 0x1000 };
	struct segment one = { .start = BASE,
		               .end = BASE + sizeof(word),
		               .saved_end = BASE + sizeof(word),
		               .run_end = BASE + sizeof(word),
		               .mem = (const uint8_t *)word };
	struct core core = { .seg = &one, .nseg = 1, .page_size = PAGE };
	vaddr at, value;

	(void)state;
	core.machine = machine_find(EM_X86_64, ELFCLASS64);
	assert_true(wordrun_find(&core, BASE, one.end, 0x1000, 8, &at, &value));
	assert_true(at == BASE + 16 && value == 0x1000);
	assert_true(wordrun_find(&core, BASE, BASE + 16, 0x1000, 8, &at, &value));
	assert_true(at == BASE + 8 && value == 0x1004);
	assert_true(wordrun_find(&core, BASE, one.end, 0x1010, 0, &at, &value));
	assert_true(at == BASE && value == 0x1010);
	assert_false(wordrun_find(&core, BASE, BASE + 16, 0x1000, 0, &at, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_have_all_words),
		cmocka_unit_test(nothing_takes_no_time),
		cmocka_unit_test(the_best_word_is_found),
	};

	return cmocka_run_group_tests_name("wordrun", tests, NULL, NULL);
}
