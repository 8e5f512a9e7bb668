/* From which root a block is reached: pointers in registers, to a block's start and into it. */
#include "analyzer/diff/descent.h"
#include "tests/unit/lib/fakeheap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Does a chain lead from a register that holds a pointer so far into the first block to the other,
 * which the first points to? */
static bool led_to(bool inside, uint64_t offset, bool to_second)
{
	struct fakeheap f;
	size_t first, second;
	struct root_register reg = { .name = "rbx" };
	struct roots roots = { .reg = &reg, .nregs = 1 };
	struct descent d = { .inside = inside };
	struct block a, b;
	vaddr at = 1;
	bool led;

	fake_open(&f, 1 << 20);
	first = fake_leaked(&f, 64);
	second = fake_leaked(&f, 64);
	*fake_word(&f, f.chunk.v[first].at + 16) = f.chunk.v[second].at + 16;
	fake_walk(&f);
	reg.value = f.chunk.v[first].at + 16 + offset;
	assert_true(heap_find(f.walked, f.chunk.v[first].at + 16, &a));
	assert_true(heap_find(f.walked, f.chunk.v[second].at + 16, &b));
	pointers_find(&f.tiny.core, NULL, f.walked, &roots, 1, (struct pointers_ask){ 0 },
	              &d.pointers);
	assert_true(descent_wait(&d, to_second ? &b : &a, 1));
	led = descent_root(&d, to_second ? b.id : a.id, &at);
	assert_true(!led || !at); /* it is a register */
	descent_free(&d);
	fake_free_all(&f);
	return led;
}

static void registers_lead_to_what_they_point_to(void **state)
{
	(void)state;
	assert_true(led_to(false, 0, false));
	assert_true(led_to(false, 0, true));
	assert_true(led_to(true, 0, true));
}

static void pointers_into_the_middle_count_if_asked(void **state)
{
	(void)state;
	assert_true(led_to(true, 8, false));
	assert_true(led_to(true, 8, true));
	assert_false(led_to(false, 8, false));
	assert_false(led_to(false, 8, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_lead_to_what_they_point_to),
		cmocka_unit_test(pointers_into_the_middle_count_if_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
