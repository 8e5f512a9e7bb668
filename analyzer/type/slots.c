#include "analyzer/type/slots.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	SLOTS_MOST = 4096, /* of one type */
	DEPTH_MOST = 64,   /* members of members */
	UNROLL = 8,        /* elements of an array that become slots one by one */
	NAME_MOST = 4096,
	STEPS_MOST = 1 << 16, /* damaged types may contain themselves */
};

struct slots {
	struct typegraph *graph;
	ARRAY(struct layout *) of; /* by type */
	struct pool pool;
};

struct slots *slots_make(struct typegraph *graph)
{
	struct slots *s = mem_alloc(1, sizeof(*s));

	s->graph = graph;
	return s;
}

void slots_free(struct slots *s)
{
	if (!s)
		return;
	array_free(&s->of);
	pool_free(&s->pool);
	mem_free(s);
}

bool slots_telling(struct typegraph *graph, uint32_t type)
{
	const struct ctype *t = ctype_get(graph, type);

	switch (t->kind) {
	case CTYPE_RECORD:
	case CTYPE_UNION:
	case CTYPE_ARRAY:
		return t->size != 0;
	case CTYPE_BASE:
		return t->encoding != ENCODING_CHAR && t->size > 1;
	case CTYPE_POINTER:
	case CTYPE_ENUM:
		return true;
	default:
		return false;
	}
}

/* ---- nodes of containers ---- */

/* Argument i of a template's name: "std::_Rb_tree<int, std::pair<...>, ...>"; false: none. */
static bool argument(const char *name, int i, char *buf, size_t size)
{
	const char *p = strchr(name, '<'), *start;
	int depth = 0;

	for (start = p ? p + 1 : NULL; p && *p; p++) {
		depth += *p == '<' || *p == '(';
		if (*p == '>' || *p == ')')
			depth--;
		if (depth && !(depth == 1 && *p == ','))
			continue;
		if (i--) {
			start = p + 1;
			continue;
		}
		while (*start == ' ')
			start++;
		snprintf(buf, size, "%.*s", (int)(p - start), start);
		return (size_t)(p - start) < size;
	}
	return false;
}

/* Containers, the argument that their nodes hold, and the nodes. */
static const struct {
	const char *container;
	int argument;
	const char *node, *more;
} containers[] = {
	{ "std::_Rb_tree<", 1, "std::_Rb_tree_node<", "" },
	{ "std::__cxx11::_List_base<", 0, "std::_List_node<", "" },
	{ "std::_List_base<", 0, "std::_List_node<", "" },
	{ "std::_Fwd_list_base<", 0, "std::_Fwd_list_node<", "" },
	{ "std::_Hashtable<", 1, "std::__detail::_Hash_node<", ", true" },
	{ "std::_Hashtable<", 1, "std::__detail::_Hash_node<", ", false" },
};

static const char *const node_bases[] = { "std::_Rb_tree_node_base",
	                                  "std::__detail::_List_node_base",
	                                  "std::_Fwd_list_node_base",
	                                  "std::__detail::_Hash_node_base" };

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* The type of the nodes that this record leads to; CTYPE_NONE: it is no container, nor a node. */
static uint32_t node_of(struct slots *s, uint32_t type)
{
	const struct ctype *t = ctype_get(s->graph, type);
	char name[NAME_MOST], held[NAME_MOST - 64];

	if (t->kind != CTYPE_RECORD || !t->name || !starts(t->name, "std::"))
		return CTYPE_NONE;
	for (size_t i = 0; i < sizeof(containers) / sizeof(*containers); i++) {
		uint32_t node;

		if (starts(t->name, containers[i].node))
			return type;
		if (!starts(t->name, containers[i].container) ||
		    !argument(t->name, containers[i].argument, held, sizeof(held)))
			continue;
		snprintf(name, sizeof(name), "%s%s%s>", containers[i].node, held,
		         containers[i].more);
		node = ctype_named(s->graph, name);
		if (node != CTYPE_NONE)
			return node;
	}
	return CTYPE_NONE;
}

/*
 * Rust's Vec, VecDeque and BinaryHeap keep their elements behind a pointer to bytes, which all of
 * them share: what these are is the argument of the struct around it. CTYPE_NONE: it is none.
 */
static uint32_t elements_of(struct slots *s, uint32_t type)
{
	const struct ctype *t = ctype_get(s->graph, type);

	return t->kind == CTYPE_RECORD && t->name && starts(t->name, "alloc::raw_vec::RawVec<")
	               ? t->argument
	               : CTYPE_NONE;
}

static bool is_node_base(const struct ctype *t)
{
	for (size_t i = 0; t->name && i < sizeof(node_bases) / sizeof(*node_bases); i++)
		if (!strcmp(t->name, node_bases[i]))
			return true;
	return false;
}

/* ---- layouts ---- */

struct part {
	uint32_t type;
	uint64_t offset;
	size_t next;   /* member, or element */
	uint32_t node; /* of the container that it is in: of its nodes, or of its elements */
};

struct make {
	struct slots *s;
	ARRAY(struct slot) list;
	struct part part[DEPTH_MOST];
	size_t depth;
};

static void enter(struct make *m, uint32_t type, uint64_t offset, uint32_t node)
{
	uint32_t own = node_of(m->s, type);

	if (own == CTYPE_NONE)
		own = elements_of(m->s, type);
	if (m->depth < DEPTH_MOST)
		m->part[m->depth++] = (struct part){ .type = type,
			                             .offset = offset,
			                             .node = own == CTYPE_NONE ? node : own };
}

static bool is_byte(const struct ctype *t)
{
	return t->kind == CTYPE_BASE && t->size == 1 && t->name && !strcmp(t->name, "u8");
}

static void add(struct make *m, struct slot slot)
{
	if (m->list.n < SLOTS_MOST)
		array_push(&m->list, slot);
}

/* One member or element. */
static void take(struct make *m, uint32_t type, uint64_t offset, uint32_t node)
{
	const struct ctype *t = ctype_get(m->s->graph, type);
	struct slot slot = { .offset = offset };

	switch (t->kind) {
	case CTYPE_POINTER:
		slot.type = t->of;
		if (node != CTYPE_NONE && is_node_base(ctype_get(m->s->graph, t->of)))
			slot.type = node, slot.node = true;
		else if (node != CTYPE_NONE && is_byte(ctype_get(m->s->graph, t->of)))
			slot.type = node, slot.empty = true;
		if (slots_telling(m->s->graph, slot.type))
			add(m, slot);
		return;
	case CTYPE_BASE:
		slot.truth = t->encoding == ENCODING_BOOL && t->size == 1;
		if (slot.truth)
			add(m, slot);
		return;
	case CTYPE_ARRAY:
		slot.type = t->of;
		slot.count = t->count < UINT32_MAX ? (uint32_t)t->count : UINT32_MAX;
		if (t->count > UNROLL && slots_telling(m->s->graph, t->of))
			add(m, slot);
		else if (t->count && t->count <= UNROLL)
			enter(m, type, offset, node);
		return;
	case CTYPE_RECORD:
		enter(m, type, offset, node);
		return;
	default:
		return;
	}
}

static void step(struct make *m)
{
	struct part *p = &m->part[m->depth - 1];
	const struct ctype *t = ctype_get(m->s->graph, p->type);

	if (t->kind == CTYPE_RECORD && p->next < t->nmembers) {
		const struct cmember *member = &t->member[p->next++];

		if (!member->bits && !member->vptr && member->type != CTYPE_NONE)
			take(m, member->type, p->offset + member->offset, p->node);
	} else if (t->kind == CTYPE_ARRAY && p->next < t->count) {
		uint64_t size = ctype_get(m->s->graph, t->of)->size;

		take(m, t->of, p->offset + p->next++ * size, p->node);
	} else {
		m->depth--;
	}
}

static int by_offset(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

/* The array that a struct ends in, of as many elements as there is room for; also [0] and [1]. */
static void find_tail(struct typegraph *graph, const struct ctype *t, struct layout *l)
{
	const struct cmember *last = t->nmembers ? &t->member[t->nmembers - 1] : NULL;
	const struct ctype *array = last ? ctype_get(graph, last->type) : NULL;

	if (t->kind != CTYPE_RECORD || !array || array->kind != CTYPE_ARRAY || array->count > 1)
		return;
	l->flexible = ctype_get(graph, array->of)->size;
	l->tail = array->of;
	if (array->count)
		l->size = last->offset;
}

static struct layout *make_layout(struct slots *s, uint32_t type)
{
	struct make m = { .s = s };
	struct layout *l = pool_alloc(&s->pool, sizeof(*l));

	l->size = ctype_get(s->graph, type)->size;
	find_tail(s->graph, ctype_get(s->graph, type), l);
	take(&m, type, 0, CTYPE_NONE);
	for (unsigned i = 0; i < STEPS_MOST && m.depth && m.list.n < SLOTS_MOST; i++)
		step(&m);
	if (m.list.n) {
		qsort(m.list.v, m.list.n, sizeof(*m.list.v), by_offset);
		l->v = pool_alloc(&s->pool, m.list.n * sizeof(*l->v));
		memcpy(l->v, m.list.v, m.list.n * sizeof(*l->v));
		l->n = m.list.n;
	}
	array_free(&m.list);
	return l;
}

const struct layout *slots_of(struct slots *s, uint32_t type)
{
	static const struct layout nothing = { 0 };

	if (type == CTYPE_NONE)
		return &nothing;
	while (s->of.n <= type)
		array_push(&s->of, NULL);
	if (!s->of.v[type])
		s->of.v[type] = make_layout(s, type);
	return s->of.v[type];
}

/* ---- what is in what ---- */

/* The member that an offset lies in: of several the biggest, which passes over empty classes. */
static const struct cmember *covering(struct typegraph *graph, const struct ctype *t,
                                      uint64_t offset)
{
	const struct cmember *best = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < t->nmembers; i++) {
		const struct cmember *m = &t->member[i];
		uint64_t size = ctype_get(graph, m->type)->size;

		if (offset >= m->offset && offset - m->offset < size && size > most) {
			best = m;
			most = size;
		}
	}
	return best;
}

bool slots_within(struct typegraph *graph, uint32_t whole, uint64_t offset, uint32_t part)
{
	for (int i = 0; i < DEPTH_MOST; i++) {
		const struct ctype *t = ctype_get(graph, whole);

		if (whole == part && !offset)
			return true;
		if (t->kind == CTYPE_RECORD) {
			const struct cmember *m = covering(graph, t, offset);

			if (!m)
				return false;
			offset -= m->offset;
			whole = m->type;
		} else if (t->kind == CTYPE_ARRAY) {
			uint64_t size = ctype_get(graph, t->of)->size;

			if (!size)
				return false;
			offset %= size;
			whole = t->of;
		} else {
			return false;
		}
	}
	return false;
}
