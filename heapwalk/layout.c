#include "heapwalk/layout.h"

const struct state_layout state_layouts[] = {
	/* versions, bins, fastbins, nfast, attached */
	{ { 27, 42 }, 0x70, 0x10, 10, true },
	{ { 43, 43 }, 0x18, -1, 0, true },
	{ { 23, 26 }, 0x68, 0x08, 10, true },
	{ { 17, 22 }, 0x68, 0x08, 10, false },
};
const size_t state_nlayouts = sizeof(state_layouts) / sizeof(*state_layouts);

const struct par_layout par_layouts[] = {
	/* versions, hp_pagesize, n_mmaps, mmapped_mem, sbrk_base, tcache, size, new_mmap */
	{ { 35, 42 }, 0x30, 0x3c, 0x50, 0x60, 0x68, 0x88, false },
	{ { 43, 43 }, 0x38, 0x44, 0x58, 0x68, 0x70, 0x90, true },
	{ { 26, 34 }, -1, 0x28, 0x38, 0x48, 0x50, 0x70, false },
	{ { 24, 25 }, -1, 0x28, 0x38, 0x48, -1, 0x50, false },
	{ { 17, 23 }, -1, 0x28, 0x38, 0x50, -1, 0x58, false },
};
const size_t par_nlayouts = sizeof(par_layouts) / sizeof(*par_layouts);

const struct tcache_layout tcache_layouts[] = {
	/* versions, bins, count_bytes, counts_down, entries, safe_linking, size */
	{ { 32, 41 }, 64, 2, false, 0x80, true, 0x280 },
	{ { 42, 43 }, 76, 2, true, 0x98, true, 0x2f8 },
	{ { 30, 31 }, 64, 2, false, 0x80, false, 0x280 },
	{ { 26, 29 }, 64, 1, false, 0x40, false, 0x240 },
};
const size_t tcache_nlayouts = sizeof(tcache_layouts) / sizeof(*tcache_layouts);
