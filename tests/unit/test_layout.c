/*
 * Each release's malloc is told from the others by its structures, on heaps made by hand from the
 * offsets that the structures have in that release: malloc_state and malloc_par of malloc/malloc.c,
 * compiled at each tag. The main arena grows by brk, or by mmap, where sbrk_base leads nowhere.
 */
#include "heapwalk/heap.h"
#include "tests/unit/lib/tiny.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DATA   UINT64_C(0x7f0000200000) /* libc's .data */
#define MAIN   (DATA + 0xc00)
#define PAR    (DATA + 0x200)
#define BRK    UINT64_C(0x555500000000)
#define REGION UINT64_C(0x7f0000000000)
#define SIZE   0x21000

struct release {
	unsigned from, to;
	unsigned bins, next, attached, system_mem;             /* malloc_state; attached 0: none */
	unsigned n_mmaps, mmapped_mem, sbrk_base, tcache_bins; /* malloc_par; 0: none */
	unsigned count_bytes, entries, size;                   /* tcache_perthread_struct */
};

static const struct release releases[] = {
	{ 17, 22, 0x68, 0x868, 0, 0x878, 0x28, 0x38, 0x50, 0, 0, 0, 0 },
	{ 23, 23, 0x68, 0x868, 0x878, 0x880, 0x28, 0x38, 0x50, 0, 0, 0, 0 },
	{ 24, 25, 0x68, 0x868, 0x878, 0x880, 0x28, 0x38, 0x48, 0, 0, 0, 0 },
	{ 26, 26, 0x68, 0x868, 0x878, 0x880, 0x28, 0x38, 0x48, 0x50, 1, 0x40, 0x240 },
	{ 27, 29, 0x70, 0x870, 0x880, 0x888, 0x28, 0x38, 0x48, 0x50, 1, 0x40, 0x240 },
	{ 30, 31, 0x70, 0x870, 0x880, 0x888, 0x28, 0x38, 0x48, 0x50, 2, 0x80, 0x280 },
	{ 32, 34, 0x70, 0x870, 0x880, 0x888, 0x28, 0x38, 0x48, 0x50, 2, 0x80, 0x280 },
	{ 35, 41, 0x70, 0x870, 0x880, 0x888, 0x3c, 0x50, 0x60, 0x68, 2, 0x80, 0x280 },
	{ 42, 42, 0x70, 0x870, 0x880, 0x888, 0x3c, 0x50, 0x60, 0x68, 2, 0x98, 0x2f8 },
	{ 43, 43, 0x18, 0x818, 0x828, 0x830, 0x44, 0x58, 0x68, 0x70, 2, 0x98, 0x2f8 },
};
#define RELEASES (sizeof(releases) / sizeof(*releases))

/* None of them: 8 bytes more before the bins, 8 more in mp_, 80 lists in a tcache. */
static const struct release unknown = {
	44, 44, 0x20, 0x820, 0x830, 0x838, 0x4c, 0x60, 0x70, 0x78, 2, 0xa0, 0x320,
};

struct fake {
	struct tiny tiny;
	uint8_t data[0x2000], brk[SIZE], region[SIZE];
	uint8_t *heap; /* of the latter two the one where top is */
	vaddr base;
};

static void put(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void fill_state(struct fake *f, const struct release *r, vaddr top, bool contiguous)
{
	uint8_t *state = f->data + (MAIN - DATA);

	put32(state + 4, contiguous ? 0 : 2);
	put(state + r->bins - 16, top);
	for (unsigned i = 0; i < 127; i++) {
		put(state + r->bins + 16 * i, MAIN + r->bins + 16 * i - 16);
		put(state + r->bins + 16 * i + 8, MAIN + r->bins + 16 * i - 16);
	}
	put(state + r->next, MAIN);
	if (r->attached)
		put(state + r->attached, 1);
	put(state + r->system_mem, contiguous ? SIZE : SIZE + 0x1000);
	put(state + r->system_mem + 8, SIZE + 0x1000);
}

static unsigned lists(const struct release *r)
{
	return (r->size - r->entries) / 8;
}

static void fill_par(struct fake *f, const struct release *r)
{
	uint8_t *par = f->data + (PAR - DATA);

	put(par, 131072);
	put(par + 8, 131072);
	put(par + 16, 131072);
	put(par + 24, 8);
	put32(par + r->n_mmaps + 4, 65536);
	put(par + r->sbrk_base, BRK);
	if (r->tcache_bins) {
		put(par + r->tcache_bins, lists(r));
		put(par + r->tcache_bins + 8, 1032);
		put(par + r->tcache_bins + 16, r->from >= 43 ? 16 : 7);
	}
}

/* A tcache with one block of 24 bytes in it, where the release has tcaches; a used block; top. */
static vaddr fill_heap(struct fake *f, const struct release *r)
{
	uint64_t at = 0, size = (r->size + 8 + 15) & ~15u;
	unsigned full = r->from >= 43 ? 16 : 7;
	uint8_t *p = f->heap;

	if (r->size) {
		put(p + 8, size | 1);
		for (unsigned i = 0; lists(r) > 64 && i < lists(r); i++)
			p[16 + 2 * i] = (uint8_t)(i ? full : full - 1);
		if (lists(r) == 64)
			p[16] = 1;
		put(p + 16 + r->entries, f->base + size + 16);
		at += size;
		put(p + at + 8, 0x20 | 1);
		put(p + at + 16, r->from >= 32 ? (f->base + at + 16) >> 12 : 0);
		put(p + at + 24, 0x5a5a5a5a5a5a5a5a);
		at += 0x20;
	}
	put(p + at + 8, 0x40 | 1);
	at += 0x40;
	put(p + at + 8, (SIZE - at) | 1);
	return f->base + at;
}

static void walk(struct fake *f, const struct release *r, bool contiguous,
                 const struct debug_layout *known, struct heap **heap)
{
	struct filemap line = { .start = DATA, .end = DATA + 0x2000, .path = "/libc.so.6" };

	memset(f, 0, sizeof(*f));
	f->heap = contiguous ? f->brk : f->region;
	f->base = contiguous ? BRK : REGION;
	fill_state(f, r, fill_heap(f, r), contiguous);
	fill_par(f, r);
	if (!contiguous) { /* one page of brk, and two fenceposts at its end */
		put(f->brk + 8, 0xfe0 | 1);
		put(f->brk + 0xfe0 + 8, 0x10 | 1);
		put(f->brk + 0xff0 + 8, 0x10 | 1);
		tiny_map(&f->tiny, REGION, SIZE, SEG_R | SEG_W, f->region, SIZE);
	}
	tiny_map(&f->tiny, BRK, contiguous ? SIZE : 0x1000, SEG_R | SEG_W, f->brk,
	         contiguous ? SIZE : 0x1000);
	tiny_map(&f->tiny, DATA, sizeof(f->data), SEG_R | SEG_W, f->data, sizeof(f->data));
	array_push(&f->tiny.files, line);
	heap_walk(tiny_core(&f->tiny),
	          (struct heap_want){ .known = known, .lists = true, .threads = 1 }, heap);
}

/* What lies where. */
static void check_found(const struct heap *heap, const struct release *r, bool contiguous)
{
	const struct instance *in = &heap->instance[0];

	assert_int_equal(in->par, PAR);
	assert_int_equal(in->sbrk_base, BRK);
	assert_int_equal(in->main_arena, MAIN);
	assert_int_equal(heap->nfindings, 0);
	assert_int_equal(heap->arena[0].attached_threads, r->attached ? 1 : 0);
	assert_int_equal(heap->total[BLOCK_USED].blocks, contiguous ? 1 : 2);
	assert_int_equal(heap->arena[0].free[FREE_TCACHE].blocks, r->size ? 1 : 0);
}

static void check(const struct release *r, bool contiguous)
{
	struct fake f;
	struct heap *heap;
	char want[32];

	walk(&f, r, contiguous, NULL, &heap);
	snprintf(want, sizeof(want), r->from == r->to ? "2.%u" : "2.%u-2.%u", r->from, r->to);
	assert_string_equal(heap->versions, want);
	assert_string_equal(heap->layout_source, "table");
	check_found(heap, r, contiguous);
	heap_free(heap);
	tiny_free(&f.tiny);
}

static void every_release_over_brk(void **state)
{
	(void)state;
	for (size_t i = 0; i < RELEASES; i++)
		check(&releases[i], true);
}

static void every_release_over_mmap(void **state)
{
	(void)state;
	for (size_t i = 0; i < RELEASES; i++)
		check(&releases[i], false);
}

static void an_unknown_release_is_inferred(void **state)
{
	(void)state;
	for (int contiguous = 0; contiguous < 2; contiguous++) {
		struct fake f;
		struct heap *heap;

		walk(&f, &unknown, contiguous, NULL, &heap);
		assert_string_equal(heap->layout_source, "inferred");
		assert_null(heap->versions);
		check_found(heap, &unknown, contiguous);
		heap_free(heap);
		tiny_free(&f.tiny);
	}
}

/* As debug_layout_read would make it. */
static void debug_of_unknown(struct debug_layout *d, struct module *libc)
{
	*libc = (struct module){ .start = DATA - 0x100000, .end = DATA + 0x2000 };
	*d = (struct debug_layout){
		.libc = libc,
		.own_state = { 8, { 43, 43 }, 0x20, -1, 0, true },
		.own_par = { 8, { 43, 43 }, 0x38, 0x4c, 0x60, 0x70, 0x78, 0x98, true },
		.own_tcache = { 8, { 42, 43 }, 80, 2, true, 0xa0, true, 0x320 },
	};
	d->state = &d->own_state;
	d->par = &d->own_par;
	d->tcache = &d->own_tcache;
}

static void debug_information_counts(void **state)
{
	struct fake f;
	struct heap *heap;
	struct debug_layout known;
	struct module libc;

	(void)state;
	debug_of_unknown(&known, &libc);
	walk(&f, &unknown, true, &known, &heap);
	assert_string_equal(heap->layout_source, "dwarf");
	assert_null(heap->versions);
	assert_false(heap->debug_misfit);
	assert_ptr_equal(heap->instance[0].state, &known.own_state);
	assert_ptr_equal(heap->instance[0].parl, &known.own_par);
	assert_ptr_equal(heap->instance[0].tcache, &known.own_tcache);
	check_found(heap, &unknown, true);
	heap_free(heap);
	tiny_free(&f.tiny);
}

/* It is of another libc than this heap's, however that came about. */
static void debug_information_that_is_wrong_does_not(void **state)
{
	struct fake f;
	struct heap *heap;
	struct debug_layout known;
	struct module libc;

	(void)state;
	debug_of_unknown(&known, &libc);
	walk(&f, &releases[RELEASES - 1], true, &known, &heap);
	assert_string_equal(heap->layout_source, "table");
	assert_string_equal(heap->versions, "2.43");
	assert_true(heap->debug_misfit);
	check_found(heap, &releases[RELEASES - 1], true);
	heap_free(heap);
	tiny_free(&f.tiny);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_release_over_brk),
		cmocka_unit_test(every_release_over_mmap),
		cmocka_unit_test(an_unknown_release_is_inferred),
		cmocka_unit_test(debug_information_counts),
		cmocka_unit_test(debug_information_that_is_wrong_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
