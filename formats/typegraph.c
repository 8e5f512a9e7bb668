#include "formats/typegraph_in.h"

#include <stdio.h>

uint64_t name_hash(const char *name, size_t length)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		if (name[i] != ' ') /* "> >" is ">>" */
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
	for (size_t i = 0; i < graph->pc_scope.n; i++)
		array_free(&graph->pc_scope.v[i].variable);
	array_free(&graph->pc_scope);
	idmap_free(&graph->by_pc);
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
	graph->trouble = pool_strndup(&graph->modules->pool, text, sizeof(text));
	array_push(&graph->modules->warnings, graph->trouble);
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
	node->type.argument = CTYPE_NONE;
	*id = (uint32_t)graph->node.n;
	array_push(&graph->node, node);
	return node;
}

const struct ctype *ctype_get(struct typegraph *graph, uint32_t id)
{
	static const struct ctype nothing = { .kind = CTYPE_OTHER,
		                              .of = CTYPE_NONE,
		                              .argument = CTYPE_NONE };
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
