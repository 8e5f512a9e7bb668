/*
 * value: what is known of a register or a stack slot while machine code is read: a constant,
 * an address, an argument, a fresh block, or some number of which only the origin is known. Numbers
 * are affine: scale * origin + add. It knows no instruction and no allocator.
 */
#ifndef ANALYZER_CODE_VALUE_H
#define ANALYZER_CODE_VALUE_H

#include "formats/base.h"

enum value_kind {
	VALUE_NONE,    /* not even an origin */
	VALUE_CONST,   /* add */
	VALUE_ADDR,    /* add: an address in the module, the file's own */
	VALUE_LOADED,  /* what the loader wrote at address `scale`, plus add */
	VALUE_ARG,     /* scale * argument id + add */
	VALUE_SYMBOL,  /* scale * something + add; id tells one origin from another */
	VALUE_PRODUCT, /* argument id times argument scale, as they came, plus add */
	VALUE_BLOCK,   /* the block of site id, or (scale not 0) of site scale - 1, plus add */
	VALUE_STACK,   /* the stack pointer at entry, plus add */
	VALUE_INSIDE,  /* the same, plus it is not known what */
};

enum {
	VALUE_TEXT = 1,   /* VALUE_SYMBOL: it came from the length of a string */
	VALUE_LATE = 2,   /* VALUE_BLOCK: the block came back from a function that allocated it */
	VALUE_LOOSE = 4,  /* it was rounded: true to within 16 */
	VALUE_INDEX = 16, /* an address, plus a number that is not known */
	VALUE_WIDE = 8,   /* part of what was moved from memory in a piece wider than any number */
};

struct value {
	uint8_t kind, flags;
	uint32_t id;
	int64_t scale, add;
};

static inline struct value value_const(int64_t n)
{
	return (struct value){ .kind = VALUE_CONST, .add = n };
}
static inline struct value value_symbol(uint32_t id)
{
	return (struct value){ .kind = VALUE_SYMBOL, .id = id, .scale = 1 };
}

static inline bool value_is(const struct value *v, enum value_kind kind)
{
	return v->kind == kind;
}
static inline bool value_same(const struct value *a, const struct value *b)
{
	return a->kind == b->kind && a->id == b->id && a->scale == b->scale && a->add == b->add;
}
static inline bool value_block(const struct value *v)
{
	return v->kind == VALUE_BLOCK || v->kind == VALUE_INSIDE;
}
/* Of a block: is it, or may it be, that of this site? */
static inline bool value_block_of(const struct value *v, uint32_t site)
{
	return value_block(v) && (v->id == site || v->scale == (int64_t)site + 1);
}
/* The two sites of a block; equal where there is one. */
static inline uint32_t value_site(const struct value *v, unsigned i)
{
	return i && v->scale ? (uint32_t)(v->scale - 1) : v->id;
}

/* An argument as it came, plus add. */
static inline bool value_plain_arg(const struct value *v)
{
	return v->kind == VALUE_ARG && v->scale == 1;
}

/* A block of the sites of both, or of the first two of more; add as the first has it. */
struct value value_either(struct value u, struct value v);

/* u + v and u - v; id names what comes of two different origins. */
struct value value_add(struct value u, struct value v, uint32_t id);
struct value value_sub(struct value u, struct value v, uint32_t id);
struct value value_times(struct value u, int64_t k, uint32_t id);

/* What holds where two ways meet, one of which says u, the other v. */
struct value value_join(struct value u, struct value v, uint32_t id);

#endif
