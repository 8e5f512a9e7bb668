/* Blocks by size, alignment and origin: brk, mmap, mremap; and what happens to the break. */
#define _GNU_SOURCE
#include "plan.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

NOINLINE void plant_sizes(void)
{
	static const size_t size[] = { 0,    1,     8,     16,     23,    24,   25,   39,
		                       40,   41,    56,    72,     88,    104,  119,  120,
		                       121,  128,   136,   500,    504,   1000, 1008, 1016,
		                       1024, 1032,  1033,  1040,   1041,  1048, 1072, 4096,
		                       8192, 20000, 65536, 100000, 131000 };

	truth_group();
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		get_kept(size[i], "size");
		get(size[i], T_DEFINITE, "size");
		keep(own(calloc(1, size[i]), size[i], T_LIVE, "calloc"));
	}
}

static NOINLINE void aligned(size_t alignment, size_t size, enum truth_class class)
{
	void *p = memalign(alignment, size);

	own(p, size, class, "aligned");
	if (class == T_LIVE)
		keep(p);
}

NOINLINE void plant_aligned(void)
{
	void *p;

	truth_group();
	for (size_t a = 16; a <= 8192; a *= 2)
		for (size_t size = 1; size < 3 * a && size < 10000; size = size * 5 + 20)
			aligned(a, size, size % 3 ? T_LIVE : T_DEFINITE);
	if (posix_memalign(&p, 4096, 100))
		die("posix_memalign");
	keep(own(p, 100, T_LIVE, "posix_memalign"));
	p = NULL;
	keep(own(aligned_alloc(64, 640), 640, T_LIVE, "aligned_alloc"));
	keep(own(valloc(50), 50, T_LIVE, "valloc"));
}

/* Neighbours merge into one mapping; over-aligned ones leave a stale header before the real one. */
NOINLINE void plant_mmapped(void)
{
	truth_group();
	for (size_t i = 0; i < 4; i++) {
		get_kept(140000 + i * 5000, "mmapped");
		get(200000 + i * 4096, T_DEFINITE, "mmapped");
	}
	for (size_t a = 32; a <= 1 << 20; a *= 4) {
		aligned(a, 150000, T_LIVE);
		aligned(a, 300000, T_DEFINITE);
	}
	get_kept(135168 - 16, "mmapped-to-the-page");
	get_kept(135168 - 15, "mmapped-to-the-page");
	get_kept(3 << 20, "mmapped-large");
	/* not freed till the end: a freed one raises the threshold for mmap */
	get(400000, T_FREED, "mmapped");
}

static NOINLINE void moved(size_t from, size_t to, enum truth_class class)
{
	size_t id;

	get(from, class, "realloc");
	id = truth_last();
	truth_realloc(id, to);
	if (class == T_LIVE)
		keep(truth_ptr(id));
}

NOINLINE void plant_realloc(void)
{
	static const size_t step[][2] = { { 40, 400 },        { 400, 40 },
		                          { 3000, 2000 },     { 2000, 2016 },
		                          { 150000, 500000 }, { 500000, 160000 },
		                          { 180000, 180008 }, { 160000, 1000 },
		                          { 1000, 170000 } };

	truth_group();
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		moved(step[i][0], step[i][1], T_LIVE);
		moved(step[i][0], step[i][1], T_DEFINITE);
	}
}

static NOINLINE void foreign(intptr_t bytes)
{
	void *mine = sbrk(bytes);

	if (mine == (void *)-1)
		die("sbrk");
	memset(mine, 0xee, (size_t)bytes);
	mine = (void *)(((uintptr_t)mine + 15) & ~(uintptr_t)15);
	put(mine, 0, get(328, T_LIVE, "held-by-foreign-sbrk"));
}

/* Makes the main heap grow, with blocks too small for mmap, of which most is never touched. */
static NOINLINE void grow(size_t blocks)
{
	for (size_t i = 0; i < blocks; i++) {
		size_t size = 90000 + i * 16;

		if (i % 2)
			get(size, T_DEFINITE, "grow");
		else
			get_kept(size, "grow");
		get_kept(40, "grow");
	}
}

/*
 * free: the break grows as it likes. blocked: a page stands right after the heap, so that the main
 * arena goes on in mappings. foreign and odd: the program moves the break itself, by a round and by
 * an odd count of bytes.
 */
NOINLINE void plant_brk(const char *how)
{
	truth_group();
	grow(4);
	if (!strcmp(how, "blocked")) {
		uintptr_t page = ((uintptr_t)sbrk(0) + 4095) & ~(uintptr_t)4095;

		int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

		if (mmap((void *)page, 4096, PROT_NONE, flags, -1, 0) != (void *)page)
			die("mmap after the heap");
		grow(26);
	} else if (!strcmp(how, "foreign")) {
		foreign(8192);
		grow(4);
		foreign(16384);
		grow(4);
	} else if (!strcmp(how, "odd")) {
		foreign(1000);
		grow(4);
		foreign(5003);
		grow(4);
	} else if (strcmp(how, "free")) {
		die("--brk= takes free, blocked, foreign or odd");
	}
}
