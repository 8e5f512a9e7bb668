#include "tests/unit/lib/fakeheap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define DATA       UINT64_C(0x7ffff7dd0000)
#define ROOTS      UINT64_C(0x7ffff7000000)
#define MAX_ROOTS  65536
#define PAR        0x40 /* of DATA: mp_, malloc.c of 2.36 */
#define ARENA      0x1000
#define TOP        (ARENA + 0x60)
#define BINS       (ARENA + 0x70)
#define NEXT       (BINS + 254 * 8 + 16)
#define SYSTEM_MEM (NEXT + 24)
#define UNSORTED   (DATA + BINS - 16)

static void put(uint8_t *mem, uint64_t at, uint64_t value)
{
	memcpy(mem + at, &value, 8);
}

static uint8_t *map(struct fakeheap *f, vaddr start, uint64_t bytes)
{
	tiny_map(&f->tiny, start, bytes, SEG_R | SEG_W, NULL, bytes);
	return (uint8_t *)f->tiny.segs.v[f->tiny.segs.n - 1].mem;
}

void fake_open(struct fakeheap *f, uint64_t bytes)
{
	*f = (struct fakeheap){ .bytes = bytes };
	f->heap = map(f, FAKE_HEAP, bytes);
	f->data = map(f, DATA, 0x2000);
	f->roots = map(f, ROOTS, MAX_ROOTS * 8);
	put(f->data, PAR, 131072);
	put(f->data, PAR + 8, 131072);
	put(f->data, PAR + 16, 131072);
	put(f->data, PAR + 24, 8);
	put(f->data, PAR + 0x40, 65536);
	put(f->data, PAR + 0x60, FAKE_HEAP);
	put(f->data, PAR + 0x68, 64);
	put(f->data, PAR + 0x70, 1032);
	put(f->data, PAR + 0x78, 7);
	for (uint64_t i = 0; i < 254; i++)
		put(f->data, BINS + 8 * i, DATA + BINS + 16 * (i / 2) - 16);
	put(f->data, NEXT, DATA + ARENA);
	put(f->data, NEXT + 16, 1);
	put(f->data, SYSTEM_MEM, bytes);
	put(f->data, SYSTEM_MEM + 8, bytes);
}

uint64_t *fake_word(struct fakeheap *f, vaddr at)
{
	assert_true(range_holds(FAKE_HEAP, FAKE_HEAP + f->bytes, at, 8));
	return (uint64_t *)(f->heap + (at - FAKE_HEAP));
}

static size_t add(struct fakeheap *f, uint64_t size, bool used)
{
	vaddr at = FAKE_HEAP + f->end;

	assert_true(f->end + size + 4096 <= f->bytes && size >= 0x20 && !(size & 15));
	array_push(&f->chunk, ((struct fake_chunk){ at, size, used }));
	*fake_word(f, at + 8) |= size;
	if (f->chunk.n == 1)
		*fake_word(f, at + 8) |= 1;
	memset(f->heap + f->end + 16, 0xee, size - 16);
	f->end += size;
	*fake_word(f, at + size) = used ? UINT64_C(0xeeeeeeeeeeeeeeee) : size;
	*fake_word(f, at + size + 8) = used;
	return f->chunk.n - 1;
}

void fake_root(struct fakeheap *f, uint64_t value)
{
	assert_true(f->nroots < MAX_ROOTS);
	put(f->roots, 8 * f->nroots++, value);
}

size_t fake_used(struct fakeheap *f, uint64_t size)
{
	size_t i = add(f, size, true);

	fake_root(f, f->chunk.v[i].at + 16);
	return i;
}

size_t fake_leaked(struct fakeheap *f, uint64_t size)
{
	return add(f, size, true);
}

size_t fake_free(struct fakeheap *f, uint64_t size)
{
	size_t i = add(f, size, false);
	vaddr at = f->chunk.v[i].at;

	*fake_word(f, at + 16) = f->last_free ? f->last_free : UNSORTED;
	*fake_word(f, at + 24) = UNSORTED;
	if (f->last_free)
		*fake_word(f, f->last_free + 24) = at;
	else
		put(f->data, BINS + 8, at);
	put(f->data, BINS, at);
	f->last_free = at;
	return i;
}

struct heap *fake_walk(struct fakeheap *f)
{
	if (!f->walked) {
		put(f->data, TOP, FAKE_HEAP + f->end);
		*fake_word(f, FAKE_HEAP + f->end + 8) |= f->bytes - f->end;
	}
	heap_free(f->walked);
	heap_walk(tiny_core(&f->tiny), (struct heap_want){ .lists = true, .threads = 1 },
	          &f->walked);
	return f->walked;
}

void fake_free_all(struct fakeheap *f)
{
	heap_free(f->walked);
	array_free(&f->chunk);
	tiny_free(&f->tiny);
}

size_t fake_wrong(const struct fakeheap *f, size_t from, size_t to)
{
	size_t wrong = 0;

	for (size_t i = 0; i < f->chunk.n; i++) {
		const struct fake_chunk *c = &f->chunk.v[i];
		struct block b;

		if (i >= from && i < to)
			continue;
		if (heap_find(f->walked, c->at + 16, &b) && b.addr == c->at + 16 &&
		    b.size == c->size - 8 && (b.state == BLOCK_USED) == c->used)
			continue;
		if (!wrong++)
			print_message("chunk %zu of %zu, at 0x%llx of %llu bytes, is not as made\n",
			              i, f->chunk.n, (unsigned long long)c->at,
			              (unsigned long long)c->size);
	}
	return wrong;
}

uint64_t fake_damages(const struct fakeheap *f)
{
	uint64_t n = 0;

	for (size_t i = 0; i < f->walked->nfindings; i++)
		n += f->walked->finding[i].damage ? f->walked->finding[i].count : 0;
	return n;
}

const struct heap_finding *fake_finding(const struct fakeheap *f, size_t i)
{
	for (size_t k = 0; k < f->walked->nfindings; k++)
		if (f->walked->finding[k].damage &&
		    f->walked->finding[k].at == f->chunk.v[i].at + 16)
			return &f->walked->finding[k];
	return NULL;
}
