/* typegraph: types and members in words. */
#include "formats/typegraph_in.h"

static const char *plain_name(const struct ctype *t)
{
	switch (t->kind) {
	case CTYPE_RECORD:
		return "struct {...}";
	case CTYPE_UNION:
		return "union {...}";
	case CTYPE_ENUM:
		return "enum {...}";
	case CTYPE_FUNCTION:
		return "void ()";
	default:
		return "void";
	}
}

/* From the outside in: pointers and arrays are collected, then written behind what they lead to. */
const char *ctype_name(struct typegraph *graph, uint32_t id, struct pool *pool)
{
	const char *text = "";
	const struct ctype *t = ctype_get(graph, id);

	for (int i = 0; i < CHAIN_MOST; i++) {
		if (t->kind == CTYPE_POINTER)
			text = pool_printf(pool, "*%s", text);
		else if (t->kind == CTYPE_ARRAY && t->count)
			text = pool_printf(pool, "%s[%llu]", text, (unsigned long long)t->count);
		else if (t->kind == CTYPE_ARRAY)
			text = pool_printf(pool, "%s[]", text);
		else
			break;
		t = ctype_get(graph, t->of);
	}
	return pool_printf(pool, "%s%s%s", t->name ? t->name : plain_name(t),
	                   *text == '*' ? " " : "", text);
}

/*
 * The member that covers an offset: of several the biggest, which passes over empty base classes,
 * then the first, of a union.
 */
static const struct cmember *member_at(struct typegraph *graph, const struct ctype *t,
                                       uint64_t offset)
{
	const struct cmember *best = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < t->nmembers; i++) {
		const struct cmember *m = &t->member[i];
		const struct ctype *type = ctype_get(graph, m->type);
		bool flexible = type->kind == CTYPE_ARRAY && !type->count && i + 1 == t->nmembers;
		uint64_t size = flexible ? UINT64_MAX : type->size;

		if (offset < m->offset || offset - m->offset >= size || size <= most)
			continue;
		best = m;
		most = size;
	}
	return best;
}

const char *ctype_path(struct typegraph *graph, uint32_t id, uint64_t offset, struct pool *pool,
                       uint32_t *type, uint64_t *rest)
{
	const char *text = "";

	for (int i = 0; i < CHAIN_MOST; i++) {
		const struct ctype *t = ctype_get(graph, id);

		if (t->kind == CTYPE_ARRAY) {
			uint64_t size = ctype_get(graph, t->of)->size;

			if (!size || (t->count && offset / size >= t->count))
				break;
			text = pool_printf(pool, "%s[%llu]", text,
			                   (unsigned long long)(offset / size));
			offset %= size;
			id = t->of;
		} else if (t->kind == CTYPE_RECORD || t->kind == CTYPE_UNION) {
			const struct cmember *m = member_at(graph, t, offset);

			if (!m)
				break;
			if (m->name)
				text = pool_printf(pool, "%s.%s", text, m->name);
			offset -= m->offset;
			id = m->type;
		} else {
			break;
		}
	}
	*type = id;
	*rest = offset;
	return text;
}
