/*
 * A list's links point to the middle of its members, a base class's pointer to the first part of an
 * object. Where exactly one type of the program is of a size that fits the block and has what is
 * known of it at the right place, the block is of that type.
 */
#include "analyzer/type/propagate_in.h"

enum {
	CANDIDATES = 4096, /* types of one range of sizes */
};

struct question {
	uint64_t size, least, offset;
	uint32_t type;
};

struct answers {
	struct idmap map; /* hash of a question: index */
	ARRAY(struct {
		struct question q;
		uint32_t type;
	})
	v;
};

static uint32_t only_type(struct propagation *p, const struct room *room, uint64_t offset,
                          uint32_t part)
{
	uint32_t *id = mem_alloc(CANDIDATES, sizeof(*id)), found = CTYPE_NONE;
	size_t n = ctype_sized(p->graph, room->least, room->size, id, CANDIDATES);
	bool several = n > CANDIDATES;

	p->budget -= p->budget < n ? p->budget : n;
	several |= !p->budget;
	for (size_t i = 0; i < n && !several; i++) {
		if (id[i] == CTYPE_NONE || id[i] == found || id[i] == part ||
		    !slots_within(p->graph, id[i], offset, part))
			continue;
		/* of two, one may be the other with a name of its own */
		if (found != CTYPE_NONE && !slots_within(p->graph, id[i], 0, found) &&
		    !slots_within(p->graph, found, 0, id[i]))
			several = true;
		if (found == CTYPE_NONE || slots_within(p->graph, id[i], 0, found))
			found = id[i];
	}
	mem_free(id);
	return several ? CTYPE_NONE : found;
}

bool begins_another(struct propagation *p, uint32_t type)
{
	uint32_t *id = mem_alloc(CANDIDATES, sizeof(*id));
	uint64_t size = ctype_get(p->graph, type)->size;
	size_t n = ctype_sized(p->graph, size + 1, size + 2 * (uint64_t)p->word, id, CANDIDATES);
	bool found = n > CANDIDATES;

	p->budget -= p->budget < n ? p->budget : n;
	for (size_t i = 0; i < n && !found; i++)
		found = id[i] != CTYPE_NONE && slots_within(p->graph, id[i], 0, type);
	mem_free(id);
	return found;
}

static uint32_t ask(struct propagation *p, struct answers *a, const struct room *room,
                    uint64_t offset, uint32_t part)
{
	struct question q = { room->size, room->least, offset, part };
	uint64_t key = (q.size * UINT64_C(0x9e3779b97f4a7c15) ^ q.offset) *
	                       UINT64_C(0x100000001b3) ^
	               q.type;
	uint32_t i = idmap_get(&a->map, key);

	if (i != IDMAP_NONE && a->v.v[i].q.size == q.size && a->v.v[i].q.offset == q.offset &&
	    a->v.v[i].q.type == q.type && a->v.v[i].q.least == q.least)
		return a->v.v[i].type;
	array_push(&a->v, ((typeof(*a->v.v)){ q, only_type(p, room, offset, part) }));
	idmap_put(&a->map, key, (uint32_t)(a->v.n - 1));
	return a->v.v[a->v.n - 1].type;
}

static bool embed(struct propagation *p, struct answers *a, const struct room *room,
                  uint64_t offset, uint32_t part)
{
	uint32_t type = ask(p, a, room, offset, part), before = p->of[room->id];

	if (type != CTYPE_NONE)
		propose_inferred(p, room, type);
	return p->of[room->id] != before;
}

/* Blocks with a part in the middle. */
static bool embed_hints(struct propagation *p, struct answers *a)
{
	bool found = false;

	for (size_t i = 0; i < p->hints.n; i++) {
		const struct hint *h = &p->hints.v[i];
		struct room room;
		struct block b;

		if (!heap_find(p->t->heap, h->block, &b))
			continue;
		room = room_of(p, &b);
		if (!p->of[b.id] || open_end(p->of[b.id]))
			found |= embed(p, a, &room, h->offset, h->type);
		if (p->of[b.id] && !open_end(p->of[b.id]))
			note_member(p, p->of[b.id], h->offset, h->type);
	}
	p->hints.n = 0;
	return found;
}

/* Blocks of which the first part is known. */
static bool embed_prefixes(struct propagation *p, struct answers *a)
{
	struct heap_iter it = { 0 };
	struct block b;
	bool found = false;

	while (heap_next_set(p->t->heap, p->known, &it, &b)) {
		struct room room;

		if (!p->of[b.id] || !open_end(p->of[b.id]) || fit_in(p->of[b.id]) == FIT_LOOSE)
			continue;
		room = room_known(p, &b);
		found |= embed(p, a, &room, 0, type_in(p->of[b.id]));
	}
	return found;
}

bool embed_all(struct propagation *p)
{
	struct answers a = { 0 };
	bool found = embed_hints(p, &a);

	found |= embed_prefixes(p, &a);
	idmap_free(&a.map);
	array_free(&a.v);
	return found;
}
