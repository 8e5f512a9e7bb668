/*
 * Blocks that no typed pointer leads to (what void pointers hold, what is lost) are held against
 * all types of the program that have their size. A type agrees where each pointer of it is NULL or
 * leads to what may be of its type, and no number of it is the address of a block. It is believed
 * where pointers enough are telling, no other type agrees nearly as well, and the same holds for
 * other blocks, too.
 */
#include "analyzer/type/propagate_in.h"

#include "analyzer/type/mold.h"

enum {
	CANDIDATES = 512, /* types of one size */
	TRIES = 256,      /* blocks of one size, before it is given up */
	BLOCKS = 1 << 20, /* that are looked at */
	ENOUGH = 7,       /* points */
	SAID = 3,         /* points of a type that pointers say */
	TELLING = 2,      /* pointers at least that lead to what is of their type's size */
	AHEAD = 4,        /* points of the next best type that are too many */
	ALONE = 14,       /* points that are enough for a single block */
	SEVERAL = 3,      /* blocks of a type that support each other */
	MANY = 32,        /* blocks of a size that agree, so that others of it need not quite */
	DANGLING = 2,     /* pointers of such a one that may lead to what cannot be of their type */
	MOLDS = 1 << 14,  /* types that are looked at */
	COUNTED = 1 << 16, /* blocks whose sizes are */
	SIZES = 1024,      /* different ones that are counted, in steps of malloc's */
	MOST = 4,          /* points of a pointer to a block of a rare size */
	AGAINST = INT32_MIN,
};

struct bin { /* blocks of one size */
	uint64_t least, size;
	struct mold *mold;
	size_t n;
	uint32_t tried, agreed;
	uint32_t type;     /* that was believed of blocks of this size, */
	uint32_t believed; /* of so many; 0: of none, or there are several types */
	bool several;
};

struct guess {
	struct room room;
	uint32_t type;
	int points;
};

struct agreement {
	struct propagation *p;
	struct idmap by_size;
	ARRAY(struct bin *) bin;
	ARRAY(struct guess) guess;
	struct pool pool;
	uint32_t count[SIZES]; /* blocks of each size */
	uint32_t all;
	size_t molds;
};

/* ---- types of a size ---- */

static void fill_bin(struct agreement *a, struct bin *bin)
{
	struct propagation *p = a->p;
	uint32_t *id = mem_alloc(CANDIDATES, sizeof(*id));
	size_t n = ctype_sized(p->graph, bin->least, bin->size, id, CANDIDATES);

	if (n <= CANDIDATES && a->molds < MOLDS) {
		a->molds += n;
		bin->mold = pool_alloc(&a->pool, n * sizeof(*bin->mold) + 1);
		for (size_t i = 0; i < n; i++)
			bin->n += id[i] != CTYPE_NONE &&
			          mold_make(p->graph, id[i], p->word, &bin->mold[bin->n]);
	}
	mem_free(id);
}

static uint64_t key_of(const struct room *room)
{
	return room->size * UINT64_C(0x9e3779b97f4a7c15) ^ room->least;
}

/* NULL: no block of this size was tried yet. */
static struct bin *find_bin(const struct agreement *a, const struct room *room)
{
	uint32_t i = idmap_get(&a->by_size, key_of(room));
	struct bin *bin = i != IDMAP_NONE ? a->bin.v[i] : NULL;

	return bin && bin->size == room->size && bin->least == room->least ? bin : NULL;
}

static struct bin *bin_of(struct agreement *a, const struct room *room)
{
	struct bin *bin = find_bin(a, room);

	if (bin)
		return bin;
	bin = pool_alloc(&a->pool, sizeof(*bin));
	bin->size = room->size;
	bin->least = room->least;
	fill_bin(a, bin);
	idmap_put(&a->by_size, key_of(room), (uint32_t)a->bin.n);
	array_push(&a->bin, bin);
	return bin;
}

/* No type of this size is there, or none has agreed with any of the blocks that were tried. */
static bool is_given_up(const struct bin *bin)
{
	return bin && (!bin->n || (bin->tried >= TRIES && !bin->agreed));
}

/* ---- does it agree? ---- */

static bool used_block(struct propagation *p, uint64_t value, struct block *b)
{
	return value >= p->lowest && value < p->highest && heap_find(p->t->heap, value, b) &&
	       b->state == BLOCK_USED && b->id < p->t->heap->nchunks;
}

/* How telling it is that a block has just this size: the more, the fewer have it. */
static int points_of_size(const struct agreement *a, const struct block *b)
{
	uint64_t i = b->size / 16, n;
	int points = 0;

	if (i >= SIZES)
		return MOST;
	for (n = a->count[i] ? a->count[i] : 1; n * 2 <= a->all && points < MOST; n *= 2)
		points++;
	return points;
}

static int points_of_block(struct agreement *a, const struct block *b, uint64_t value, uint32_t to)
{
	struct propagation *p = a->p;
	struct room room = room_of(p, b);
	unsigned good = 0;
	enum fit fit;

	if (value != b->addr && !room_behind(p, b, value - b->addr, to, &room))
		return 0;
	fit = room_fits(p, &room, to);
	if (fit == FIT_NONE || !plausible(p, room.at, to, &good))
		return AGAINST;
	switch (fit) {
	case FIT_ONE:
		return points_of_size(a, b) + (good > 0);
	case FIT_ARRAY:
	case FIT_FLEXIBLE:
		return 1 + (good > 0);
	case FIT_PREFIX:
		return -2;
	default:
		return 0;
	}
}

static int points_of_word(struct agreement *a, const struct mold *m, unsigned i, uint64_t raw)
{
	struct propagation *p = a->p;
	uint64_t value = core_pointer(p->t->core, raw);
	const struct segment *s;
	struct block b;
	bool used;

	if (!raw || m->word[i].kind == MOLD_ANY)
		return 0;
	used = used_block(p, value, &b);
	if (m->word[i].kind == MOLD_NUMBER)
		return used && value == b.addr ? AGAINST : 0;
	s = used ? NULL : core_segment(p->t->core, value);
	if (!used && (!s || !s->flags))
		return m->word[i].kind == MOLD_ADDRESS && raw < p->t->core->page_size ? -1
		                                                                      : AGAINST;
	if (m->word[i].kind == MOLD_CODE)
		return !used && s->flags & SEG_X ? 3 : AGAINST;
	if (m->word[i].kind == MOLD_ADDRESS)
		return used && value == b.addr;
	if (used)
		return points_of_block(a, &b, value, m->word[i].to);
	return s->flags & SEG_X ? AGAINST : (s->flags & SEG_W) != 0;
}

/* dangling: pointers that may lead to what cannot be of their type, at most. */
static int points_of(struct agreement *a, const struct room *room, const struct mold *m,
                     unsigned dangling)
{
	struct propagation *p = a->p;
	int points = 0, telling = 0;
	unsigned good = 0, left = dangling;

	for (unsigned i = 0; i < m->n; i++) {
		uint64_t value;
		int more;

		if (!view_read_word(&p->view, room->at + i * p->word, &value, p->word))
			return AGAINST;
		more = points_of_word(a, m, i, value);
		if (more == AGAINST && m->word[i].kind == MOLD_POINTER && left) {
			left--;
			continue;
		}
		if (more == AGAINST)
			return AGAINST;
		points += more;
		telling += more >= 3;
	}
	if (!dangling && !plausible(p, room->at, m->type, &good))
		return AGAINST;
	return telling >= TELLING ? points : points < ENOUGH ? points : ENOUGH - 1;
}

/*
 * Points of the only type that agrees; AGAINST: none, or several. Less is enough for a type that
 * pointers say, too (CTYPE_NONE: they say none).
 */
static int best_of(struct agreement *a, const struct room *room, uint32_t said, uint32_t *type)
{
	struct bin *bin = bin_of(a, room);
	int best = AGAINST, next = AGAINST;

	*type = CTYPE_NONE;
	if (is_given_up(bin))
		return AGAINST;
	bin->tried++;
	for (size_t i = 0; i < bin->n; i++) {
		int points = points_of(a, room, &bin->mold[i], 0);

		if (points > best) {
			next = best;
			best = points;
			*type = bin->mold[i].type;
		} else if (points > next) {
			next = points;
		}
	}
	if (said != CTYPE_NONE ? *type != said || best < SAID || next == best
	                       : best < ENOUGH || next > best - AHEAD)
		return AGAINST;
	bin->agreed++;
	return best;
}

/* Are there pointers enough to blocks that any type could be told? */
static bool may_tell(struct agreement *a, const struct block *b)
{
	struct propagation *p = a->p;
	unsigned n = 0;

	for (uint64_t i = 0; i < MOLD_WORDS && (i + 1) * p->word <= b->size; i++) {
		uint64_t value;
		struct block to;

		if (!view_read_word(&p->view, b->addr + i * p->word, &value, p->word))
			return false;
		n += used_block(p, core_pointer(p->t->core, value), &to);
		if (n == TELLING)
			return true;
	}
	return false;
}

static void try_block(struct agreement *a, const struct block *b)
{
	struct propagation *p = a->p;
	struct guess whole = { .room = room_of(p, b) }, behind = { 0 };
	bool header = room_behind(p, b, p->word, CTYPE_NONE, &behind.room);
	uint32_t of = p->of[b->id];

	if (of) {
		struct guess known = { .room = room_known(p, b) };

		known.points = best_of(a, &known.room, type_in(of), &known.type);
		if (known.points != AGAINST && fit_in(of) == FIT_ONE)
			array_push(&a->guess, known);
		return;
	}
	if (is_given_up(find_bin(a, &whole.room)) &&
	    (!header || is_given_up(find_bin(a, &behind.room))))
		return;
	if (!may_tell(a, b))
		return;
	whole.points = best_of(a, &whole.room, CTYPE_NONE, &whole.type);
	behind.points = header ? best_of(a, &behind.room, CTYPE_NONE, &behind.type) : AGAINST;
	if (whole.points != AGAINST && behind.points == AGAINST)
		array_push(&a->guess, whole);
	else if (whole.points == AGAINST && behind.points != AGAINST)
		array_push(&a->guess, behind);
}

/* ---- what is believed ---- */

static void note_believed(struct bin *bin, uint32_t type)
{
	bin->several |= bin->believed && bin->type != type;
	bin->type = type;
	bin->believed++;
}

static bool believe(struct agreement *a)
{
	struct idmap count = { 0 };
	bool found = false;

	for (size_t i = 0; i < a->guess.n; i++) {
		uint32_t n = idmap_get(&count, a->guess.v[i].type);

		idmap_put(&count, a->guess.v[i].type, n == IDMAP_NONE ? 1 : n + 1);
	}
	for (size_t i = 0; i < a->guess.n; i++) {
		const struct guess *g = &a->guess.v[i];

		if ((idmap_get(&count, g->type) < SEVERAL && g->points < ALONE) ||
		    is_refuted(a->p, g->type))
			continue;
		propose_guess(a->p, &g->room, g->type);
		note_believed(bin_of(a, &g->room), g->type);
		found = true;
	}
	idmap_free(&count);
	return found;
}

/*
 * What is lost may point to what was freed before it, and is something else by now. Where many of a
 * size are one type, another that agrees but for that is one, too.
 */
static bool is_alike(struct agreement *a, const struct room *room)
{
	const struct bin *bin = find_bin(a, room);

	if (!bin || bin->several || bin->believed < MANY)
		return false;
	for (size_t i = 0; i < bin->n; i++) {
		const struct mold *m = &bin->mold[i];
		bool same = m->type == bin->type;
		int points = points_of(a, room, m, same ? DANGLING : 0);

		if (same ? points < ENOUGH : points != AGAINST)
			return false;
	}
	return true;
}

static void believe_alike(struct agreement *a)
{
	const struct typing *t = a->p->t;
	struct heap_iter it = { .look = true };
	struct block b;
	uint32_t left = BLOCKS;

	while (left && heap_next_set(t->heap, t->lost ? t->lost : t->heap->used, &it, &b)) {
		struct room room = room_of(a->p, &b);

		if (a->p->of[b.id] || types_label(t->types, b.id) || b.size < 3 * a->p->word)
			continue;
		left--;
		if (is_alike(a, &room))
			propose_guess(a->p, &room, find_bin(a, &room)->type);
	}
}

static void count_sizes(struct agreement *a)
{
	struct heap_iter it = { .look = true };
	struct block b;

	while (a->all < COUNTED && heap_next_set(a->p->t->heap, a->p->t->heap->used, &it, &b)) {
		a->all++;
		if (b.size / 16 < SIZES)
			a->count[b.size / 16]++;
	}
}

bool agree_all(struct propagation *p)
{
	struct agreement a = { .p = p };
	struct heap_iter it = { .look = true };
	struct block b;
	uint32_t left = BLOCKS;
	bool found;

	if (!ctype_sized(p->graph, 0, UINT64_MAX, NULL, 0))
		return false;
	count_sizes(&a);
	while (left &&
	       heap_next_set(p->t->heap, p->t->lost ? p->t->lost : p->t->heap->used, &it, &b)) {
		uint32_t of = p->of[b.id];

		if (b.size < 3 * p->word || types_label(p->t->types, b.id) || of & OF_EMBED ||
		    (of && confidence(p, of) >= TYPE_BAR))
			continue;
		left--;
		try_block(&a, &b);
	}
	found = believe(&a);
	if (found)
		believe_alike(&a);
	idmap_free(&a.by_size);
	array_free(&a.bin);
	array_free(&a.guess);
	pool_free(&a.pool);
	return found;
}
