/* Runs between holes: on random segments and holes, against one flag a page. */
#include "formats/written.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGE  4096
#define PAGES 600
#define BASE  UINT64_C(0x10000000)

static uint64_t seed = 3;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static void runs_are_what_is_written(void **state)
{
	static const uint8_t bytes[1]; /* a run is not read */

	(void)state;
	for (int round = 0; round < 300; round++) {
		bool in_file[PAGES], want[PAGES] = { false }, got[PAGES] = { false };
		struct segment seg[PAGES];
		struct hole hole[PAGES];
		struct core core = { .seg = seg, .hole = hole, .page_size = PAGE };
		uint64_t offset = PAGE;
		uint32_t page = 0, from = rnd(100), to = PAGES - rnd(100), runs = 0;

		for (uint32_t i = 0; i < PAGES; i++)
			in_file[i] = rnd(3) != 0;
		while (page < PAGES) {
			uint32_t size = 1 + rnd(40), saved;

			if (size > PAGES - page)
				size = PAGES - page;
			saved = rnd(4) ? size : rnd(size + 1);
			if (rnd(3)) {
				struct segment s = { .start = BASE + page * PAGE,
					             .end = BASE + (page + size) * PAGE,
					             .saved_end = BASE + (page + saved) * PAGE,
					             .offset = offset,
					             .mem = saved ? bytes : NULL };

				seg[core.nseg++] = s;
				for (uint32_t i = page; i < page + saved; i++) {
					struct hole *last = core.nholes ? &hole[core.nholes - 1]
					                                : NULL;

					want[i] = in_file[i] && i >= from && i < to;
					if (!in_file[i] && last && last->end == offset)
						last->end += PAGE;
					else if (!in_file[i])
						hole[core.nholes++] = (struct hole){
							offset, offset + PAGE
						};
					offset += PAGE;
				}
			}
			page += size;
		}
		for (vaddr stop, at = BASE + from * PAGE;
		     core_written(&core, &at, BASE + to * PAGE, &stop); at = stop) {
			assert_true(stop > at && stop <= BASE + to * PAGE);
			runs++;
			for (vaddr p = at; p < stop; p += PAGE) {
				assert_false(got[(p - BASE) / PAGE]);
				got[(p - BASE) / PAGE] = true;
			}
		}
		assert_memory_equal(got, want, sizeof(got));
		assert_true(runs > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_are_what_is_written),
	};

	return cmocka_run_group_tests_name("written", tests, NULL, NULL);
}
