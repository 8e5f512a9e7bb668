#include "analyzer/type/field.h"

#include "analyzer/type/member.h"
#include "analyzer/type/propagate.h"
#include "analyzer/report/text.h"

enum {
	DEPTH_MOST = 32,
	STEPS_MOST = 1 << 16, /* damaged types may contain themselves */
	UNROLL = 4, /* elements of an array that are told one by one */
};

/* A record or array whose parts are being listed. */
struct part {
	uint32_t type;
	uint64_t offset;
	size_t next;
	const char *prefix;
};

struct list {
	struct places *places;
	struct typegraph *graph;
	const struct block *block;
	struct pool *pool;
	bool content;
	struct fields *out;
	struct part part[DEPTH_MOST];
	size_t depth;
};

static uint32_t type_of(struct analysis *a, const struct block *b, bool *array, uint64_t *head)
{
	return b->state == BLOCK_USED ? propagation_type(a->propagation, b->id, array, head)
	                              : CTYPE_NONE;
}

const char *field_at(struct analysis *a, const struct block *b, vaddr at, struct pool *pool)
{
	bool array = false;
	uint64_t offset = at - b->addr, size, head = 0;
	uint32_t type = type_of(a, b, &array, &head);
	const char *name;

	if (type == CTYPE_NONE || offset < head)
		return NULL;
	offset -= head;
	name = ctype_name(a->typegraph, type, pool);
	size = ctype_get(a->typegraph, type)->size;
	if (array && size)
		return pool_printf(pool, "%s[%llu]%s", name, (unsigned long long)(offset / size),
		                   member_text(a, type, offset % size, pool));
	return pool_printf(pool, "%s%s", name, member_text(a, type, offset, pool));
}

static const char *target_text(struct list *l, uint64_t value)
{
	struct places *places = l->places;
	struct place p;
	const struct type *type = NULL;
	const char *text;

	value = core_pointer(places->a->core, value);
	if (!value)
		return "NULL";
	place_find(places, value, &p);
	text = place_text(places, &p, l->pool);
	if (p.kind == PLACE_BLOCK && p.block.state == BLOCK_USED)
		type = types_of(analysis_types(places->a), p.block.id);
	return type ? pool_printf(l->pool, "%s: %s", text, type->name) : text;
}

static const char *content_text(struct list *l, vaddr at, const struct ctype *t,
                                const struct cmember *m)
{
	uint64_t value = 0;
	uint8_t raw[8];

	if (!l->content || (t->kind != CTYPE_BASE && t->kind != CTYPE_ENUM) || !t->size ||
	    t->size > 8 || (m && m->bits) || !core_read(l->places->a->core, at, raw, t->size))
		return NULL;
	memcpy(&value, raw, t->size);
	return pool_printf(l->pool, "0x%llx", (unsigned long long)value);
}

static void add(struct list *l, uint32_t type, uint64_t offset, const char *name,
                const struct cmember *m)
{
	const struct ctype *t = ctype_get(l->graph, type);
	struct core *core = l->places->a->core;
	struct field *f;

	if (l->out->n == FIELDS_MOST) {
		l->out->more = true;
		return;
	}
	f = &l->out->v[l->out->n++];
	*f = (struct field){ .offset = offset, .bits = m ? m->bits : 0 };
	f->name = *name == '.' ? name + 1 : name;
	f->type = ctype_name(l->graph, type, l->pool);
	f->pointer = t->kind == CTYPE_POINTER;
	if (!f->pointer) {
		f->content = content_text(l, l->block->addr + offset, t, m);
		return;
	}
	f->saved = core_read_word(core, l->block->addr + offset, &f->value);
	f->to = f->saved ? target_text(l, f->value) : "not in the core";
}

/* One member or element: a row, or its parts. */
static void take(struct list *l, uint32_t type, uint64_t offset, const char *name,
                 const struct cmember *m)
{
	const struct ctype *t = ctype_get(l->graph, type);
	bool parts = t->kind == CTYPE_RECORD && (t->nmembers || (m && m->base));

	parts |= t->kind == CTYPE_ARRAY && t->count && t->count <= UNROLL &&
	         ctype_get(l->graph, t->of)->kind != CTYPE_BASE;
	if (offset >= l->block->size)
		return;
	if (parts && l->depth < DEPTH_MOST)
		l->part[l->depth++] = (struct part){ .type = type,
			                             .offset = offset,
			                             .prefix = name };
	else
		add(l, type, offset, name, m);
}

static void step(struct list *l)
{
	struct part *p = &l->part[l->depth - 1];
	const struct ctype *t = ctype_get(l->graph, p->type);
	const char *name = p->prefix;

	if (t->kind == CTYPE_RECORD && p->next < t->nmembers) {
		const struct cmember *m = &t->member[p->next++];

		if (m->name)
			name = pool_printf(l->pool, "%s.%s", name, m->name);
		take(l, m->type, p->offset + m->offset, name, m);
	} else if (t->kind == CTYPE_ARRAY && p->next < t->count) {
		uint64_t i = p->next++, size = ctype_get(l->graph, t->of)->size;

		take(l, t->of, p->offset + i * size,
		     pool_printf(l->pool, "%s[%llu]", name, (unsigned long long)i), NULL);
	} else {
		l->depth--;
	}
}

void fields_of(struct places *places, const struct block *b, bool content, struct pool *pool,
               struct fields *out)
{
	struct list l = { .places = places, .block = b, .content = content, .out = out };
	bool array = false;
	uint64_t size, head = 0;
	uint32_t type = type_of(places->a, b, &array, &head);

	*out = (struct fields){ 0 };
	if (type == CTYPE_NONE)
		return;
	l.pool = pool;
	l.graph = places->a->typegraph;
	out->v = pool_alloc(pool, FIELDS_MOST * sizeof(*out->v));
	size = ctype_get(l.graph, type)->size;
	if (array && size)
		out->elements = (b->size - head) / size;
	take(&l, type, head, out->elements ? "[0]" : "", NULL);
	for (unsigned i = 0; i < STEPS_MOST && l.depth && !out->more; i++)
		step(&l);
}
