/*
 * fakeheap: a dead process made by hand, whose memory is a heap of glibc 2.36 (x86-64): main_arena
 * and mp_ as in libc's data, chunks in a region as brk gives it, and roots that point to blocks.
 * Made sound; the test then damages it, walks it, and asks what is still as it was made.
 */
#ifndef TESTS_UNIT_LIB_FAKEHEAP_H
#define TESTS_UNIT_LIB_FAKEHEAP_H

#include "heapwalk/heap.h"
#include "tests/unit/lib/tiny.h"

#define FAKE_HEAP UINT64_C(0x555555560000)

struct fake_chunk {
	vaddr at; /* of its header */
	uint64_t size;
	bool used;
};

struct fakeheap {
	struct tiny tiny;
	uint8_t *heap, *data, *roots;
	uint64_t bytes, end; /* of the region; of its chunks so far */
	size_t nroots;
	ARRAY(struct fake_chunk) chunk;
	vaddr last_free; /* chunk at the front of the unsorted list; 0: none */
	struct heap *walked;
};

void fake_open(struct fakeheap *f, uint64_t bytes); /* of the region: whole pages */
/* One chunk more, filled with what is no pointer and no size; returns its number. */
size_t fake_used(struct fakeheap *f, uint64_t size);   /* a root points to its block */
size_t fake_leaked(struct fakeheap *f, uint64_t size); /* nothing does */
size_t fake_free(struct fakeheap *f, uint64_t size);   /* in the unsorted list */
void fake_root(struct fakeheap *f, uint64_t value);
/* Our view of a word of the heap. */
uint64_t *fake_word(struct fakeheap *f, vaddr at);
/* The rest becomes top, and heap_walk sees it; may be called again after damage. */
struct heap *fake_walk(struct fakeheap *f);
void fake_free_all(struct fakeheap *f);

/* How many chunks are not as they were made: address, size, state; numbers from to, those left out.
 */
size_t fake_wrong(const struct fakeheap *f, size_t from, size_t to);
/* Findings of damage, as counted. */
uint64_t fake_damages(const struct fakeheap *f);
/* The finding of damage at the block of chunk number i; NULL: none. */
const struct heap_finding *fake_finding(const struct fakeheap *f, size_t i);

#endif
