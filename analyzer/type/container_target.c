/*
 * What a std::function or a std::any of libstdc++ keeps in a block of its own: neither says of
 * which type that is, but the names of the functions that they call with it do
 * (bits/std_function.h, any). Compilers make one function of several that are equal: of a
 * function's manager, which only copies and destroys, the name may be another's, and so the one
 * that calls is asked.
 */
#include "analyzer/type/container.h"

#define FUNCTIONS 4096 /* whose names are looked at */

/* What stands in a name between its head and its tail; NULL: it is another name. */
static const char *inside(struct pool *pool, const char *name, const char *head, const char *tail)
{
	size_t n = strlen(head);
	const char *end;

	if (!name || strncmp(name, head, n) != 0 || !(end = strstr(name + n, tail)))
		return NULL;
	return pool_printf(pool, "%.*s", (int)(end - name - (ptrdiff_t)n), name + n);
}

/* The second argument of a template. */
static const char *second(const char *arguments)
{
	int depth = 0;

	for (const char *s = arguments; *s; s++) {
		depth += (strchr("<({[", *s) != NULL) - (strchr(">)}]", *s) != NULL);
		if (*s == ',' && !depth)
			return s[1] == ' ' ? s + 2 : s + 1;
	}
	return NULL;
}

static uint32_t label_of(struct containers *c, vaddr function)
{
	uint32_t label = idmap_get(&c->targets, function);
	struct pool pool = { 0 };
	struct type type = { NULL, "container", 0.98 };
	struct symbol symbol;

	if (label != IDMAP_NONE)
		return label;
	if (c->targets.n >= FUNCTIONS)
		return 0;
	module_symbol(c->t->core, c->t->modules, function, false, &symbol);
	if (!symbol.offset) {
		const char *two = inside(&pool, symbol.name, "std::_Function_handler<",
		                         ">::_M_invoke(");

		type.name = two ? second(two)
		                : inside(&pool, symbol.name, "std::any::_Manager_external<",
		                         ">::_S_manage(");
	}
	label = 0;
	if (type.name) {
		type.name = rtti_plain(&pool, type.name);
		label = types_intern(c->t->types, &type);
	}
	idmap_put(&c->targets, function, label);
	pool_free(&pool);
	return label;
}

static bool is_code(const struct containers *c, uint64_t v)
{
	const struct segment *s;

	if (v < c->code_lo || v >= c->code_hi || in_heap(c, v))
		return false;
	s = core_segment(c->t->core, v);
	return s && s->flags & SEG_X;
}

/* function: target, unused, manager, what calls it. any: manager, target. */
bool container_target(struct containers *c, const struct words *w, size_t i)
{
	uint64_t function = 0;
	uint32_t label;
	struct block b;

	if (!c->gnu)
		return false;
	if (i + 3 < w->n && is_code(c, word_of(c, w, i + 2)) && is_code(c, word_of(c, w, i + 3)))
		function = word_of(c, w, i + 3);
	else if (i && is_code(c, word_of(c, w, i - 1)))
		function = word_of(c, w, i - 1);
	if (!function || !container_block(c, word_of(c, w, i), &b) ||
	    !(label = label_of(c, function)))
		return false;
	if (types_want(c->t->types, b.id))
		types_put(c->t->types, b.id, label);
	return true;
}
