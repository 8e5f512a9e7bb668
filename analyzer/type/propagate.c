#include "analyzer/type/propagate_in.h"

#include "analyzer/analysis.h"

#define GUESS 0.92 /* confidence at most where a chain begins with what agrees with a block */

enum {
	TODO_MOST = 1 << 24,    /* regions that wait; 24 bytes each */
	VISITED_MOST = 1 << 22, /* parts in the middle of blocks */
	HINTS_MOST = 1 << 21,
	MEMBERS_MOST = 1 << 16, /* of types, to which pointers go */
	ELEMENTS_SOME = 256,    /* of an array, where a sample is to be told */
	ROUNDS_MOST = 8,
};

void push_region(struct propagation *p, vaddr at, uint32_t type, uint64_t count, uint32_t how)
{
	struct region r = { .at = at,
		            .type = type,
		            .count = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX,
		            .how = how };

	if (p->t->sample && r.count > ELEMENTS_SOME)
		r.count = ELEMENTS_SOME;
	if (p->todo.n < TODO_MOST && count && slots_of(p->slots, type)->n)
		array_push(&p->todo, r);
}

/* ---- pointers ---- */

void note_member(struct propagation *p, uint32_t of, uint64_t offset, uint32_t type)
{
	uint64_t head = (uint64_t)head_in(of) * p->word;

	if (fit_in(of) == FIT_ARRAY || fit_in(of) == FIT_SCALARS || offset - head > UINT32_MAX ||
	    p->members.n >= MEMBERS_MOST ||
	    !slots_within(p->graph, type_in(of), offset - head, type))
		return;
	idmap_put(&p->members, (uint64_t)type_in(of) << 32 | (offset - head), 1);
}

/*
 * Into the middle of a block: what is there is known, not what it is part of. If that is known, it
 * tells no more.
 */
static void interior(struct propagation *p, const struct block *b, uint64_t offset, uint32_t type,
                     uint32_t how)
{
	const struct ctype *t = ctype_get(p->graph, type);
	uint32_t old = p->of[b->id];
	vaddr at = b->addr + offset;
	unsigned good = 0;

	if (t->kind != CTYPE_RECORD || t->size > b->size - offset)
		return;
	if (old && !open_end(old)) {
		note_member(p, old, offset, type);
		return;
	}
	if (p->visited.n >= VISITED_MOST || idmap_get(&p->visited, at) != IDMAP_NONE)
		return;
	if (t->polymorphic) {
		type = class_at(p, at);
		if (type == CTYPE_NONE)
			return;
	}
	if (!plausible(p, at, type, &good))
		return;
	idmap_put(&p->visited, at, type);
	push_region(p, at, type, 1, how);
	if (p->hints.n < HINTS_MOST)
		array_push(&p->hints, ((struct hint){ b->addr, offset, type }));
}

bool follow_pointer(struct propagation *p, uint64_t value, uint32_t type, uint32_t how)
{
	struct block b;
	struct room room;

	value = core_pointer(p->t->core, value);
	if (value < p->lowest || value >= p->highest || !heap_find(p->t->heap, value, &b) ||
	    b.state != BLOCK_USED || b.id >= p->t->heap->nchunks)
		return true;
	if (value == b.addr) {
		room = room_of(p, &b);
		return propose(p, &room, type, how);
	}
	if (room_behind(p, &b, value - b.addr, type, &room) && propose(p, &room, type, how))
		return true;
	interior(p, &b, value - b.addr, type, how);
	return true;
}

/* A container's pointers lead to nodes, which are blocks, and to its head, which is in the
 * container. */
static bool follow_node(struct propagation *p, uint64_t value, uint32_t type, uint32_t how)
{
	struct block b;

	value = core_pointer(p->t->core, value);
	return !heap_find(p->t->heap, value, &b) || b.addr != value ||
	       follow_pointer(p, value, type, how);
}

/* False: one of the pointers leads to what it cannot. */
static bool follow_slots(struct propagation *p, const struct region *r, vaddr at)
{
	const struct layout *l = slots_of(p->slots, r->type);
	uint64_t value;
	bool good = true;

	for (size_t i = 0; i < l->n; i++) {
		const struct slot *s = &l->v[i];

		if (s->count)
			push_region(p, at + s->offset, s->type, s->count, r->how);
		else if (!s->truth && view_read_word(&p->view, at + s->offset, &value, p->word) &&
		         value)
			good &= s->node ? follow_node(p, value, s->type, r->how)
			                : follow_pointer(p, value, s->type, r->how);
	}
	return good;
}

/* The last one first; with a budget the first one. */
static bool take_region(struct propagation *p, struct region *r)
{
	if (p->next == p->todo.n || (p->t->budget && p->followed++ >= p->t->budget))
		return false;
	*r = p->t->budget ? p->todo.v[p->next++] : p->todo.v[--p->todo.n];
	return true;
}

void follow_regions(struct propagation *p)
{
	struct region r;

	while (take_region(p, &r)) {
		uint64_t size = ctype_get(p->graph, r.type)->size;
		unsigned good = 0;

		if (!size && r.count > 1)
			r.count = 1;
		for (uint32_t i = 0; i < r.count && p->budget; i++, p->budget--) {
			vaddr at = r.at + i * size;

			/* behind the elements in use there may be what was there before */
			if ((r.count > 1 && !plausible(p, at, r.type, &good)) ||
			    (!follow_slots(p, &r, at) && r.count > 1))
				break;
		}
	}
}

/* ---- what comes out ---- */

/*
 * Where a rest is too small to be a chunk of its own, malloc leaves it: now and then, or for many
 * blocks where they come into the place of others that were a step larger. Then they speak against
 * the type only if something else begins with it.
 */
static bool loose_against(struct propagation *p, uint32_t type)
{
	struct outcome *o = outcome_of(p, type);

	if (o->loose <= o->fits / 3 || o->loose > o->fits)
		return o->loose > o->fits;
	if (!o->begins)
		o->begins = begins_another(p, type) ? 2 : 1;
	return o->begins == 2;
}

/* The shares are measured: doc/accuracy.md. */
static double sure_of(struct propagation *p, uint32_t of)
{
	const struct outcome *o = outcome_of(p, type_in(of));
	uint64_t all = (uint64_t)o->fits + o->loose + o->prefix + o->none + o->doubt;
	uint64_t against = (uint64_t)o->prefix + o->none + (o->chance > 0.02F ? o->doubt : 0);

	if (!of || of & OF_CONFLICT || fit_in(of) <= FIT_LOOSE)
		return 0;
	if (fit_in(of) == FIT_SCALARS && (of & OF_DOUBT) &&
	    ctype_get(p->graph, type_in(of))->kind == CTYPE_POINTER)
		return 0;
	if (fit_in(of) == FIT_SCALARS)
		return of & OF_LOCAL ? 0 : 0.93;
	if (of & OF_DOUBT && (o->prefix || o->chance > 0.02F))
		return 0;
	if (of & OF_GUESS && is_refuted(p, type_in(of)))
		return 0;
	if (of & OF_EMBED)
		return 0.94;
	against += loose_against(p, type_in(of)) ? o->loose : 0;
	/* what points to this type points to other things as well */
	if (against * 10 > all)
		return 0;
	return fit_in(of) == FIT_ONE ? 0.98 : 0.95;
}

double confidence(struct propagation *p, uint32_t of)
{
	double sure = sure_of(p, of);

	return of & OF_GUESS && sure > GUESS ? GUESS : sure;
}

/* Nodes by the container that people wrote: what a node has inside is in the name's brackets. */
static const struct {
	const char *node, *map, *other;
	bool own; /* the last argument is the library's own */
} nodes[] = {
	{ "std::_Rb_tree_node<", "std::map", "std::set", false },
	{ "std::__detail::_Hash_node<", "std::unordered_map", "std::unordered_set", true },
	{ "std::_List_node<", "std::list", "std::list", false },
	{ "std::_Fwd_list_node<", "std::forward_list", "std::forward_list", false },
	{ "std::__forward_list_node<", "std::forward_list", "std::forward_list", true },
};

/* The key of a map's pair is const there: "int const, long" of `length` bytes becomes "int, long".
 */
static const char *map_of(struct pool *pool, const char *map, const char *held, size_t length)
{
	static const char word[] = " const";
	size_t key = 0, n = sizeof(word) - 1;
	int depth = 0;

	for (; key < length && (depth || held[key] != ','); key++)
		depth += (held[key] == '<' || held[key] == '(') -
		         (held[key] == '>' || held[key] == ')');
	if (length > n && !strncmp(held, word + 1, n - 1) && held[n - 1] == ' ') {
		held += n;
		length -= n;
		key -= key < n ? key : n;
	}
	n = key > n && !strncmp(held + key - n, word, n) ? n : 0;
	return pool_printf(pool, "%s<%.*s%.*s> node", map, (int)(key - n), held,
	                   (int)(length - key), held + key);
}

static const char *node_name(struct pool *pool, const char *name)
{
	static const char pair[] = "std::pair<";
	size_t tail = 1;

	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		size_t head = strlen(nodes[i].node), length = strlen(name);
		const char *held, *comma = strrchr(name, ',');

		if (length <= head || strncmp(name, nodes[i].node, head))
			continue;
		held = name + head;
		if (nodes[i].own && comma && comma > held)
			tail = strlen(comma); /* "..., true>": whether the hash is kept */
		if (!strncmp(held, pair, sizeof(pair) - 1) &&
		    strcmp(nodes[i].map, nodes[i].other) != 0) {
			held += sizeof(pair) - 1;
			tail += head + sizeof(pair) - 1;
			while (tail < length && name[length - tail - 1] == ' ')
				tail++;
			return map_of(pool, nodes[i].map, held, length - tail - 1);
		}
		return pool_printf(pool, "%s<%.*s> node", nodes[i].other,
		                   (int)(length - head - tail), held);
	}
	return name;
}

static uint32_t label_of(struct propagation *p, uint32_t of, double sure)
{
	struct pool pool = { 0 };
	struct type type = { .method = of & OF_GUESS ? "members" : "dwarf", .confidence = sure };
	bool many = fit_in(of) == FIT_ARRAY || fit_in(of) == FIT_SCALARS;
	uint32_t label;

	type.name = pool_printf(
		&pool, "%s%s",
		node_name(&pool, rtti_plain(&pool, ctype_name(p->graph, type_in(of), &pool))),
		many ? "[]" : "");
	label = types_intern(p->t->types, &type);
	pool_free(&pool);
	return label;
}

static void propose_block(struct propagation *p, struct idmap *labels, uint32_t id)
{
	uint32_t of = p->of[id] & ~(uint32_t)OF_LOCAL, label;
	double sure = confidence(p, p->of[id]);

	if (sure < TYPE_BAR) {
		p->of[id] |= OF_CONFLICT; /* for those who ask later */
		return;
	}
	if (!types_want(p->t->types, id))
		return;
	label = idmap_get(labels, of);
	if (label == IDMAP_NONE) {
		label = label_of(p, of, sure);
		idmap_put(labels, of, label);
	}
	types_put(p->t->types, id, label);
}

static void propose_all(struct propagation *p)
{
	struct idmap labels = { 0 };

	for (uint32_t i = 0; i < (p->t->heap->nchunks + UINT64_C(63)) / 64; i++)
		for (uint64_t left = p->known[i]; left; left &= left - 1)
			propose_block(p, &labels, i * 64 + (uint32_t)__builtin_ctzll(left));
	idmap_free(&labels);
}

uint32_t propagation_type(const struct propagation *p, uint32_t id, bool *array, uint64_t *head)
{
	uint32_t of = p && id < p->of_bytes / sizeof(*p->of) ? p->of[id] : 0;

	*head = p ? (uint64_t)head_in(of) * p->word : 0;
	*array = fit_in(of) == FIT_ARRAY || fit_in(of) == FIT_SCALARS;
	return !of || of & OF_CONFLICT || fit_in(of) <= FIT_LOOSE ? CTYPE_NONE : type_in(of);
}

bool propagation_member(const struct propagation *p, uint32_t id, uint64_t offset)
{
	bool array;
	uint64_t head;
	uint32_t type = p ? propagation_type(p, id, &array, &head) : CTYPE_NONE;

	if (type == CTYPE_NONE || offset < head || offset - head > UINT32_MAX)
		return false;
	return offset == head ||
	       (!array &&
	        idmap_get(&p->members, (uint64_t)type << 32 | (offset - head)) != IDMAP_NONE);
}

static void end_run(struct propagation *p)
{
	array_free(&p->todo);
	array_free(&p->hints);
	array_free(&p->outcome);
	idmap_free(&p->visited);
	idmap_free(&p->classes);
	mem_lazy_free(p->known, p->t ? p->t->heap->bits_bytes : 0);
	p->known = NULL;
	p->t = NULL;
}

void propagation_free(struct propagation *p)
{
	if (!p)
		return;
	end_run(p);
	idmap_free(&p->members);
	slots_free(p->slots);
	mem_lazy_free(p->of, p->of_bytes);
	mem_free(p);
}

void typing_dwarf(struct typing *t)
{
	struct propagation *p = mem_alloc(1, sizeof(*p));

	p->t = t;
	p->of_bytes = (uint64_t)t->heap->nchunks * sizeof(*p->of);
	p->of = mem_lazy(p->of_bytes);
	p->known = mem_lazy(t->heap->bits_bytes);
	p->graph = analysis_typegraph(t->a);
	p->slots = slots_make(p->graph);
	p->view = (struct view){ .core = t->core };
	p->word = t->core->machine->word;
	p->lowest = t->heap->nspans ? t->heap->span[0].start : 0;
	/* a sound heap takes less than one for each word; damaged types may go in circles */
	p->budget = (uint64_t)1 << 24;
	for (size_t i = 0; i < t->heap->nspans; i++)
		p->budget += (t->heap->span[i].end - t->heap->span[i].start) / p->word;
	for (size_t i = 0; i < t->heap->nspans; i++)
		if (t->heap->span[i].own_end > p->highest)
			p->highest = t->heap->span[i].own_end;
	seed_variables(p);
	if (!t->budget && t->objects)
		seed_objects(p);
	follow_regions(p);
	if (!t->budget) {
		seed_locals(p);
		follow_regions(p);
		for (int i = 0; i < ROUNDS_MOST && embed_all(p); i++)
			follow_regions(p);
	}
	if (!t->budget || t->lost) {
		p->followed = 0;
		for (int i = 0; i < ROUNDS_MOST && agree_all(p); i++)
			follow_regions(p);
	}
	propose_all(p);
	end_run(p);
	propagation_free(t->a->propagation);
	t->a->propagation = p;
}
