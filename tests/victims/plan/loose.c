/*
 * Leaks that only free chunks still point to. A freed chunk keeps most of what its owner wrote, so
 * whoever scans free memory takes these for reachable.
 *
 * Which list a chunk goes to, by glibc's rules (2.31 to 2.43): its size's tcache bin till that
 * holds 7 (16 from 2.43 on), then, up to 128 bytes and before 2.43, a fastbin, else the unsorted
 * list; a large request sorts that list into small and large bins.
 */
#include "plan.h"

#include <malloc.h>

enum { SMALL, LARGE, TCACHE, FAST, UNSORTED };
enum { FILL = 24, HOLDERS = 3 };

static const struct {
	size_t size;
	const char *freed, *leaked;
} kind[] = {
	[SMALL] = { 200, "freed-to-small-bin", "held-by-small-bin" },
	[LARGE] = { 3000, "freed-to-large-bin", "held-by-large-bin" },
	[TCACHE] = { 40, "freed-to-tcache", "held-by-tcache" },
	[FAST] = { 56, "freed-to-fastbin", "held-by-fastbin" },
	[UNSORTED] = { 2000, "freed-to-unsorted", "held-by-unsorted" },
};

/* Past fd, bk and the nextsize pointers where there is room. */
static NOINLINE void holder(size_t size, const char *freed, const char *leaked)
{
	void *p = get(size, T_FREED, freed), *target = get(size + 32, T_DEFINITE, leaked);
	size_t usable = malloc_usable_size(p);

	for (size_t at = size > 100 ? 32 : 16; at + 8 < usable; at += 8)
		put(p, at, target);
	get_kept(24, "guard");
}

/* The last block before the top chunk, which takes it in. */
static NOINLINE void beside_top(void)
{
	void *target = get(2500, T_DEFINITE, "held-by-top");
	void *p = get(2500, T_FREED, "freed-to-top");

	for (size_t at = 32; at < 2500; at += 8)
		put(p, at, target);
}

NOINLINE void loose_plant(void)
{
	truth_group();
	for (size_t k = SMALL; k <= UNSORTED; k++) {
		for (size_t i = 0; i < HOLDERS; i++)
			holder(kind[k].size, kind[k].freed, kind[k].leaked);
		if (k == SMALL || k == FAST)
			for (size_t i = 0; i < FILL; i++)
				get(kind[k].size, T_FREED, k == SMALL ? "fill-small" : "fill-fast");
		get_kept(24, "guard");
	}
	beside_top();
}

NOINLINE void loose_free(void)
{
	truth_free_all("fill-small");
	truth_free_all(kind[SMALL].freed);
	truth_free_all(kind[LARGE].freed);
	get_kept(60000, "sorts-the-bins");
	truth_free_all(kind[TCACHE].freed);
	truth_free_all("fill-fast");
	truth_free_all(kind[FAST].freed);
	truth_free_all(kind[UNSORTED].freed);
	truth_free_all("freed-to-top");
}
