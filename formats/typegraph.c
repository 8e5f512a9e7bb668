#include "formats/typegraph_in.h"

#include <stdio.h>

/* ---- maps ---- */

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

uint64_t name_hash(const char *name, size_t length)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* ---- the graph ---- */

struct typegraph *typegraph_new(struct modules *modules)
{
	struct typegraph *graph = mem_alloc(1, sizeof(*graph));

	graph->modules = modules;
	graph->index = mem_alloc(modules->n + 1, sizeof(*graph->index));
	return graph;
}

void typegraph_free(struct typegraph *graph)
{
	if (!graph)
		return;
	for (size_t i = 0; i < graph->modules->n; i++) {
		array_free(&graph->index[i].variable);
		array_free(&graph->index[i].tls);
	}
	for (size_t i = 0; i < graph->scopes.n; i++)
		array_free(&graph->scopes.v[i].start);
	array_free(&graph->scopes);
	array_free(&graph->node);
	array_free(&graph->definition);
	array_free(&graph->by_size);
	idmap_free(&graph->by_die);
	idmap_free(&graph->by_what);
	idmap_free(&graph->by_name);
	idmap_free(&graph->by_unit);
	mem_free(graph->index);
	pool_free(&graph->pool);
	mem_free(graph);
}

void typegraph_complain(struct typegraph *graph, const char *fmt, ...)
{
	char text[512];
	va_list args;

	if (graph->trouble)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	graph->trouble = pool_strndup(&graph->pool, text, sizeof(text));
}

const char *typegraph_trouble(const struct typegraph *graph)
{
	return graph->trouble;
}

struct node *node_new(struct typegraph *graph, uint32_t *id)
{
	struct node *node;

	if (graph->node.n >= TYPES_MOST) {
		typegraph_complain(graph,
		                   "more than %u types: what the others are is not told; "
		                   "the debug information may be damaged",
		                   TYPES_MOST);
		return NULL;
	}
	node = pool_alloc(&graph->pool, sizeof(*node));
	node->type.of = CTYPE_NONE;
	*id = (uint32_t)graph->node.n;
	array_push(&graph->node, node);
	return node;
}

const struct ctype *ctype_get(struct typegraph *graph, uint32_t id)
{
	static const struct ctype nothing = { .kind = CTYPE_OTHER, .of = CTYPE_NONE };
	struct node *node;

	if (id >= graph->node.n)
		return &nothing;
	node = graph->node.v[id];
	if (!node->loaded && graph->depth < CHAIN_MOST) {
		node->loaded = true;
		graph->depth++;
		type_load(graph, node);
		graph->depth--;
	}
	return &node->type;
}
