/*
 * A pointer says that a T begins where it points. Into room that was asked for with 41 to 56 bytes
 * a T of 48 bytes fits, an array of T of 14 too (4 elements), a T of 24 does not: it is the first
 * part of something bigger. (A block may have 16 bytes more than it needs where a rest too small to
 * be a chunk was left: such ones stay unknown.)
 */
#include "analyzer/type/propagate_in.h"

#include "formats/demangle.h"

enum {
	ELEMENTS = 16, /* of an array that are looked at */
	PARTS = 256,   /* slots of a type */
	OUTWEIGH = 8,  /* pointers that agree, for each that does not */
	REFUTED = 64,  /* pointers to what cannot be of their type */
};

enum fit room_fits(struct propagation *p, const struct room *r, uint32_t type)
{
	const struct ctype *t = ctype_get(p->graph, type);
	const struct layout *l = slots_of(p->slots, type);
	uint64_t least = r->least;

	if (!t->size || l->size > r->size)
		return FIT_NONE;
	if (l->flexible)
		return FIT_FLEXIBLE;
	if (t->kind != CTYPE_RECORD && t->kind != CTYPE_UNION)
		return FIT_SCALARS;
	if (t->size >= least)
		return FIT_ONE;
	if (r->size / t->size >= 2 && r->size / t->size * t->size >= least)
		return FIT_ARRAY;
	return least - t->size <= 2 * p->word ? FIT_LOOSE : FIT_PREFIX;
}

struct outcome *outcome_of(struct propagation *p, uint32_t type)
{
	while (p->outcome.n <= type)
		array_push(&p->outcome, (struct outcome){ 0 });
	return &p->outcome.v[type];
}

/* ---- what is in the block ---- */

/*
 * A pointer may be NULL; else it leads to memory that may hold what it points to: not code, unless
 * functions are pointed to (which are no slots), nor a block that is too small. Into the middle of
 * one, it may be the end of an array.
 */
static bool plausible_pointer(struct propagation *p, uint64_t value, uint32_t type, unsigned *good)
{
	const struct ctype *t = ctype_get(p->graph, type);
	vaddr at = core_pointer(p->t->core, value);
	const struct segment *s;
	struct block b;

	if (!value)
		return true;
	if (t->kind == CTYPE_RECORD && slots_of(p->slots, type)->n && at % p->word)
		return false;
	if (at >= p->lowest && at < p->highest && heap_find(p->t->heap, at, &b)) {
		*good += b.state == BLOCK_USED;
		return at != b.addr || slots_of(p->slots, type)->size <= b.size;
	}
	s = core_segment(p->t->core, at);
	*good += s && (s->flags & SEG_W);
	return s && (!(s->flags & SEG_X) || t->kind != CTYPE_RECORD);
}

/* How many pointers cannot be what their types say: at most so many and one more are counted. */
static unsigned count_against(struct propagation *p, vaddr at, uint32_t type, unsigned most,
                              unsigned *good)
{
	const struct layout *l = slots_of(p->slots, type);
	unsigned against = 0;

	for (size_t i = 0; i < l->n && i < PARTS && against <= most; i++) {
		const struct slot *s = &l->v[i];
		const uint8_t *byte;
		uint64_t value;

		if (s->truth) {
			byte = view_at(&p->view, at + s->offset, 1);
			against += byte && *byte > 1;
		} else if (!s->count) {
			bool there = view_read_word(&p->view, at + s->offset, &value, p->word);

			against += !there || (!(s->empty && value <= SLOT_EMPTY) &&
			                      !plausible_pointer(p, value, s->type, good));
		}
	}
	return against;
}

bool plausible(struct propagation *p, vaddr at, uint32_t type, unsigned *good)
{
	return !count_against(p, at, type, 0, good);
}

/* A struct of many pointers may have one that the program casts to another type's. */
static bool plausible_whole(struct propagation *p, vaddr at, uint32_t type, unsigned *good)
{
	unsigned mine = 0, against = count_against(p, at, type, PARTS, &mine);

	*good += mine;
	return against * OUTWEIGH <= mine;
}

/*
 * The first elements; what lies behind them may never have been written. *good: pointers behind the
 * first element that lead somewhere, which what is no array would not have there. Structs that
 * break off are none of that: something bigger may begin with such a one, and go on with pointers.
 */
static bool plausible_array(struct propagation *p, const struct room *r, uint32_t type,
                            unsigned *good)
{
	const struct ctype *t = ctype_get(p->graph, type);
	uint64_t size = t->size, n = r->size / size;
	unsigned first = 0;

	if (!plausible(p, r->at, type, &first))
		return false;
	for (uint64_t i = 1; i < n && i < ELEMENTS; i++) {
		unsigned some = 0;

		if (!plausible(p, r->at + i * size, type, &some)) {
			bool any = *good > 0;

			if (t->kind == CTYPE_RECORD || t->kind == CTYPE_UNION)
				*good = 0;
			return any;
		}
		*good += some;
	}
	return true;
}

/* ---- the vtable says more than a pointer's type ---- */

static uint32_t class_of(struct propagation *p, const struct rtti_class *class)
{
	static const char prefix[] = "typeinfo for ";
	struct pool pool = { 0 };
	const char *name;
	uint32_t type = CTYPE_NONE;

	if (class->mangled)
		name = demangle(&pool, pool_printf(&pool, "_ZTI%s", class->mangled));
	else
		name = NULL;
	if (name && !strncmp(name, prefix, sizeof(prefix) - 1))
		type = ctype_named(p->graph, name + sizeof(prefix) - 1);
	else if (class->named)
		type = ctype_named(p->graph, class->name);
	pool_free(&pool);
	return type;
}

uint32_t class_at(struct propagation *p, vaddr at)
{
	const struct rtti_class *class;
	uint64_t word;
	uint32_t type;

	if (!view_read_word(&p->view, at, &word, p->word) || !word ||
	    !(class = rtti_find(p->t->rtti, word)) || class->top)
		return CTYPE_NONE;
	type = idmap_get(&p->classes, (uint64_t)(uintptr_t) class);
	if (type == IDMAP_NONE) {
		type = class_of(p, class);
		/* CTYPE_NONE is no value: what is not in the graph stands for itself */
		idmap_put(&p->classes, (uint64_t)(uintptr_t) class,
		          type == CTYPE_NONE ? CTYPE_NONE - 1 : type);
	}
	return type == CTYPE_NONE - 1 ? CTYPE_NONE : type;
}

/* ---- proposals ---- */

static void enter(struct propagation *p, const struct room *r, uint32_t type, enum fit fit,
                  uint32_t bits)
{
	uint64_t size = ctype_get(p->graph, type)->size;
	const struct layout *l = slots_of(p->slots, type);

	p->of[r->id] = type << OF_SHIFT | r->head * OF_HEAD_ONE | bits | (uint32_t)fit;
	bit_set(p->known, r->id);
	push_region(p, r->at, type, fit == FIT_ARRAY || fit == FIT_SCALARS ? r->size / size : 1,
	            bits & (OF_LOCAL | OF_GUESS));
	if (fit == FIT_FLEXIBLE && slots_telling(p->graph, l->tail) && r->size > l->size)
		push_region(p, r->at + l->size, l->tail, (r->size - l->size) / l->flexible,
		            bits & (OF_LOCAL | OF_GUESS));
}

/* Is only the beginning of the block known? */
bool open_end(uint32_t of)
{
	return fit_in(of) <= FIT_LOOSE || (fit_in(of) == FIT_ARRAY && of & OF_DOUBT);
}

/* A block was said to be two things. */
static void settle(struct propagation *p, const struct room *r, uint32_t type, enum fit fit,
                   uint32_t bits)
{
	uint32_t old = p->of[r->id];

	if (type_in(old) == type) {
		p->of[r->id] &= ~(~bits & (OF_LOCAL | OF_GUESS));
		return;
	}
	if (old & OF_GUESS && !(bits & OF_GUESS) && fit > FIT_SCALARS) {
		enter(p, r, type, fit, bits);
		return;
	}
	if (slots_within(p->graph, type_in(old), 0, type) || fit <= FIT_LOOSE ||
	    ((bits & OF_LOCAL) && !(old & OF_LOCAL)) || ((bits & OF_GUESS) && !(old & OF_GUESS)))
		return;
	if (open_end(old) || slots_within(p->graph, type, 0, type_in(old)) ||
	    (fit_in(old) == FIT_SCALARS && fit > FIT_SCALARS))
		enter(p, r, type, fit, bits);
	else if (fit > FIT_SCALARS)
		p->of[r->id] |= OF_CONFLICT;
}

/*
 * An array without a pointer behind its first element may as well be a header with something else
 * behind it. By chance that fits one size in size / step: many different sizes are no chance.
 */
static void count_doubtful(struct propagation *p, struct outcome *o, const struct room *r,
                           uint64_t size)
{
	uint64_t step = 2 * p->word;

	if (!(o->chance > 0))
		o->chance = 1;
	for (size_t i = 0; i < sizeof(o->seen) / sizeof(*o->seen); i++)
		if (o->seen[i] == r->size)
			return;
	o->seen[o->nseen++ % (sizeof(o->seen) / sizeof(*o->seen))] = r->size;
	if (size > step)
		o->chance *= (float)step / (float)size;
}

static void count(struct propagation *p, const struct room *r, uint32_t type, enum fit fit,
                  bool doubt)
{
	struct outcome *o = outcome_of(p, type);

	if (doubt)
		count_doubtful(p, o, r, ctype_get(p->graph, type)->size);
	o->doubt += doubt;
	o->fits += fit > FIT_LOOSE && !doubt;
	o->loose += fit == FIT_LOOSE;
	o->prefix += fit == FIT_PREFIX;
	o->none += fit == FIT_NONE;
}

bool is_refuted(const struct propagation *p, uint32_t type)
{
	const struct outcome *o = type < p->outcome.n ? &p->outcome.v[type] : NULL;

	return o && o->none >= REFUTED && o->none / 2 > (uint64_t)o->fits + o->loose + o->doubt;
}

bool propose(struct propagation *p, const struct room *r, uint32_t type, uint32_t bits)
{
	unsigned good = 0;
	enum fit fit;

	if (bits & OF_GUESS && is_refuted(p, type))
		return false;
	if (ctype_get(p->graph, type)->polymorphic) {
		type = class_at(p, r->at);
		if (type == CTYPE_NONE)
			return false;
	}
	if (p->of[r->id] && type_in(p->of[r->id]) == type) {
		settle(p, r, type, fit_in(p->of[r->id]), bits);
		return true;
	}
	fit = room_fits(p, r, type);
	if (fit == FIT_ARRAY || fit == FIT_SCALARS ? !plausible_array(p, r, type, &good)
	    : fit == FIT_ONE                       ? !plausible_whole(p, r->at, type, &good)
	                     : fit != FIT_NONE && !plausible(p, r->at, type, &good))
		fit = FIT_NONE;
	if ((fit == FIT_ARRAY || fit == FIT_SCALARS) && !good)
		bits |= OF_DOUBT;
	count(p, r, type, fit, bits & OF_DOUBT);
	if (fit == FIT_NONE)
		return false;
	if (p->of[r->id])
		settle(p, r, type, fit, bits);
	else
		enter(p, r, type, fit, bits);
	return true;
}

void propose_inferred(struct propagation *p, const struct room *r, uint32_t type)
{
	enum fit fit = room_fits(p, r, type);
	unsigned good = 0;

	if ((fit == FIT_ONE || fit == FIT_FLEXIBLE) && plausible(p, r->at, type, &good))
		enter(p, r, type, fit, OF_EMBED);
}

void propose_guess(struct propagation *p, const struct room *r, uint32_t type)
{
	enter(p, r, type, FIT_ONE, OF_GUESS | OF_EMBED);
}
