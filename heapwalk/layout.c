#include "heapwalk/layout.h"

#include <stdlib.h>

const struct state_layout state_layouts[] = {
	/* word, versions, bins, fastbins, nfast, attached */
	{ 8, { 27, 42 }, 0x70, 0x10, 10, true },  /* have_fastchunks is new */
	{ 8, { 43, 43 }, 0x18, -1, 0, true },     /* fastbins are gone */
	{ 8, { 23, 26 }, 0x68, 0x08, 10, true },  /* attached_threads is new */
	{ 8, { 17, 22 }, 0x68, 0x08, 10, false }, /* the oldest looked at */
	{ 4, { 27, 42 }, 0x40, 0x0c, 11, true },  /* the same of i386 */
	{ 4, { 43, 43 }, 0x10, -1, 0, true },     { 4, { 26, 26 }, 0x3c, 0x08, 11, true },
	{ 4, { 23, 25 }, 0x38, 0x08, 10, true }, /* aligned to 8 */
	{ 4, { 17, 22 }, 0x38, 0x08, 10, false },
};
const size_t state_nlayouts = sizeof(state_layouts) / sizeof(*state_layouts);

const struct par_layout par_layouts[] = {
	/* word, versions, hp_pagesize, n_mmaps, mmapped_mem, sbrk_base, tcache, size, new_mmap */
	{ 8, { 35, 42 }, 0x30, 0x3c, 0x50, 0x60, 0x68, 0x88, false },
	{ 8, { 43, 43 }, 0x38, 0x44, 0x58, 0x68, 0x70, 0x90, true },
	{ 8, { 26, 34 }, -1, 0x28, 0x38, 0x48, 0x50, 0x70, false },
	{ 8, { 24, 25 }, -1, 0x28, 0x38, 0x48, -1, 0x50, false },
	{ 8, { 17, 23 }, -1, 0x28, 0x38, 0x50, -1, 0x58, false },
	{ 4, { 35, 42 }, 0x18, 0x20, 0x30, 0x38, 0x3c, 0x4c, false },
	{ 4, { 43, 43 }, 0x1c, 0x24, 0x34, 0x3c, 0x40, 0x50, true },
	{ 4, { 26, 34 }, -1, 0x14, 0x24, 0x2c, 0x30, 0x40, false },
	{ 4, { 24, 25 }, -1, 0x14, 0x24, 0x2c, -1, 0x30, false },
	{ 4, { 17, 23 }, -1, 0x14, 0x24, 0x30, -1, 0x34, false },
};
const size_t par_nlayouts = sizeof(par_layouts) / sizeof(*par_layouts);

const struct tcache_layout tcache_layouts[] = {
	/* word, versions, bins, count_bytes, counts_down, entries, safe_linking, size */
	{ 8, { 32, 41 }, 64, 2, false, 0x80, true, 0x280 },
	{ 8, { 42, 43 }, 76, 2, true, 0x98, true, 0x2f8 },
	{ 8, { 30, 31 }, 64, 2, false, 0x80, false, 0x280 },
	{ 8, { 26, 29 }, 64, 1, false, 0x40, false, 0x240 },
	{ 4, { 32, 41 }, 64, 2, false, 0x80, true, 0x180 },
	{ 4, { 42, 43 }, 76, 2, true, 0x98, true, 0x1c8 },
	{ 4, { 30, 31 }, 64, 2, false, 0x80, false, 0x180 },
	{ 4, { 26, 29 }, 64, 1, false, 0x40, false, 0x140 },
};
const size_t tcache_nlayouts = sizeof(tcache_layouts) / sizeof(*tcache_layouts);

bool layout_lacks(const char *version)
{
	unsigned newest = 0;

	for (size_t i = 0; i < state_nlayouts; i++)
		if (state_layouts[i].versions.to > newest)
			newest = state_layouts[i].versions.to;
	return version && !strncmp(version, "2.", 2) && strtoul(version + 2, NULL, 10) > newest;
}
