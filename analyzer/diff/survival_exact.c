/*
 * Every used block of two cores: each by itself, in pieces that threads share, how its contents
 * agree with what was there before (five bytes for each block keep that and its group); then merged
 * by address, to count what became of each. In between it is judged which pairs are replaced: in
 * rounds, as holders count only that survived themselves.
 */
#include "analyzer/diff/group_index.h"
#include "analyzer/diff/survival.h"
#include "analyzer/diff/tie.h"
#include "formats/crew.h"

#define ROUNDS   4          /* at most: the next one knows which holders are none */
#define FEW      1000       /* one in so many pairs newly known as replaced is worth another */
#define PAIR     0x8000u    /* beside a set of lanes: there is one */
#define PIECE    (1u << 16) /* ids that one thread looks at, at a time; a multiple of 64 */
#define NO_GROUP UINT16_MAX
_Static_assert(PROFILE_GROUPS < NO_GROUP, "a group's number fits into 16 bits");

struct side { /* one of the two cores */
	const struct core *core;
	const struct heap *heap;
	const struct reach *reach;
	const struct types *types;
	struct group_index index;
	uint16_t *group; /* by id; NO_GROUP: none */
	/* of the merge: */
	struct heap_iter it;
	struct block b; /* valid where has */
	bool has;       /* one is there at this address */
	bool more;      /* one was read ahead */
};

struct merge {
	struct side old, new;
	const struct profile *profile; /* the newer one */
	const struct survival *last;
	/* by id of the newer heap: */
	uint16_t *pattern; /* lanes that agree with what was there before, PAIR */
	uint64_t *other;   /* bits: not the block that was there before */
	uint64_t *same;    /* bits: to the byte what was there before */
	struct ties ties;
};

static size_t ids(const struct side *side)
{
	return (size_t)side->heap->nchunks + 1;
}

static void side_open(struct snapshot *s, struct side *side)
{
	side->core = s->a.core;
	side->heap = analysis_heap(&s->a);
	side->reach = analysis_reach(&s->a);
	side->types = analysis_types(&s->a);
	side->group = mem_lazy(ids(side) * sizeof(*side->group));
	group_index_make(s->report.profile, &side->index);
}

static void side_close(struct side *side)
{
	mem_lazy_free(side->group, ids(side) * sizeof(*side->group));
	group_index_free(&side->index);
}

/* ---- every block by itself, in pieces by id ---- */

static void find_group(struct side *side, const struct block *b)
{
	const struct type *type = types_of(side->types, b->id);
	uint32_t group = group_index_find(&side->index, reach_of(side->reach, b->id), b->size,
	                                  type ? type->name : NULL);

	side->group[b->id] = group == PROFILE_NO_GROUP ? NO_GROUP : (uint16_t)group;
}

static void look_old(void *of, size_t first, size_t end)
{
	struct side *side = of;
	struct heap_iter it = { .id = (uint32_t)(first * PIECE) };
	struct block b;

	while (heap_next_set(side->heap, side->heap->used, &it, &b) && b.id < end * PIECE)
		find_group(side, &b);
}

/* The used block of this size at the same address in the older core. */
static bool find_old(const struct merge *m, const struct block *new, struct block *old)
{
	const struct heap *heap = m->old.heap;

	return heap_find(heap, new->addr, old) && old->addr == new->addr &&
	       old->size == new->size && old->id < heap->nchunks && bit_get(heap->used, old->id);
}

/* Blocks of one word of bits may be looked at by several threads at a time. */
static void set_shared(uint64_t *bits, uint32_t i)
{
	__atomic_fetch_or(&bits[i >> 6], UINT64_C(1) << (i & 63), __ATOMIC_RELAXED);
}

static enum pointers_stayed look_new(void *of, const struct block *b)
{
	struct merge *m = of;
	struct block before;
	const struct imprint_side old = { m->old.core, m->old.heap, &before };
	const struct imprint_side new = { m->new.core, m->new.heap, b };
	bool equal;

	find_group(&m->new, b);
	if (!find_old(m, b, &before)) {
		set_shared(m->other, b->id);
		return STAYED_NOTHING;
	}
	m->pattern[b->id] = (uint16_t)(PAIR | imprint_compare_blocks(&old, &new, &equal));
	if (equal)
		set_shared(m->same, b->id);
	return equal ? STAYED_ALL : STAYED_SOME;
}

/* What that told. */
static enum pointers_stayed look_again(void *of, const struct block *b)
{
	const struct merge *m = of;

	return bit_get(m->other, b->id)  ? STAYED_NOTHING
	       : bit_get(m->same, b->id) ? STAYED_ALL
	                                 : STAYED_SOME;
}

/* How many blocks of each kin there were. */
static void count_old(const struct merge *m, struct reuse *reuse)
{
	const struct profile *old = m->old.index.profile;
	uint32_t *kin = kins_of_other(m->profile, old);

	for (size_t i = 0; i < m->profile->kin.n; i++)
		reuse[i].ties = true;
	for (size_t i = 0; i < old->groups.n; i++) {
		if (kin[i] != UINT32_MAX)
			reuse[kin[i]].old += old->groups.v[i].blocks;
	}
	mem_free(kin);
}

/* ---- which pairs are replaced ---- */

/* UINT32_MAX: none. */
static uint32_t kin_of(const struct merge *m, uint32_t id)
{
	const struct profile *p = m->profile;
	uint16_t group = m->new.group[id];
	struct block b;
	size_t c;

	if (group != NO_GROUP && p->kin_of[group] != UINT32_MAX)
		return p->kin_of[group];
	if (!heap_by_id(m->new.heap, id, &b))
		return UINT32_MAX;
	c = classes_find(&p->classes, b.size);
	return c == SIZE_MAX ? UINT32_MAX : kin_find(p, PROFILE_NO_GROUP, c);
}

/*
 * Which pairs are replaced, by contents and by holders that are none of them. False: hardly one
 * that was not known before.
 */
static bool judge(struct merge *m, struct reuse *reuse)
{
	const struct profile *p = m->profile;
	uint64_t pairs = 0, found = 0;

	for (size_t i = 0; i < p->kin.n; i++)
		memset(reuse[i].pairs, 0, sizeof(reuse[i].pairs));
	for (uint32_t id = 0; id < m->new.heap->nchunks; id++) {
		uint32_t kin;

		if (!(m->pattern[id] & PAIR))
			continue;
		m->pattern[id] &= (uint16_t)~REUSE_HOLDERS;
		if (tie_holds(&m->ties, id))
			m->pattern[id] |= REUSE_HOLDERS;
		kin = kin_of(m, id);
		if (kin != UINT32_MAX)
			reuse[kin].pairs[m->pattern[id] & ~PAIR]++;
		pairs++;
	}
	reuse_judge(p->kin.v, p->kin.n, reuse);
	for (uint32_t id = 0; id < m->new.heap->nchunks; id++) {
		uint32_t kin = m->pattern[id] & PAIR ? kin_of(m, id) : UINT32_MAX;

		if (kin == UINT32_MAX || !reuse[kin].replaced[m->pattern[id] & ~PAIR])
			continue;
		found += !bit_get(m->other, id);
		bit_set(m->other, id);
	}
	return found > pairs / FEW;
}

/* ---- what became of each, by address ---- */

static void next_of(struct side *side)
{
	side->more = heap_next_set(side->heap, side->heap->used, &side->it, &side->b);
}

/* Goes on from what was told last. */
static bool merge_next(struct merge *m)
{
	if (m->old.has)
		next_of(&m->old);
	if (m->new.has)
		next_of(&m->new);
	m->old.has = m->old.more && (!m->new.more || m->old.b.addr <= m->new.b.addr);
	m->new.has = m->new.more && (!m->old.more || m->new.b.addr <= m->old.b.addr);
	return m->old.has || m->new.has;
}

static struct life life_of(const struct side *side)
{
	enum reach_class r = reach_of(side->reach, side->b.id);
	uint16_t group = side->group[side->b.id];

	return (struct life){ .group = group == NO_GROUP ? PROFILE_NO_GROUP : group,
		              .size = side->b.size,
		              .weight = 1,
		              .leaked = r == REACH_DEFINITE || r == REACH_INDIRECT };
}

static void count(struct merge *m, struct survival *s)
{
	bool pair = m->old.has && m->new.has && m->old.b.size == m->new.b.size, kept = false;
	struct life old = { 0 }, new = { 0 };

	if (m->old.has) {
		old = life_of(&m->old);
		old.fresh = m->last && bit_get(m->last->fresh, m->old.b.id);
	}
	if (m->new.has)
		new = life_of(&m->new);
	if (pair) {
		kept = !bit_get(m->other, m->new.b.id);
		survival_pair(s, &old, &new, kept);
	} else {
		if (m->old.has)
			survival_gone(s, &old);
		if (m->new.has)
			survival_born(s, &new);
	}
	if (m->new.has)
		survival_mark(s, m->new.b.id, pair, kept, old.fresh);
}

static void count_all(struct merge *m, struct survival *s)
{
	survival_bits(s, ids(&m->new));
	next_of(&m->old);
	next_of(&m->new);
	while (merge_next(m))
		count(m, s);
}

static void merge_free(struct merge *m, size_t bits)
{
	mem_lazy_free(m->pattern, ids(&m->new) * sizeof(*m->pattern));
	mem_lazy_free(m->other, bits);
	mem_lazy_free(m->same, bits);
	side_close(&m->old);
	side_close(&m->new);
}

void survival_by_blocks(struct snapshot *before, struct snapshot *after,
                        const struct survival *last, struct descent *descent, struct reuse *reuse,
                        struct survival *s)
{
	struct merge m = { .profile = after->report.profile, .last = last };
	struct pointers own = { 0 }, *pointers = descent ? &descent->pointers : &own;
	unsigned threads = analysis_threads(&after->a);
	size_t bits;
	bool more = true;

	side_open(before, &m.old);
	side_open(after, &m.new);
	bits = (ids(&m.new) / 64 + 1) * 8;
	m.pattern = mem_lazy(ids(&m.new) * sizeof(*m.pattern));
	m.other = mem_lazy(bits);
	m.same = mem_lazy(bits);
	crew_share(threads, m.old.heap->nchunks / PIECE + 1, 1, look_old, &m.old);
	pointers_find(m.new.core, m.old.core, m.new.heap, analysis_roots(&after->a), threads,
	              (struct pointers_ask){ look_new, &m }, pointers);
	if (descent)
		descent_begin(descent);
	count_old(&m, reuse);
	for (unsigned i = 0; i < ROUNDS && more; i++) {
		ties_find(pointers, m.other, (struct pointers_ask){ look_again, &m }, &m.ties);
		more = judge(&m, reuse);
		ties_free(&m.ties);
	}
	count_all(&m, s);
	if (!descent)
		pointers_free(&own);
	merge_free(&m, bits);
}
