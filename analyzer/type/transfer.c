/*
 * Blocks that no typed pointer leads to, as leaked ones, may still be like blocks that one leads
 * to. Of each type that typed pointers tell (not what is in the block, which the block would have,
 * too; nor a container, whose nodes are alike whatever they hold) and of each size a profile is
 * made: what each word may be, which constant it has, blocks of which sizes it points to. A block
 * gets the type of a profile where every word agrees, enough of them are telling, and no other
 * profile of its size agrees.
 */
#include "analyzer/analysis.h"
#include "analyzer/type/propagate.h"
#include "analyzer/type/shape.h"
#include "analyzer/type/typing.h"

#define WORDS        SHAPE_WORDS
#define SIZES        6     /* different sizes that a word may point to */
#define SAMPLES      2048  /* blocks that make a profile, at most */
#define BUDGET       20000 /* typed blocks that are looked at for others' sake */
#define LEAST        16    /* at least */
#define PROFILES     4096  /* at most */
#define ENOUGH       10    /* of what telling words count, in halves: see score */
#define OVERFLOW     UINT8_MAX
#define SIZE_CLASSES 65536

struct aspect {       /* of one word of one block */
	uint8_t kind; /* enum shape_word */
	uint64_t value;
	uint64_t points; /* SHAPE_PTR: size of what it points to, and how far into it */
};

struct trait {         /* of one word of a profile */
	uint8_t kinds; /* bit by enum shape_word */
	uint8_t npoints;
	bool varies;
	uint64_t value; /* unless it varies */
	uint64_t lowest, highest;
	uint64_t points[SIZES];
};

struct profile {
	uint32_t label;
	uint64_t size;
	uint64_t n; /* blocks */
	bool told_from_outside;
	struct trait trait[WORDS];
};

struct transfer {
	struct typing *t;
	const struct types *known;
	ARRAY(struct profile) profile;
	uint64_t sizes[SIZE_CLASSES / 64]; /* bit by size / 8: of blocks whose type is wanted */
	uint32_t to[PROFILES]; /* label of the same type, told by peers; 0: not yet made */
};

static unsigned words_of(const struct block *b, unsigned word)
{
	uint64_t n = b->size / word;

	n -= n > 1; /* the last may be what is left over */
	return n < WORDS ? (unsigned)n : WORDS;
}

static void describe(const struct transfer *x, const struct block *b, struct aspect *v)
{
	const struct core *core = x->t->core;
	unsigned word = core->machine->word;
	struct shape shape;

	shape_make(core, x->t->heap, b, &shape);
	for (unsigned i = 0; i < words_of(b, word); i++) {
		struct block to;

		v[i] = (struct aspect){ .kind = shape.word[i] };
		core_read_word(core, b->addr + i * word, &v[i].value);
		if (v[i].kind == SHAPE_PTR &&
		    heap_find(x->t->heap, core_pointer(core, v[i].value), &to))
			v[i].points = to.size << 16 | ((v[i].value - to.addr) & 0xffff);
	}
}

/* ---- profiles ---- */

static struct profile *profile_of(struct transfer *x, uint32_t label, const struct block *b)
{
	const struct type *type = types_by_label(x->known, label);
	struct profile new = { .label = label, .size = b->size };

	for (size_t i = 0; i < x->profile.n; i++)
		if (x->profile.v[i].label == label && x->profile.v[i].size == b->size)
			return &x->profile.v[i];
	if (x->profile.n >= PROFILES || !strcmp(type->method, "members"))
		return NULL;
	new.told_from_outside = !strcmp(type->method, "dwarf");
	array_push(&x->profile, new);
	return &x->profile.v[x->profile.n - 1];
}

static void learn_points(struct trait *t, uint64_t points)
{
	if (t->npoints == OVERFLOW)
		return;
	for (unsigned i = 0; i < t->npoints; i++)
		if (t->points[i] == points)
			return;
	if (t->npoints == SIZES)
		t->npoints = OVERFLOW;
	else
		t->points[t->npoints++] = points;
}

static void learn(struct profile *p, const struct aspect *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct trait *t = &p->trait[i];

		if (!p->n)
			t->value = t->lowest = t->highest = v[i].value;
		t->kinds |= (uint8_t)(1u << v[i].kind);
		t->varies |= v[i].value != t->value;
		t->lowest = v[i].value < t->lowest ? v[i].value : t->lowest;
		t->highest = v[i].value > t->highest ? v[i].value : t->highest;
		if (v[i].kind == SHAPE_PTR)
			learn_points(t, v[i].points);
	}
	p->n++;
}

/* ---- matching ---- */

static bool agrees(const struct trait *t, const struct aspect *a)
{
	bool found = t->npoints == OVERFLOW;

	if (!(t->kinds >> a->kind & 1))
		return false;
	if ((a->kind == SHAPE_CODE || a->kind == SHAPE_DATA) && !t->varies && a->value != t->value)
		return false;
	for (unsigned i = 0; i < t->npoints && !found; i++)
		found = t->points[i] == a->points;
	return a->kind != SHAPE_PTR || found;
}

/* How telling it is that a word agrees, in halves of a point. */
static unsigned score(const struct trait *t, const struct aspect *a)
{
	switch (a->kind) {
	case SHAPE_CODE:
	case SHAPE_DATA:
		return t->varies ? 4 : 6;
	case SHAPE_PTR:
		return t->npoints == OVERFLOW ? 2 : 4;
	case SHAPE_TEXT_WORD:
		return 2;
	case SHAPE_LONG: /* a small number, such as all have there: a flag, a length, an enum */
		return t->highest < 1u << 16 && a->value >= t->lowest && a->value <= t->highest;
	default:
		return 0;
	}
}

/* Is there enough in the block that could be telling, whatever a profile has there? */
static bool may_match(const struct transfer *x, const struct block *b)
{
	static const uint8_t most[SHAPE_NONE + 1] = {
		[SHAPE_CODE] = 6,      [SHAPE_DATA] = 6, [SHAPE_PTR] = 4,
		[SHAPE_TEXT_WORD] = 2, [SHAPE_LONG] = 1,
	};
	unsigned points = 0;
	struct shape shape;

	shape_make(x->t->core, x->t->heap, b, &shape);
	for (unsigned i = 0; i < shape.n; i++)
		points += most[shape.word[i]];
	return points >= ENOUGH;
}

static bool matches(const struct profile *p, const struct aspect *v, unsigned n, unsigned *points)
{
	*points = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!agrees(&p->trait[i], &v[i]))
			return false;
		*points += score(&p->trait[i], &v[i]);
	}
	return true;
}

static bool is_model(const struct profile *p)
{
	return p->n >= LEAST && p->told_from_outside;
}

static void put(struct transfer *x, const struct block *b, size_t profile)
{
	const struct type *type = types_by_label(x->known, x->profile.v[profile].label);
	struct type peer = { type->name, "peers", 0.92 };

	if (!x->to[profile])
		x->to[profile] = types_intern(x->t->types, &peer);
	types_put(x->t->types, b->id, x->to[profile]);
}

static void match(struct transfer *x, const struct block *b)
{
	unsigned n = words_of(b, x->t->core->machine->word), points, best = 0;
	struct aspect v[WORDS];
	size_t found = SIZE_MAX;

	describe(x, b, v);
	for (size_t i = 0; i < x->profile.n; i++) {
		const struct profile *p = &x->profile.v[i];

		if (p->size != b->size || !matches(p, v, n, &points))
			continue;
		if (found != SIZE_MAX) /* it may be either */
			return;
		found = i;
		best = points;
	}
	if (found != SIZE_MAX && best >= ENOUGH && is_model(&x->profile.v[found]))
		put(x, b, found);
}

/* ---- passes ---- */

static bool is_wanted_size(const struct transfer *x, uint64_t size)
{
	return size / 8 < SIZE_CLASSES && (x->sizes[size / 8 / 64] >> (size / 8 & 63) & 1);
}

static void want_size(struct transfer *x, uint64_t size)
{
	x->sizes[size / 8 / 64] |= UINT64_C(1) << (size / 8 & 63);
}

/* Sizes of blocks whose type is wanted, not known, and could be told here. False: there are none.
 */
static bool find_sizes(struct transfer *x)
{
	struct heap_iter it = { .look = true };
	struct block b;
	bool any = false;

	while (heap_next_set(x->t->heap, types_wanted(x->t->types), &it, &b)) {
		if (b.size / 8 >= SIZE_CLASSES || is_wanted_size(x, b.size) ||
		    types_label(x->t->types, b.id) || !may_match(x, &b))
			continue;
		want_size(x, b.size);
		any = true;
	}
	return any;
}

/* From now on only sizes of which there is a profile to go by. False: there are none. */
static bool keep_sizes(struct transfer *x)
{
	bool any = false;

	memset(x->sizes, 0, sizeof(x->sizes));
	for (size_t i = 0; i < x->profile.n; i++) {
		if (!is_model(&x->profile.v[i]))
			continue;
		want_size(x, x->profile.v[i].size);
		any = true;
	}
	return any;
}

static void learn_all(struct transfer *x)
{
	struct heap_iter it = { .look = true };
	struct aspect v[WORDS];
	struct profile *p = NULL;
	struct block b;

	while (heap_next_set(x->t->heap, types_told(x->known), &it, &b)) {
		uint32_t label = types_label(x->known, b.id);

		if (!label || !is_wanted_size(x, b.size))
			continue;
		if (!p || p->label != label || p->size != b.size)
			p = profile_of(x, label, &b);
		if (!p || p->n >= SAMPLES)
			continue;
		describe(x, &b, v);
		learn(p, v, words_of(&b, x->t->core->machine->word));
	}
}

/*
 * What is known of blocks that nobody asked about: as much as a bounded look from the variables
 * tells, which costs the same for a heap of any size. The wanted ones are held against the
 * program's types then, which is to say the same of them as where all are wanted.
 */
static struct types *know_some(struct typing *t)
{
	struct typing some = *t;

	some.types = types_make(t->heap, t->heap->used);
	some.budget = BUDGET;
	some.lost = types_wanted(t->types);
	typing_dwarf(&some);
	return some.types;
}

/* What is known of wanted blocks themselves. Those that are lost no typed pointer leads to. */
static void take_members(struct typing *t, const struct types *some)
{
	struct heap_iter it = { .look = true };
	struct block b;

	while (heap_next_set(t->heap, types_wanted(t->types), &it, &b)) {
		const struct type *type = types_of(some, b.id);

		if (type && (t->sample || !strcmp(type->method, "members")) &&
		    !types_label(t->types, b.id))
			types_propose(t->types, b.id, type);
	}
}

/* Are there blocks enough whose type may be taken for others? Where all were looked at, that is
 * known. */
static bool may_have_models(const struct typing *t)
{
	struct heap_iter it = { 0 };
	struct block b;
	unsigned n = 0;

	while (t->all && n < LEAST && heap_next_set(t->heap, types_told(t->types), &it, &b))
		n += !strcmp(types_of(t->types, b.id)->method, "dwarf");
	return !t->all || n >= LEAST;
}

void typing_transfer(struct typing *t)
{
	struct transfer *x = mem_alloc(1, sizeof(*x));
	struct heap_iter it = { .look = true };
	struct block b;
	bool any;

	x->t = t;
	if (may_have_models(t) && find_sizes(x)) {
		struct types *some = t->all ? NULL : know_some(t);

		if (some)
			take_members(t, some);
		x->known = some ? some : t->types;
		learn_all(x);
		any = keep_sizes(x);
		while (any && heap_next_set(t->heap, types_wanted(t->types), &it, &b))
			if (is_wanted_size(x, b.size) && !types_label(t->types, b.id))
				match(x, &b);
		types_free(some);
	}
	array_free(&x->profile);
	mem_free(x);
}
