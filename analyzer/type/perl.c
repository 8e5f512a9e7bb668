/*
 * Perl's values (sv.h of 5.20 to 5.40): heads of {body, references, flags, payload} stand in arenas
 * of 170, which malloc gave; the first head of an arena tells how many there are. The payload leads
 * to what a value holds: the text of a string, the elements of an array, the buckets of a hash. A
 * built perl without threads and one with them are the same here.
 */
#include "analyzer/analysis.h"
#include "analyzer/type/typing.h"

#define HEAD        24 /* bytes */
#define ARENA_BYTES 4080
#define TYPE_MASK   0xff /* of flags: SVTYPEMASK; all of it: a free head */
#define TYPES_MOST  17
#define TYPE_ARRAY  11 /* SVt_PVAV, SVt_PVHV */
#define TYPE_HASH   12
#define FLAG_POK    0x4400 /* SVf_POK, SVp_POK: the payload is text */

struct perl {
	struct typing *t;
	struct view view;
	uint32_t arena, text, array, hash;
};

static uint32_t label(struct typing *t, const char *name)
{
	struct type type = { name, "perl", 0.97 };

	return types_intern(t->types, &type);
}

static bool head_at(struct perl *p, vaddr at, uint64_t *body, uint32_t *refs, uint32_t *flags,
                    uint64_t *payload)
{
	const uint8_t *v = view_at(&p->view, at, HEAD);

	if (!v)
		return false;
	*body = load64(v);
	*refs = load32(v + 8);
	*flags = load32(v + 12);
	*payload = load64(v + 16);
	return true;
}

static bool used_block(const struct perl *p, uint64_t v, struct block *b)
{
	return heap_span(p->t->heap, v) && heap_find(p->t->heap, v, b) && b->addr == v &&
	       b->state == BLOCK_USED;
}

/* Are its heads such? The first one's references are their number, its body the next arena. */
static bool is_arena(struct perl *p, const struct block *b)
{
	uint64_t body, payload, n;
	uint32_t refs, flags;
	struct block other;

	if (b->size < ARENA_BYTES || b->size > ARENA_BYTES + 24 ||
	    !head_at(p, b->addr, &body, &refs, &flags, &payload) || refs != ARENA_BYTES / HEAD ||
	    (body && !used_block(p, body, &other)))
		return false;
	n = refs;
	for (uint64_t i = 1; i < n; i++) {
		if (!head_at(p, b->addr + i * HEAD, &body, &refs, &flags, &payload))
			return false;
		if ((flags & TYPE_MASK) != TYPE_MASK && (flags & TYPE_MASK) >= TYPES_MOST)
			return false;
		if ((flags & TYPE_MASK) != TYPE_MASK && (!refs || refs > 1u << 30))
			return false;
	}
	return true;
}

/* A plain string of its own: {stash, magic, length, capacity} is its body. */
static void look_text(struct perl *p, uint64_t body, uint64_t payload)
{
	uint64_t length, capacity;
	struct block b;

	if (used_block(p, payload, &b) && view_read64(&p->view, body + 16, &length) &&
	    view_read64(&p->view, body + 24, &capacity) && length <= capacity &&
	    capacity <= b.size && typing_fits(p->t, &b, capacity))
		types_put(p->t->types, b.id, p->text);
}

/* Body: {stash, magic, index of the last, highest index there is room for, start}. */
static void look_array(struct perl *p, uint64_t body)
{
	uint64_t last, room, start;
	struct block b;

	if (view_read64(&p->view, body + 16, &last) && view_read64(&p->view, body + 24, &room) &&
	    view_read64(&p->view, body + 32, &start) && used_block(p, start, &b) &&
	    room < b.size / 8 && (last <= room || last == UINT64_MAX) &&
	    typing_fits(p->t, &b, (room + 1) * 8))
		types_put(p->t->types, b.id, p->array);
}

/* Body: {stash, magic, keys, index of the last bucket}; behind the buckets there may be more. */
static void look_hash(struct perl *p, uint64_t body, uint64_t payload)
{
	uint64_t last;
	struct block b;

	if (view_read64(&p->view, body + 24, &last) && used_block(p, payload, &b) && last &&
	    !(last & (last + 1)) && last < b.size / 8)
		types_put(p->t->types, b.id, p->hash);
}

static void look_arena(struct perl *p, const struct block *b)
{
	uint64_t body, payload;
	uint32_t refs, flags;

	types_put(p->t->types, b->id, p->arena);
	for (unsigned i = 1; i < ARENA_BYTES / HEAD; i++) {
		unsigned type;

		if (!head_at(p, b->addr + i * HEAD, &body, &refs, &flags, &payload))
			return;
		type = flags & TYPE_MASK;
		if (type == TYPE_MASK || !body || !payload)
			continue;
		if (type == TYPE_ARRAY)
			look_array(p, body);
		else if (type == TYPE_HASH)
			look_hash(p, body, payload);
		else if (type < TYPE_ARRAY && (flags & FLAG_POK))
			look_text(p, body, payload);
	}
}

void typing_perl(struct typing *t)
{
	struct perl p = { .t = t, .view = { .core = t->core } };
	struct heap_iter it = { 0 };
	struct block b;
	bool found = false;

	for (size_t i = 0; i < t->modules->n; i++)
		found |= strstr(t->modules->v[i].path, "perl") != NULL;
	if (!t->heap->nspans || !found || t->core->machine->word != 8)
		return;
	p.arena = label(t, "perl arena of values");
	p.text = label(t, "perl string");
	p.array = label(t, "perl array's elements");
	p.hash = label(t, "perl hash's buckets");
	while (heap_next_set(t->heap, t->heap->used, &it, &b))
		if (is_arena(&p, &b))
			look_arena(&p, &b);
}
