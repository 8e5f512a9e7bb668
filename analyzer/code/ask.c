/*
 * What a call asks its allocator for, in the words of the function that it is in: a size that is
 * known, or a stride, or as much as that function's own caller says.
 */
#include "analyzer/code/build.h"

#define SIZE_MOST (INT64_C(1) << 40)
#define HEADER    16 /* bytes; text may get a few more than its characters */

static void set_size(struct site_entry *e, const struct value *v, int64_t scale, int64_t add)
{
	int64_t s = 0, a = 0;

	e->size = SITE_ANY;
	if (__builtin_mul_overflow(v->scale, scale, &s) ||
	    __builtin_mul_overflow(v->add, scale, &a) || __builtin_add_overflow(a, add, &a) ||
	    a > SIZE_MOST || a < -SIZE_MOST)
		return;
	if (v->flags & VALUE_LOOSE)
		e->flags |= SITE_LOOSE;
	e->add = a;
	if (v->kind == VALUE_CONST && a >= 0) {
		e->size = SITE_FIXED;
	} else if (v->kind == VALUE_PRODUCT) {
		e->size = SITE_AFFINE;
		e->scale = scale < 0 ? -scale : scale;
	} else if (v->kind == VALUE_ARG || v->kind == VALUE_SYMBOL) {
		/* behind a header: that is no text, then */
		e->size = v->flags & VALUE_TEXT && s == 1 && a < HEADER ? SITE_TEXT : SITE_AFFINE;
		e->scale = s < 0 ? -s : s;
	}
}

void builder_size(struct site_entry *e, const struct site_allocator *is,
                  const struct flow_call *call)
{
	const struct value *a = &call->arg[is->arg % FLOW_ARGS];
	const struct value *b = &call->arg[is->other % FLOW_ARGS];

	e->size = SITE_ANY;
	e->string = is->string;
	e->holds = is->string ? HOLDS_STRING : HOLDS_ANY;
	if (is->string == STRING_ASKED) /* _M_create(capacity, the one before) */
		e->string = call->arg[2].kind == VALUE_CONST && !call->arg[2].add ? STRING_EXACT
		                                                                  : STRING_GROWN;
	/* where its address goes may have been read before the call was */
	e->flags = (uint8_t)((e->flags & (SITE_RETURNED | SITE_INNER | SITE_BYTES)) |
	                     (is->zeroed ? SITE_ZEROED : 0) | (is->loose ? SITE_LOOSE : 0) |
	                     (is->out == ALLOCATOR_INSIDE ? SITE_INSIDE : 0));
	if (is->size == ALLOCATOR_BYTES) {
		set_size(e, a, is->scale, is->add);
	} else if (is->size == ALLOCATOR_PRODUCT) {
		if (a->kind == VALUE_CONST)
			set_size(e, b, a->add, 0);
		else if (b->kind == VALUE_CONST)
			set_size(e, a, b->add, 0);
	} else if (is->size == ALLOCATOR_TEXT) {
		e->size = SITE_TEXT;
	} else if (is->size == ALLOCATOR_FIXED) {
		e->size = SITE_FIXED;
		e->add = is->add;
	}
}

/* How the function's callers get the block: as its result, or through one of its arguments. */
static uint8_t handed_out(const struct site_allocator *is, const struct flow_call *call)
{
	const struct value *to = is->out < FLOW_ARGS ? &call->arg[is->out] : NULL;

	return to && value_plain_arg(to) && !to->add ? (uint8_t)to->id : ALLOCATOR_RESULT;
}

/* Is the text that the block gets what this function was given? asprintf's is made of a format. */
static bool text_of_caller(const struct site_allocator *is, const struct flow_call *call)
{
	if (is->out == ALLOCATOR_RESULT)
		return call->arg[0].kind == VALUE_ARG;
	return is->out == 0 && call->arg[1].kind == VALUE_ARG;
}

void builder_wrapper(const struct site_allocator *is, const struct flow_call *call,
                     struct site_allocator *wrapper)
{
	const struct value *a = &call->arg[is->arg % FLOW_ARGS];
	const struct value *b = &call->arg[is->other % FLOW_ARGS];

	*wrapper = *is;
	wrapper->out = handed_out(is, call);
	wrapper->size = ALLOCATOR_NONE;
	if (is->size == ALLOCATOR_BYTES && a->kind == VALUE_PRODUCT && is->scale == 1 && !a->add &&
	    !is->add) {
		wrapper->size = ALLOCATOR_PRODUCT;
		wrapper->arg = (uint8_t)a->id;
		wrapper->other = (uint8_t)a->scale;
	} else if (is->size == ALLOCATOR_BYTES && a->kind == VALUE_ARG && a->scale > 0 &&
	           a->scale <= 4096 && a->add >= 0 && a->add <= 256) {
		wrapper->size = ALLOCATOR_BYTES;
		wrapper->arg = (uint8_t)a->id;
		wrapper->scale = (int32_t)a->scale * is->scale;
		wrapper->add = (int32_t)a->add * is->scale + is->add;
		wrapper->loose = is->loose || (a->flags & VALUE_LOOSE) != 0;
	} else if (is->size == ALLOCATOR_PRODUCT && value_plain_arg(a) && value_plain_arg(b) &&
	           !a->add && !b->add) {
		wrapper->size = ALLOCATOR_PRODUCT;
		wrapper->arg = (uint8_t)a->id;
		wrapper->other = (uint8_t)b->id;
	} else if (is->size == ALLOCATOR_PRODUCT &&
	           ((value_plain_arg(a) && b->kind == VALUE_CONST) ||
	            (value_plain_arg(b) && a->kind == VALUE_CONST))) {
		const struct value *n = a->kind == VALUE_CONST ? b : a;
		int64_t each = a->kind == VALUE_CONST ? a->add : b->add;

		if (n->add || each < 1 || each > 4096)
			return;
		wrapper->size = ALLOCATOR_BYTES;
		wrapper->arg = (uint8_t)n->id;
		wrapper->scale = (int32_t)each;
		wrapper->add = 0;
	} else if (is->size == ALLOCATOR_TEXT && text_of_caller(is, call)) {
		wrapper->size = ALLOCATOR_TEXT;
	}
}

void builder_asked(struct builder *b, uint32_t site, const struct flow_call *call)
{
	const struct site_entry *e = &b->sites.v[site];
	struct pending_asked p = { b->reader, b->round, { .site = site } };
	struct site_entry told = { 0 };

	if (!e->asks || e->asks > FLOW_ARGS || e->size != SITE_AFFINE ||
	    b->asked.n >= b->limits->stores)
		return;
	set_size(&told, &call->arg[e->asks - 1], e->scale, e->add);
	p.is.size = told.size;
	p.is.scale = told.scale;
	p.is.add = told.add;
	array_push(&b->asked, p);
}
