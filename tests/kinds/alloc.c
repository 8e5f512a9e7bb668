/* Blocks by alignment, and mappings that mremap has moved. */
#define _GNU_SOURCE
#include "kinds.h"

#include <malloc.h>
#include <stdlib.h>

static NOINLINE void *aligned(unsigned how, size_t alignment, size_t size)
{
	void *p = NULL;

	switch (how) {
	case 0:
		return memalign(alignment, size);
	case 1:
		return aligned_alloc(alignment, size);
	default:
		return posix_memalign(&p, alignment, size) ? NULL : p;
	}
}

static NOINLINE void align(unsigned how, size_t alignment, size_t size, unsigned turn)
{
	void *p = aligned(how, alignment, size);

	own(p, size, turn % 3 ? T_LIVE : turn % 2 ? T_FREED : T_DEFINITE, "aligned");
	if (turn % 3)
		keep(p);
}

NOINLINE void kind_align(long most)
{
	static const size_t odd[] = { 1, 24, 40, 1032, 4096, 140000 };
	unsigned turn = 0;

	truth_group();
	for (size_t a = 8; a <= (size_t)most; a *= 2) {
		for (unsigned how = 0; how < 3; how++) {
			align(how, a, a, ++turn);
			if (a <= 1 << 20)
				align(how, a, a + 8, ++turn);
			for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
				align(how, a, odd[i], ++turn);
		}
	}
	keep(own(pvalloc(100), 4096, T_LIVE, "pvalloc"));
	own(pvalloc(5000), 8192, T_DEFINITE, "pvalloc");
	keep(own(valloc(200000), 200000, T_LIVE, "valloc"));
	truth_free_all("aligned");
}

static NOINLINE void moved(size_t alignment, long rounds, enum truth_class class)
{
	size_t size = 150000 + dice() % 50000, id;

	own(memalign(alignment, size), size, class, "moved");
	id = truth_last();
	for (long i = 0; i < rounds; i++) {
		/* a neighbour in the way, so that the mapping has to move */
		get(135000 + dice() % 5000, T_DEFINITE, "in-the-way");
		size = i % 3 == 2 ? size / 2 + 140000 : size * 2 + dice() % 5000;
		truth_realloc(id, size);
	}
	if (class == T_LIVE)
		keep(truth_ptr(id));
}

NOINLINE void kind_remap(long rounds)
{
	truth_group();
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	for (size_t a = 16; a <= 1 << 16; a *= 4) {
		moved(a, rounds, T_LIVE);
		moved(a, rounds, T_DEFINITE);
	}
	plant_few(400, "few");
	free_few("few");
	/* the pages go back, the chunks stay */
	malloc_trim(0);
}
