#include "analyzer/report/folded.h"
#include "analyzer/report/text.h"

#include <stdlib.h>

#define UNKNOWN "[unknown]"

struct line {
	const char *stack;
	uint64_t bytes;
};

/* One frame behind those that there are. A semicolon would be two frames. */
static const char *frame(struct pool *pool, const char *stack, const char *name)
{
	char *safe = pool_copy(pool, name);

	for (char *at = safe; *at; at++) {
		if (*at == ';')
			*at = ':';
	}
	return pool_printf(pool, "%s%s%s", stack, *stack ? ";" : "", text_escape(pool, safe));
}

static const char *frame_name(struct pool *pool, const struct report_frame *f)
{
	if (f->function)
		return f->function;
	if (!f->module)
		return UNKNOWN;
	return pool_printf(pool, "[%s]", base_name(f->module));
}

static const char *site_name(struct pool *pool, const struct report_site *s)
{
	if (s->function)
		return s->function;
	if (s->offset == ABSENT)
		return UNKNOWN;
	return pool_printf(pool, "0x%llx", (unsigned long long)s->offset);
}

static const char *type_name(struct pool *pool, const struct report_finding *f)
{
	if (f->type)
		return f->type;
	if (f->size == ABSENT)
		return UNKNOWN;
	return pool_printf(pool, "{%llu}", (unsigned long long)f->size);
}

static const char *stack_of(struct pool *pool, const struct report_finding *f)
{
	const char *stack = "";

	if (f->nframes) {
		for (size_t i = f->nframes; i-- > 0;)
			stack = frame(pool, stack, frame_name(pool, &f->frame[i]));
		return stack;
	}
	if (!f->site_method)
		return frame(pool, UNKNOWN, type_name(pool, f));
	stack = frame(pool, stack, f->site.module ? base_name(f->site.module) : UNKNOWN);
	stack = frame(pool, stack, site_name(pool, &f->site));
	return frame(pool, stack, type_name(pool, f));
}

static int by_stack(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->stack, ((const struct line *)b)->stack);
}

static size_t add_lines(const struct report *r, struct pool *pool, struct line *v)
{
	bool sampled = false;
	size_t n = 0;

	for (size_t i = 0; i < r->findings.n; i++)
		sampled |= r->findings.v[i].estimated.bytes != ABSENT;
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct report_finding *f = &r->findings.v[i];

		if (f->reach && (!sampled || f->nframes)) /* the sample stands for the others */
			v[n++] = (struct line){ stack_of(pool, f),
				                sampled ? f->estimated.bytes : f->bytes };
	}
	return n;
}

void folded_leaks(const struct report *r, struct out *out)
{
	struct line *v = mem_alloc(r->findings.n + 1, sizeof(*v));
	struct pool pool = { 0 };
	size_t n = add_lines(r, &pool, v);

	qsort(v, n, sizeof(*v), by_stack);
	for (size_t i = 0; i < n && !out_failed(out); i++) {
		if (i + 1 < n && !strcmp(v[i].stack, v[i + 1].stack)) {
			v[i + 1].bytes += v[i].bytes;
			continue;
		}
		out_str(out, v[i].stack);
		out_char(out, ' ');
		out_u64(out, v[i].bytes);
		out_char(out, '\n');
	}
	mem_free(v);
	pool_free(&pool);
}
