#include "analyzer/type/member.h"

const char *member_text(struct analysis *a, uint32_t type, uint64_t offset, struct pool *pool)
{
	uint64_t rest;
	const char *path = ctype_path(analysis_typegraph(a), type, offset, pool, &type, &rest);

	return rest ? pool_printf(pool, "%s+0x%llx", path, (unsigned long long)rest) : path;
}

static const char *variable_text(struct analysis *a, const struct variable *v, struct pool *pool)
{
	return pool_printf(pool, "%s%s", v->name, member_text(a, v->type, v->offset, pool));
}

const char *member_of_data(struct analysis *a, vaddr at, struct pool *pool)
{
	const struct module *m = module_at(analysis_modules(a), at);
	struct variable v;

	if (!m || !module_index(analysis_typegraph(a), m) || !variable_at(a->typegraph, at, &v))
		return NULL;
	return variable_text(a, &v, pool);
}

const char *member_of_tls(struct analysis *a, const struct module *m, uint64_t at,
                          struct pool *pool)
{
	struct variable v;

	if (!module_index(analysis_typegraph(a), m) || !variable_tls_at(a->typegraph, m, at, &v))
		return NULL;
	return variable_text(a, &v, pool);
}

const char *member_of_frame(struct analysis *a, const struct locals *locals, vaddr at,
                            struct pool *pool, const char **function)
{
	for (size_t i = locals->n; i-- > 0;) { /* inner scopes are behind outer ones */
		const struct local *l = &locals->v[i];

		if (!l->in_memory || at < l->at || at - l->at >= l->size)
			continue;
		*function = l->function;
		return pool_printf(pool, "%s%s", l->name,
		                   member_text(a, l->type, at - l->at, pool));
	}
	return NULL;
}
