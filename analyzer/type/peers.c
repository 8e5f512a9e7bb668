#include "analyzer/type/peers.h"

static bool is_peer(const struct core *core, const struct heap *heap, const struct types *types,
                    const struct peers *p, const struct block *b)
{
	struct shape shape, both = p->shape;

	if (b->id == p->block.id)
		return false;
	if (p->label)
		return types_label(types, b->id) == p->label;
	if (b->size != p->block.size || types_label(types, b->id))
		return false;
	shape_make(core, heap, b, &shape);
	return shape_join(&both, &shape);
}

static void add(struct peers *p, const struct block *b, const struct reach *reach)
{
	enum reach_class class = reach_of(reach, b->id);

	p->all.blocks++;
	p->all.bytes += b->size;
	p->leaked += class == REACH_DEFINITE || class == REACH_INDIRECT;
	if (p->n < PEERS_SHOWN)
		p->example[p->n++] = b->addr;
}

void peers_find(const struct core *core, const struct heap *heap, const struct reach *reach,
                const struct types *types, struct peers *v, size_t n)
{
	struct heap_iter it = { 0 };
	struct block b;

	for (size_t i = 0; i < n; i++) {
		v[i].label = types_label(types, v[i].block.id);
		shape_make(core, heap, &v[i].block, &v[i].shape);
	}
	while (n && heap_next_set(heap, heap->used, &it, &b))
		for (size_t i = 0; i < n; i++)
			if (is_peer(core, heap, types, &v[i], &b))
				add(&v[i], &b, reach);
}
