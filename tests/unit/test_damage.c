/*
 * Damaged heaps made by hand (lib/fakeheap.h): each header value that an overrun can leave, at each
 * end of a region, alone and in numbers; and memory made to keep the search busy.
 */
#include "tests/unit/lib/fakeheap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MIB      (UINT64_C(1) << 20)
#define CHUNKS   400
#define NEVER_BY UINT64_C(0xeeeeeeeeeeeeeeee) /* what fake blocks are filled with */

static uint32_t seed;

static uint32_t dice(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* Used chunks of many sizes; each eighth free, the one behind it used. */
static void crowd(struct fakeheap *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i % 8 == 5)
			fake_free(f, 0x420 + 16 * dice(40));
		else
			fake_used(f, 0x30 + 16 * dice(60));
	}
}

static void open_crowd(struct fakeheap *f)
{
	seed = 1;
	fake_open(f, 4 * MIB);
	crowd(f, CHUNKS);
}

/* Names of blocks, and the one in front where there is one. */
static void assert_named(const struct fakeheap *f, size_t i)
{
	const struct heap_finding *found = fake_finding(f, i);

	assert_non_null(found);
	if (i)
		assert_true(found->front.addr == f->chunk.v[i - 1].at + 16);
	else
		assert_true(found->front.addr == 0);
}

static void a_sound_heap_has_no_finding(void **state)
{
	struct fakeheap f;

	(void)state;
	open_crowd(&f);
	fake_walk(&f);
	assert_int_equal(fake_wrong(&f, 0, 0), 0);
	assert_int_equal(fake_damages(&f), 0);
	assert_int_equal(f.walked->repaired + f.walked->skipped, 0);
	fake_free_all(&f);
}

/* One header overwritten with each value, at each place: named, and all others are exact. */
static void one_header_in_each_way(void **state)
{
	static const uint64_t values[] = {
		0,
		1,
		8,
		0x11,
		0x19,
		0x29, /* misaligned */
		0x33, /* mmapped */
		0x45, /* of another arena */
		0x4141414141414141,
		UINT64_MAX,
		(64 * MIB) | 1,           /* beyond the region */
		UINT64_C(0x555555560010), /* a pointer */
	};
	static const size_t places[] = { 0, 1, 6, 7, CHUNKS / 2, CHUNKS - 2, CHUNKS - 1 };

	(void)state;
	for (size_t p = 0; p < sizeof(places) / sizeof(*places); p++) {
		for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
			size_t i = places[p];
			struct fakeheap f;

			open_crowd(&f);
			fake_walk(&f);
			*fake_word(&f, f.chunk.v[i].at + 8) = values[v];
			fake_walk(&f);
			print_message("chunk %zu, 0x%llx\n", i, (unsigned long long)values[v]);
			assert_named(&f, i);
			assert_int_equal(fake_wrong(&f, 0, 0), 0);
			assert_int_equal(fake_damages(&f), 1);
			assert_int_equal(f.walked->repaired, f.chunk.v[i].size);
			assert_true(heap_inferred(f.walked, f.chunk.v[i].at));
			assert_int_equal(f.walked->ninferred, 1);
			fake_free_all(&f);
		}
	}
}

/* A size that is one, but not the chunk's: into the middle of a later chunk, or of this one. */
static void a_size_that_misleads(void **state)
{
	(void)state;
	for (int by = -32; by <= 512; by += 16) {
		size_t i = CHUNKS / 2 + 2;
		struct fakeheap f;
		uint64_t *head;

		open_crowd(&f);
		fake_walk(&f);
		head = fake_word(&f, f.chunk.v[i].at + 8);
		if (by == 0 || (int64_t)f.chunk.v[i].size + by < 0x20)
			goto done;
		*head += (uint64_t)(int64_t)by;
		fake_walk(&f);
		if (*head == ((f.chunk.v[i].size + f.chunk.v[i + 1].size) | 1)) {
			/* onto the next chunk's end: a chunk is lost, and nothing tells */
			goto done;
		}
		print_message("%+d\n", by);
		assert_named(&f, i);
		assert_int_equal(fake_wrong(&f, 0, 0), 0);
done:
		fake_free_all(&f);
	}
}

/* The lowest byte of a size field set to 0: its flag alone, or some of the size too. */
static void a_zero_too_much(void **state)
{
	(void)state;
	for (uint64_t size = 0xf0; size <= 0x400; size += 16) {
		struct fakeheap f;
		size_t i;

		seed = 2;
		fake_open(&f, MIB);
		crowd(&f, 100);
		fake_used(&f, 0x60);
		i = fake_used(&f, size);
		fake_used(&f, 0x60);
		crowd(&f, 100);
		fake_walk(&f);
		*(uint8_t *)fake_word(&f, f.chunk.v[i].at + 8) = 0;
		fake_walk(&f);
		print_message("0x%llx\n", (unsigned long long)size);
		assert_named(&f, i);
		assert_int_equal(fake_wrong(&f, 0, 0), 0);
		assert_int_equal(f.walked->skipped, 0);
		fake_free_all(&f);
	}
}

/* What a free chunk says of its size at its end was overwritten by its user of before. */
static void prev_size_of_a_free_chunk(void **state)
{
	struct fakeheap f;
	size_t i = 5 + 8 * 20;

	(void)state;
	open_crowd(&f);
	fake_walk(&f);
	assert_false(f.chunk.v[i].used);
	*fake_word(&f, f.chunk.v[i].at + f.chunk.v[i].size) = 0x4242;
	fake_walk(&f);
	assert_non_null(fake_finding(&f, i));
	assert_string_equal(fake_finding(&f, i)->code, "prev-size");
	assert_int_equal(fake_wrong(&f, 0, 0), 0);
	fake_free_all(&f);
}

/* Neighbours whose headers are all bad: each is named, none beyond is touched. */
static void a_run_of_damaged_chunks(void **state)
{
	(void)state;
	for (size_t n = 2; n <= 6; n++) {
		size_t i = CHUNKS / 2 + 6; /* no free chunk among the next six */
		struct fakeheap f;

		seed = 3;
		fake_open(&f, 4 * MIB);
		for (size_t k = 0; k < CHUNKS; k++)
			fake_used(&f, 0x30 + 16 * dice(60));
		fake_walk(&f);
		for (size_t k = i; k < i + n; k++)
			*fake_word(&f, f.chunk.v[k].at + 8) = 0x4141414141414141;
		fake_walk(&f);
		print_message("%zu in a row\n", n);
		assert_named(&f, i);
		assert_int_equal(fake_wrong(&f, i, i + n), 0);
		assert_true(f.walked->repaired + f.walked->skipped > 0);
		fake_free_all(&f);
	}
}

/* A run over the end of a block into a leaked one: nobody points to it, and it is still one block.
 */
static void a_block_that_nobody_has(void **state)
{
	struct fakeheap f;
	size_t i;

	(void)state;
	seed = 4;
	fake_open(&f, MIB);
	crowd(&f, 101); /* the last one is in use */
	i = fake_leaked(&f, 0x90);
	crowd(&f, 100);
	fake_walk(&f);
	*fake_word(&f, f.chunk.v[i].at + 8) = 0x4141414141414141;
	fake_walk(&f);
	assert_named(&f, i - 1);
	assert_int_equal(fake_wrong(&f, i - 1, i + 1), 0);
	assert_int_equal(f.walked->repaired, f.chunk.v[i - 1].size + f.chunk.v[i].size);
	fake_free_all(&f);
}

/* 100 places: 20 findings of a code, and the last one counts the others. */
static void a_hundred_places(void **state)
{
	struct fakeheap f;
	size_t shown = 0, hit = 0;

	(void)state;
	seed = 5;
	fake_open(&f, 16 * MIB);
	crowd(&f, 2000);
	fake_walk(&f);
	for (size_t i = 8; i < 2000 && hit < 100; i += 16, hit++)
		*fake_word(&f, f.chunk.v[i].at + 8) = 0x4141414141414141;
	assert_int_equal(hit, 100);
	fake_walk(&f);
	assert_int_equal(fake_wrong(&f, 0, 0), 0);
	assert_int_equal(fake_damages(&f), 100);
	for (size_t k = 0; k < f.walked->nfindings; k++)
		shown += f.walked->finding[k].damage;
	assert_int_equal(shown, 20);
	assert_int_equal(f.walked->ninferred, 100);
	fake_free_all(&f);
}

/* Large parts wiped: what lies behind is still exact; what was wiped is said to be unknown. */
static void a_wiped_part(void **state)
{
	struct fakeheap f;
	size_t first = CHUNKS / 4, last = CHUNKS / 2;
	vaddr from, to;

	(void)state;
	open_crowd(&f);
	fake_walk(&f);
	from = f.chunk.v[first].at + 8;
	to = f.chunk.v[last].at - 16;
	memset(fake_word(&f, from), 0, to - from);
	fake_walk(&f);
	assert_named(&f, first);
	assert_int_equal(fake_wrong(&f, first, last), 0);
	assert_true(f.walked->skipped + f.walked->repaired >= (to - from) * 9 / 10);
	fake_free_all(&f);
}

/* The end of the region wiped, top's header too. */
static void a_wiped_end(void **state)
{
	struct fakeheap f;
	size_t last = CHUNKS - 20;
	vaddr from, to;

	(void)state;
	open_crowd(&f);
	fake_walk(&f);
	from = f.chunk.v[last].at + 8;
	to = f.chunk.v[CHUNKS - 1].at + f.chunk.v[CHUNKS - 1].size + 16;
	memset(fake_word(&f, from), 0x41, to - from);
	fake_walk(&f);
	assert_int_equal(fake_wrong(&f, last, CHUNKS), 0);
	assert_true(fake_damages(&f) >= 2);
	fake_free_all(&f);
}

/*
 * Memory in which the search is led on everywhere: headers that chain for a while and then break, a
 * region of them. What it costs is counted in headers that were looked at, not in time.
 */
static void memory_that_leads_on(void **state)
{
	static const uint64_t fills[] = { 0x21, 0x31, 0x401, 0xfe1, 0x21 | 8, 0, NEVER_BY };

	(void)state;
	for (size_t k = 0; k < sizeof(fills) / sizeof(*fills); k++) {
		struct fakeheap f;
		uint64_t size = 8 * MIB;

		seed = 6;
		fake_open(&f, size);
		crowd(&f, 100);
		while (f.end + 0x2000 < size)
			fake_used(&f, 0x1000);
		fake_walk(&f);
		for (vaddr at = f.chunk.v[100].at; at < FAKE_HEAP + f.end; at += 16)
			*fake_word(&f, at + 8) = dice(60) ? fills[k] : dice(1 << 30) << 4 | 8;
		fake_walk(&f);
		print_message("filled with 0x%llx: %llu steps\n", (unsigned long long)fills[k],
		              (unsigned long long)f.walked->damage_steps);
		assert_int_equal(fake_wrong(&f, 98, f.chunk.n), 0);
		assert_true(f.walked->damage_steps <= UINT64_C(1) << 27);
		fake_free_all(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_heap_has_no_finding),
		cmocka_unit_test(one_header_in_each_way),
		cmocka_unit_test(a_size_that_misleads),
		cmocka_unit_test(a_zero_too_much),
		cmocka_unit_test(prev_size_of_a_free_chunk),
		cmocka_unit_test(a_run_of_damaged_chunks),
		cmocka_unit_test(a_block_that_nobody_has),
		cmocka_unit_test(a_hundred_places),
		cmocka_unit_test(a_wiped_part),
		cmocka_unit_test(a_wiped_end),
		cmocka_unit_test(memory_that_leads_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
