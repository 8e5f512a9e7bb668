#include "formats/idmap.h"

static size_t slot_of(const struct idmap *map, uint64_t key)
{
	size_t i = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (map->cap - 1);

	while (map->v[i].value != UINT32_MAX && map->v[i].key != key)
		i = (i + 1) & (map->cap - 1);
	return i;
}

uint32_t idmap_get(const struct idmap *map, uint64_t key)
{
	return map->cap ? map->v[slot_of(map, key)].value : UINT32_MAX;
}

static void grow(struct idmap *map)
{
	struct idmap bigger = { .n = map->n, .cap = map->cap ? map->cap * 2 : 256 };

	bigger.v = mem_alloc(bigger.cap, sizeof(*bigger.v));
	for (size_t i = 0; i < bigger.cap; i++)
		bigger.v[i].value = UINT32_MAX;
	for (size_t i = 0; i < map->cap; i++)
		if (map->v[i].value != UINT32_MAX)
			bigger.v[slot_of(&bigger, map->v[i].key)] = map->v[i];
	mem_free(map->v);
	*map = bigger;
}

void idmap_put(struct idmap *map, uint64_t key, uint32_t value)
{
	size_t i;

	if (map->n * 2 >= map->cap)
		grow(map);
	i = slot_of(map, key);
	if (map->v[i].value == UINT32_MAX)
		map->n++;
	map->v[i] = (struct idslot){ key, value };
}

void idmap_free(struct idmap *map)
{
	mem_free(map->v);
	*map = (struct idmap){ 0 };
}
