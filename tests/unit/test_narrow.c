/*
 * i386 up to glibc 2.25: blocks are aligned to 8, so the first chunk's header stands at a mapping's
 * very start, sizes are multiples of 8, and the index has a bit for 8 bytes. A heap made by hand
 * from the offsets that malloc_state and malloc_par have with words of 4 bytes (malloc/malloc.c at
 * each tag).
 */
#include "heapwalk/heap.h"
#include "tests/unit/lib/tiny.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DATA   UINT64_C(0xf7e00000) /* libc's .data */
#define MAIN   (DATA + 0xc00)
#define PAR    (DATA + 0x200)
#define BRK    UINT64_C(0x56555000)
#define MAPPED UINT64_C(0xf7a00000)
#define SIZE   0x21000
#define BINS   0x38
#define BLOCKS 1500

struct release {
	unsigned from, to, attached, system_mem, sbrk_base;
};

static const struct release releases[] = {
	{ 17, 22, 0, 0x448, 0x30 },
	{ 23, 23, 0x448, 0x44c, 0x30 },
	{ 24, 25, 0x448, 0x44c, 0x2c },
};
#define RELEASES (sizeof(releases) / sizeof(*releases))

struct fake {
	struct tiny tiny;
	uint8_t data[0x2000], brk[SIZE], mapped[0x3000];
	struct { /* as made: user address, chunk's bytes, is it used? */
		vaddr at;
		unsigned size;
		bool used;
	} block[BLOCKS];
};

static void put(uint8_t *p, uint64_t v)
{
	uint32_t word = (uint32_t)v;

	memcpy(p, &word, sizeof(word));
}

static void fill_state(struct fake *f, const struct release *r, unsigned top, unsigned fast)
{
	uint8_t *state = f->data + (MAIN - DATA);

	if (fast)
		put(state + 8, BRK + fast);
	put(state + BINS - 8, BRK + top);
	for (unsigned i = 0; i < 127; i++) {
		put(state + BINS + 8 * i, MAIN + BINS + 8 * i - 8);
		put(state + BINS + 8 * i + 4, MAIN + BINS + 8 * i - 8);
	}
	put(state + 0x440, MAIN);
	if (r->attached)
		put(state + r->attached, 1);
	put(state + r->system_mem, SIZE);
	put(state + r->system_mem + 4, SIZE);
}

static void fill_par(struct fake *f, const struct release *r)
{
	uint8_t *par = f->data + (PAR - DATA);

	put(par, 131072);
	put(par + 4, 131072);
	put(par + 8, 131072);
	put(par + 12, 2);
	put(par + 0x14, 2); /* n_mmaps, n_mmaps_max, max_n_mmaps */
	put(par + 0x18, 65536);
	put(par + 0x1c, 2);
	put(par + 0x24, 0x3000); /* mmapped_mem, max_mmapped_mem */
	put(par + 0x28, 0x3000);
	put(par + r->sbrk_base, BRK);
}

/* Chunks of all sizes from 16 on, in steps of 8; the last one of 16 bytes is in a fastbin. */
static void fill_heap(struct fake *f, unsigned *top, unsigned *fast)
{
	unsigned at = 0;

	for (unsigned i = 0; i < BLOCKS; i++) {
		unsigned size = 16 + 8 * (i % 18);

		put(f->brk + at + 4, size | 1);
		f->block[i].at = BRK + at + 8;
		f->block[i].size = size;
		f->block[i].used = true;
		if (size == 16)
			*fast = at;
		at += size;
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		if (f->block[i].at == BRK + *fast + 8)
			f->block[i].used = false;
	put(f->brk + at + 4, (SIZE - at) | 1);
	*top = at;
}

static void walk(struct fake *f, const struct release *r, struct heap **heap)
{
	struct filemap line = { .start = DATA, .end = DATA + 0x2000, .path = "/libc.so.6" };
	unsigned top, fast = 0;
	struct core *core;

	memset(f, 0, sizeof(*f));
	fill_heap(f, &top, &fast);
	fill_state(f, r, top, fast);
	fill_par(f, r);
	put(f->mapped + 4, 0x1000 | 2); /* two chunks side by side */
	put(f->mapped + 0x1000 + 4, 0x2000 | 2);
	tiny_map(&f->tiny, MAPPED, sizeof(f->mapped), SEG_R | SEG_W, f->mapped, sizeof(f->mapped));
	tiny_map(&f->tiny, BRK, SIZE, SEG_R | SEG_W, f->brk, SIZE);
	tiny_map(&f->tiny, DATA, sizeof(f->data), SEG_R | SEG_W, f->data, sizeof(f->data));
	array_push(&f->tiny.files, line);
	core = tiny_core(&f->tiny);
	core->machine = machine_of(MACHINE_I386);
	heap_walk(core, (struct heap_want){ .lists = true, .threads = 1 }, heap);
}

/* Each byte of the heap is of the block it was made to be of, and size fields are of none. */
static void check_bytes(const struct fake *f, const struct heap *heap)
{
	struct block b;

	for (unsigned i = 0; i < BLOCKS; i++) {
		unsigned usable = f->block[i].size - 4;

		for (unsigned k = 0; k < usable; k++) {
			assert_true(heap_find(heap, f->block[i].at + k, &b));
			assert_int_equal(b.addr, f->block[i].at);
			assert_int_equal(b.size, usable);
			assert_int_equal(b.state, f->block[i].used ? BLOCK_USED : BLOCK_FREE);
		}
		for (unsigned k = usable; k < usable + 4; k++)
			assert_false(heap_find(heap, f->block[i].at + k, &b));
	}
}

static void check_mapped(const struct heap *heap)
{
	struct block b;

	assert_int_equal(heap->mmapped.blocks, 2);
	assert_int_equal(heap->mmapped.bytes, 0x1000 - 8 + 0x2000 - 8);
	assert_true(heap_find(heap, MAPPED + 8, &b));
	assert_int_equal(b.addr, MAPPED + 8);
	assert_true(heap_find(heap, MAPPED + 0x1000 + 8, &b));
	assert_int_equal(b.addr, MAPPED + 0x1000 + 8);
	assert_int_equal(b.size, 0x2000 - 8);
	assert_false(heap_find(heap, MAPPED + 0x1000 + 4, &b));
}

static void each_release_is_told_and_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < RELEASES; i++) {
		const struct release *r = &releases[i];
		struct fake *f = mem_alloc(1, sizeof(*f));
		struct heap *heap;
		char want[32];

		walk(f, r, &heap);
		snprintf(want, sizeof(want), r->from == r->to ? "2.%u" : "2.%u-2.%u", r->from,
		         r->to);
		assert_string_equal(heap->versions, want);
		assert_string_equal(heap->layout_source, "table");
		for (size_t k = 0; k < heap->nfindings; k++)
			print_message("%s\n", heap->finding[k].message);
		assert_int_equal(heap->nfindings, 0);
		assert_int_equal(heap->align, 8);
		assert_int_equal(heap->arena[0].attached_threads, r->attached ? 1 : 0);
		assert_int_equal(heap->arena[0].used.blocks, BLOCKS - 1);
		assert_int_equal(heap->arena[0].free[FREE_FASTBIN].blocks, 1);
		check_bytes(f, heap);
		check_mapped(heap);
		heap_free(heap);
		tiny_free(&f->tiny);
		mem_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_release_is_told_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
