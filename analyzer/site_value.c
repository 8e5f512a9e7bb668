#include "analyzer/site_value.h"

/* Wrapping, as the processor does. */
static int64_t plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t times(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a * (uint64_t)b);
}

static uint64_t magnitude(int64_t n)
{
	return n < 0 ? -(uint64_t)n : (uint64_t)n;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
	uint64_t x = magnitude(a), y = magnitude(b);

	while (y) {
		uint64_t rest = x % y;

		x = y;
		y = rest;
	}
	return x && x <= INT64_MAX ? (int64_t)x : 1;
}

static bool affine(const struct value *v)
{
	return v->kind == VALUE_ARG || v->kind == VALUE_SYMBOL;
}

/* Numbers that have origins of their own: what stays is a stride. */
static struct value mix(const struct value *u, const struct value *v, int64_t add, uint32_t id)
{
	struct value r = value_symbol(id);

	r.scale = common_divisor(u->scale, v->scale);
	r.add = add;
	r.flags = (u->flags | v->flags) & (VALUE_TEXT | VALUE_LOOSE);
	return r;
}

struct value value_add(struct value u, struct value v, uint32_t id)
{
	if (u.kind == VALUE_CONST && v.kind != VALUE_CONST)
		return value_add(v, u, id);
	if (v.kind == VALUE_CONST && u.kind != VALUE_NONE) {
		u.add = plus(u.add, v.add);
		return u;
	}
	if (!affine(&u) || !affine(&v))
		return value_symbol(id);
	if (u.kind == v.kind && u.id == v.id) {
		u.scale = plus(u.scale, v.scale);
		u.add = plus(u.add, v.add);
		return u.scale ? u : value_const(u.add);
	}
	return mix(&u, &v, plus(u.add, v.add), id);
}

struct value value_sub(struct value u, struct value v, uint32_t id)
{
	if (v.kind == VALUE_CONST) {
		v.add = times(v.add, -1);
		return value_add(u, v, id);
	}
	if (u.kind == v.kind && u.id == v.id && u.scale == v.scale && u.kind != VALUE_NONE)
		return value_const(plus(u.add, times(v.add, -1)));
	return value_symbol(id);
}

struct value value_times(struct value u, int64_t k, uint32_t id)
{
	if (!k)
		return value_const(0);
	if (u.kind != VALUE_CONST && !affine(&u)) {
		u = value_symbol(id);
		u.scale = k;
		return u;
	}
	u.scale = times(u.scale, k);
	u.add = times(u.add, k);
	return u;
}

/*
 * An argument or block wins over the constant that guards it (a least size, a NULL), a block over
 * what was there before.
 */
struct value value_join(struct value u, struct value v, uint32_t id)
{
	if (value_same(&u, &v)) {
		u.flags |= v.flags;
		return u;
	}
	if (u.kind == VALUE_BLOCK && v.kind == VALUE_BLOCK)
		return u.id < v.id ? u : v;
	if (u.kind == VALUE_BLOCK)
		return u;
	if (v.kind == VALUE_BLOCK)
		return v;
	if (u.kind == VALUE_ARG && v.kind == VALUE_CONST)
		return u;
	if (v.kind == VALUE_ARG && u.kind == VALUE_CONST)
		return v;
	if (affine(&u) && affine(&v))
		return mix(&u, &v, u.add == v.add ? u.add : 0, id);
	return value_symbol(id);
}
