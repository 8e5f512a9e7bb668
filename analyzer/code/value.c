#include "analyzer/code/value.h"

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
	r.flags = (u->flags | v->flags) & (VALUE_TEXT | VALUE_LOOSE | VALUE_INDEX);
	return r;
}

struct value value_add(struct value u, struct value v, uint32_t id)
{
	if (u.kind == VALUE_CONST && v.kind != VALUE_CONST)
		return value_add(v, u, id);
	if (v.kind == VALUE_CONST && u.kind == VALUE_INSIDE)
		return u;
	if (v.kind == VALUE_CONST && u.kind != VALUE_NONE) {
		u.add = plus(u.add, v.add);
		return u;
	}
	if (value_block(&u) && value_block(&v))
		return value_symbol(id);
	if (value_block(&u) || value_block(&v))
		return (struct value){ .kind = VALUE_INSIDE,
			               .id = value_block(&u) ? u.id : v.id,
			               .scale = value_block(&u) ? u.scale : v.scale };
	if (!affine(&u) || !affine(&v))
		return value_symbol(id);
	if (u.kind == v.kind && u.id == v.id) {
		u.scale = plus(u.scale, v.scale);
		u.add = plus(u.add, v.add);
		return u.scale ? u : value_const(u.add);
	}
	u = mix(&u, &v, plus(u.add, v.add), id);
	u.flags |= VALUE_INDEX;
	return u;
}

struct value value_sub(struct value u, struct value v, uint32_t id)
{
	if (v.kind == VALUE_CONST) {
		v.add = times(v.add, -1);
		return value_add(u, v, id);
	}
	if (u.kind == v.kind && u.id == v.id && u.scale == v.scale && u.kind != VALUE_NONE)
		return value_const(plus(u.add, times(v.add, -1)));
	if (affine(&u) && affine(&v) && u.kind == v.kind && u.id == v.id) { /* 8 * n - n */
		u.scale = plus(u.scale, times(v.scale, -1));
		u.add = plus(u.add, times(v.add, -1));
		return u;
	}
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

struct value value_either(struct value u, struct value v)
{
	struct value r = u.id <= v.id ? u : v, s = u.id <= v.id ? v : u;

	if (r.id != s.id && (!r.scale || r.scale > (int64_t)s.id + 1))
		r.scale = (int64_t)s.id + 1;
	else if (r.id == s.id && s.scale && (!r.scale || r.scale > s.scale))
		r.scale = s.scale;
	return r;
}

/* The size that no allocator can give, where a product is too large. */
static bool is_guard(const struct value *v)
{
	return v->kind == VALUE_CONST && v->add == -1;
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
		return value_either(u, v);
	if (u.kind == VALUE_BLOCK)
		return u;
	if (v.kind == VALUE_BLOCK)
		return v;
	if (u.kind == VALUE_INSIDE && v.kind == VALUE_INSIDE)
		return value_either(u, v);
	if (u.kind == VALUE_INSIDE || v.kind == VALUE_INSIDE)
		return u.kind == VALUE_INSIDE ? u : v;
	if (u.kind == VALUE_ARG && v.kind == VALUE_CONST)
		return u;
	if (v.kind == VALUE_ARG && u.kind == VALUE_CONST)
		return v;
	if ((affine(&u) && is_guard(&v)) || (u.kind == VALUE_PRODUCT && v.kind == VALUE_CONST))
		return u;
	if ((affine(&v) && is_guard(&u)) || (v.kind == VALUE_PRODUCT && u.kind == VALUE_CONST))
		return v;
	if (affine(&u) && affine(&v)) {
		int64_t add = u.add == v.add ? u.add : 0;
		uint8_t flags = u.add == v.add ? 0 : VALUE_INDEX;

		u = mix(&u, &v, add, id);
		u.flags |= flags;
		return u;
	}
	return value_symbol(id);
}
