/*
 * Every mapped byte has exactly one owner: on layouts made by hand, whose owners are written down,
 * and on random ones, where it is enough that the parts neither overlap nor leave anything out.
 */
#include "analyzer/memory/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define RW   (SEG_R | SEG_W)

struct fake {
	struct core core;
	struct segment seg[600];
	struct filemap file[4];
	struct heap heap;
	struct span span[300];
	struct stacks stacks;
	struct stack stack[300];
	struct modules modules;
	struct module module[2];
	struct ledger ledger;
};

static void fake_start(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	f->core.seg = f->seg;
	f->core.files = f->file;
	f->core.page_size = PAGE;
	f->heap.span = f->span;
	f->stacks.v = f->stack;
	f->modules.v = f->module;
}

/* Addresses and sizes in pages. */
static void map(struct fake *f, uint64_t start, uint64_t size, unsigned flags, int file)
{
	f->seg[f->core.nseg++] = (struct segment){ .start = start * PAGE,
		                                   .end = (start + size) * PAGE,
		                                   .saved_end = start * PAGE,
		                                   .meant_end = start * PAGE,
		                                   .flags = flags,
		                                   .file = file };
}

static void span(struct fake *f, uint64_t start, uint64_t size, enum span_kind kind)
{
	f->span[f->heap.nspans++] = (struct span){ .start = start * PAGE + 0x30,
		                                   .end = (start + size) * PAGE,
		                                   .own_start = start * PAGE,
		                                   .own_end = (start + size) * PAGE,
		                                   .kind = kind };
}

static void stack(struct fake *f, uint64_t start, uint64_t size, uint64_t guard)
{
	f->stack[f->stacks.n++] = (struct stack){ .start = start * PAGE,
		                                  .end = (start + size) * PAGE,
		                                  .guard = guard * PAGE };
}

static void fake_ledger(struct fake *f)
{
	ledger_make(&f->core, &f->modules, &f->heap, &f->stacks, &f->ledger);
}

static void check_partition(const struct fake *f)
{
	size_t part = 0;

	for (size_t i = 0; i < f->core.nseg; i++) {
		vaddr at = f->seg[i].start;

		for (; part < f->ledger.n && f->ledger.v[part].segment == i; part++) {
			assert_int_equal(f->ledger.v[part].start, at);
			assert_true(f->ledger.v[part].end > at);
			assert_ptr_equal(ledger_at(&f->ledger, at), &f->ledger.v[part]);
			at = f->ledger.v[part].end;
			assert_ptr_equal(ledger_at(&f->ledger, at - 1), &f->ledger.v[part]);
		}
		assert_int_equal(at, f->seg[i].end);
	}
	assert_int_equal(part, f->ledger.n);
}

static void is_part(const struct fake *f, uint64_t start, uint64_t end, enum ledger_kind kind,
                    uint32_t owner)
{
	const struct ledger_part *p = ledger_at(&f->ledger, start * PAGE);

	assert_non_null(p);
	assert_int_equal(p->start, start * PAGE);
	assert_int_equal(p->end, end * PAGE);
	assert_string_equal(ledger_kind_name(p->kind), ledger_kind_name(kind));
	assert_int_equal(p->owner, owner);
}

static void a_process(void **state)
{
	struct fake f;

	(void)state;
	fake_start(&f);
	f.file[0] = (struct filemap){ 100 * PAGE, 104 * PAGE, 0, "/bin/x", false };
	f.file[1] = (struct filemap){ 900 * PAGE, 901 * PAGE, 0, "/memfd:y", true };
	f.core.nfiles = 2;
	f.module[0] = (struct module){ .path = "/bin/x",
		                       .start = 100 * PAGE,
		                       .end = 104 * PAGE,
		                       .data_start = 103 * PAGE + 8,
		                       .data_end = 105 * PAGE + 8 };
	f.modules.n = 1;
	map(&f, 100, 1, SEG_R, 0);
	map(&f, 101, 1, SEG_R | SEG_X, 0);
	map(&f, 102, 1, SEG_R, 0);
	map(&f, 103, 1, RW, 0);
	map(&f, 104, 5, RW, -1); /* .bss to 106, then somebody's */
	map(&f, 200, 33, RW, -1);
	span(&f, 200, 33, SPAN_BRK);
	map(&f, 16384, 40, RW, -1); /* an arena and its reserve */
	span(&f, 16384, 40, SPAN_ARENA);
	map(&f, 16424, 16344, 0, -1);
	map(&f, 32768, 100, RW, -1); /* two stacks with their guards, mmapped chunks around them */
	span(&f, 32770, 10, SPAN_MMAP);
	stack(&f, 32780, 20, 1);
	stack(&f, 32800, 20, 1);
	span(&f, 32825, 10, SPAN_MMAP);
	f.file[1].start = 40000 * PAGE;
	f.file[1].end = 40001 * PAGE;
	map(&f, 40000, 1, RW, -1);
	map(&f, 50000, 1, 0, -1);
	fake_ledger(&f);
	check_partition(&f);
	is_part(&f, 100, 101, LEDGER_RODATA, 0);
	is_part(&f, 101, 102, LEDGER_TEXT, 0);
	is_part(&f, 103, 104, LEDGER_DATA, 0);
	is_part(&f, 104, 106, LEDGER_BSS, 0);
	is_part(&f, 106, 109, LEDGER_ANON, LEDGER_NOBODY);
	is_part(&f, 200, 233, LEDGER_HEAP, 0);
	is_part(&f, 16384, 16424, LEDGER_ARENA, 1);
	is_part(&f, 16424, 32768, LEDGER_RESERVE, 1);
	is_part(&f, 32768, 32770, LEDGER_ANON, LEDGER_NOBODY);
	is_part(&f, 32770, 32780, LEDGER_MMAPPED, 2);
	is_part(&f, 32780, 32781, LEDGER_GUARD, 0);
	is_part(&f, 32781, 32800, LEDGER_STACK, 0);
	is_part(&f, 32800, 32801, LEDGER_GUARD, 1);
	is_part(&f, 32801, 32820, LEDGER_STACK, 1);
	is_part(&f, 32825, 32835, LEDGER_MMAPPED, 3);
	is_part(&f, 32835, 32868, LEDGER_ANON, LEDGER_NOBODY);
	is_part(&f, 40000, 40001, LEDGER_SHARED, LEDGER_NOBODY);
	is_part(&f, 50000, 50001, LEDGER_NONE, LEDGER_NOBODY);
	assert_null(ledger_at(&f.ledger, 0));
	assert_null(ledger_at(&f.ledger, 150 * PAGE));
	assert_null(ledger_at(&f.ledger, 60000 * PAGE));
	ledger_free(&f.ledger);
}

static uint64_t seed = 1;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

/* Spans and stacks that know nothing of segments, and overlap each other: a core may lie. */
static void random_layouts(void **state)
{
	(void)state;
	for (int run = 0; run < 200; run++) {
		struct fake f;
		uint64_t at = 1;

		fake_start(&f);
		for (size_t i = 0; i < 100; i++) {
			uint64_t size = 1 + rnd(30);

			at += rnd(3) ? 0 : rnd(10);
			map(&f, at, size, (unsigned)rnd(8), -1);
			at += size;
		}
		for (uint64_t s = rnd(20); s < at; s += 1 + rnd(60)) {
			uint64_t size = 1 + rnd(40);

			span(&f, s, size, (enum span_kind)rnd(3));
			s += size;
		}
		for (uint64_t s = rnd(20); s < at; s += 1 + rnd(60)) {
			uint64_t size = 1 + rnd(40);

			stack(&f, s, size, rnd(2));
			s += size;
		}
		fake_ledger(&f);
		check_partition(&f);
		ledger_free(&f.ledger);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process),
		cmocka_unit_test(random_layouts),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
