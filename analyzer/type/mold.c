#include "analyzer/type/mold.h"
#include "analyzer/type/slots.h"

enum {
	DEPTH_MOST = 32, /* members of members */
	STEPS_MOST = 4096,
	FILLED = 4, /* numbers of an array that are all there, as a rule */
};

struct part {
	uint32_t type;
	uint64_t offset;
	uint64_t next; /* member, or element */
};

struct cast {
	struct typegraph *graph;
	unsigned word, pointers;
	struct mold *out;
	struct part part[DEPTH_MOST];
	size_t depth;
};

static void put(struct cast *c, uint64_t offset, enum mold_kind kind, uint32_t to)
{
	uint64_t i = offset / c->word;

	if (i >= c->out->n || offset % c->word)
		return;
	c->out->word[i].kind = (uint8_t)kind;
	c->out->word[i].to = to;
	c->pointers++;
}

static void put_number(struct cast *c, uint64_t offset, uint64_t size)
{
	for (uint64_t i = offset / c->word; i < c->out->n && i * c->word < offset + size; i++)
		if (c->out->word[i].kind == MOLD_ANY)
			c->out->word[i].kind = MOLD_NUMBER;
}

static void put_pointer(struct cast *c, uint64_t offset, uint32_t to)
{
	const struct ctype *t = ctype_get(c->graph, to);

	if (to == CTYPE_NONE)
		put(c, offset, MOLD_ADDRESS, to);
	else if (t->kind == CTYPE_FUNCTION)
		put(c, offset, MOLD_CODE, to);
	else
		put(c, offset,
		    t->kind == CTYPE_RECORD && slots_telling(c->graph, to) ? MOLD_POINTER
		                                                           : MOLD_ADDRESS,
		    to);
}

static void take(struct cast *c, uint32_t type, uint64_t offset)
{
	const struct ctype *t = ctype_get(c->graph, type);
	const struct ctype *of;

	if (type == CTYPE_NONE || offset / c->word >= c->out->n)
		return;
	switch (t->kind) {
	case CTYPE_POINTER:
		put_pointer(c, offset, t->of);
		return;
	case CTYPE_BASE:
	case CTYPE_ENUM:
		put_number(c, offset, t->size);
		return;
	case CTYPE_ARRAY:
		of = ctype_get(c->graph, t->of);
		if ((of->kind == CTYPE_BASE || of->kind == CTYPE_ENUM) && t->count > FILLED)
			return;
		if (of->kind == CTYPE_BASE && of->encoding == ENCODING_CHAR)
			return;
		break;
	case CTYPE_RECORD:
		break;
	default:
		return;
	}
	if (c->depth < DEPTH_MOST)
		c->part[c->depth++] = (struct part){ type, offset, 0 };
}

static void step(struct cast *c)
{
	struct part *p = &c->part[c->depth - 1];
	const struct ctype *t = ctype_get(c->graph, p->type);

	if (t->kind == CTYPE_RECORD && p->next < t->nmembers) {
		const struct cmember *m = &t->member[p->next++];

		if (m->bits)
			put_number(c, p->offset + m->offset, 1);
		else
			take(c, m->type, p->offset + m->offset);
	} else if (t->kind == CTYPE_ARRAY && p->next < t->count) {
		uint64_t size = ctype_get(c->graph, t->of)->size;

		take(c, t->of, p->offset + p->next++ * size);
	} else {
		c->depth--;
	}
}

bool mold_make(struct typegraph *graph, uint32_t type, unsigned word, struct mold *out)
{
	const struct ctype *t = ctype_get(graph, type);
	struct cast c = { .graph = graph, .word = word, .out = out };
	uint64_t n = t->size / word;

	*out = (struct mold){ .type = type, .n = n < MOLD_WORDS ? (unsigned)n : MOLD_WORDS };
	if (t->kind != CTYPE_RECORD || t->polymorphic || !t->size)
		return false;
	take(&c, type, 0);
	for (unsigned i = 0; i < STEPS_MOST && c.depth; i++)
		step(&c);
	return c.pointers > 0 && !c.depth;
}
