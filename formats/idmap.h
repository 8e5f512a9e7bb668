/*
 * idmap: a table from 64-bit keys to 32-bit numbers, open addressing; starts as zeroes. It owns its
 * memory and nothing else.
 */
#ifndef FORMATS_IDMAP_H
#define FORMATS_IDMAP_H

#include "formats/base.h"

#define IDMAP_NONE UINT32_MAX /* no value */

struct idmap {
	struct idslot {
		uint64_t key;
		uint32_t value; /* IDMAP_NONE: empty */
	} * v;
	size_t n, cap; /* cap: a power of two, or 0 */
};

uint32_t idmap_get(const struct idmap *map, uint64_t key); /* IDMAP_NONE: none */
void idmap_put(struct idmap *map, uint64_t key, uint32_t value);
void idmap_free(struct idmap *map);

#endif
