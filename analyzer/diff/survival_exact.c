/*
 * Every used block of two cores: each by itself, in pieces that threads share, how its contents
 * agree with what was there before, and how many look like it; what contents alone tell for sure;
 * from there and from roots, who is still held; then all together. At last merged by address, to
 * count what became of each.
 */
#include "analyzer/diff/group_index.h"
#include "analyzer/diff/survival.h"
#include "analyzer/diff/tie.h"
#include "formats/crew.h"

#define PAIR     0x8000u /* beside a set of lanes: there is one, whose kin is known */
#define NO_KIN   UINT16_MAX
#define PATTERN  (REUSE_PATTERNS - 1)
#define TWINS    0.9        /* of what takes the place of a block with twins: is one more of them */
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
	uint64_t *sure;    /* bits: the same block */
	uint64_t *many;    /* bits: of a pair, and many blocks look like it */
	uint64_t *same;    /* bits: to the byte what was there before */
	struct ties ties;
	uint16_t *kin_of; /* of pairs: index into kin; NO_KIN: none */
	struct kin *kin;  /* of each two: of blocks that look like no other, of those that do */
	size_t nkin;
	size_t bits; /* bytes of each of the bitmaps */
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
	       old->size == new->size && old->state == BLOCK_USED;
}

/* Of a used block of the newer core. */
static uint16_t kin_find_of(const struct merge *m, const struct block *b, bool *many)
{
	const struct imprint_side side = { m->new.core, m->new.heap, b };
	const struct profile *p = m->profile;
	uint16_t group = m->new.group[b->id];
	size_t c = classes_find(&p->classes, b->size);

	*many = c != SIZE_MAX && twins_in(&p->twins, c) &&
	        twins_are_many(&p->twins, imprint_look(&side));
	if (c == SIZE_MAX)
		return NO_KIN;
	return (uint16_t)(2 * kin_find(p, group == NO_GROUP ? PROFILE_NO_GROUP : group, c) + *many);
}

static enum pointers_stayed look_new(void *of, const struct block *b)
{
	struct merge *m = of;
	struct block before;
	const struct imprint_side old = { m->old.core, m->old.heap, &before };
	const struct imprint_side new = { m->new.core, m->new.heap, b };
	bool equal, many;

	find_group(&m->new, b);
	if (!find_old(m, b, &before)) {
		bit_set_shared(m->other, b->id);
		return STAYED_NOTHING;
	}
	m->kin_of[b->id] = kin_find_of(m, b, &many);
	if (m->kin_of[b->id] != NO_KIN)
		m->pattern[b->id] = PAIR;
	m->pattern[b->id] |= (uint16_t)imprint_compare_blocks(&old, &new, &equal);
	if (many)
		bit_set_shared(m->many, b->id);
	if (equal)
		bit_set_shared(m->same, b->id);
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

/* The id behind the last one of the pieces in front of this one. */
static size_t piece_end(const struct merge *m, size_t piece)
{
	size_t chunks = m->new.heap->nchunks;

	return piece > chunks / PIECE ? chunks : piece * PIECE;
}

/* ---- which pairs are replaced ---- */

/* Of each kin all pairs, and those of blocks that look like many others. */
static void count_twins(const struct merge *m, double *all, double *twins)
{
	for (uint32_t id = 0; id < m->new.heap->nchunks; id++) {
		uint16_t kin = m->kin_of[id];

		if (!(m->pattern[id] & PAIR))
			continue;
		all[kin / 2]++;
		twins[kin / 2] += kin % 2;
	}
}

/* How often two blocks look alike, of those that look like few others, or like many. */
static void part_chances(uint32_t seen[IMPRINT_PATTERNS], bool many, double share)
{
	double others = 0, same = seen[IMPRINT_SAME];

	for (unsigned l = 0; l < IMPRINT_SAME; l++)
		others += seen[l];
	same = share > 0 ? same / (same + others + 1) / share : 0;
	same = same > TWINS ? TWINS : same;
	seen[IMPRINT_SAME] = many ? (uint32_t)((others + 10) * same / (1 - same)) : 0;
}

static void make_kin(struct merge *m)
{
	const struct profile *p = m->profile;
	double *all = mem_alloc(p->kin.n + 1, sizeof(*all));
	double *twins = mem_alloc(p->kin.n + 1, sizeof(*twins));

	m->nkin = 2 * p->kin.n;
	m->kin = mem_alloc(m->nkin + 1, sizeof(*m->kin));
	count_twins(m, all, twins);
	for (size_t i = 0; i < m->nkin; i++) {
		double share = all[i / 2] > 0 ? twins[i / 2] / all[i / 2] : 0;

		m->kin[i] = p->kin.v[i / 2];
		part_chances(m->kin[i].alike, i % 2, share);
		part_chances(m->kin[i].near, i % 2, share);
	}
	mem_free(all);
	mem_free(twins);
}

/* Of each pair, by what is known of the pairs of its kin that have its pattern. */
static void mark(struct merge *m, const struct reuse *reuse)
{
	memset(m->sure, 0, m->bits);
	for (uint32_t id = 0; id < m->new.heap->nchunks; id++) {
		if (!(m->pattern[id] & PAIR))
			continue;
		switch ((enum reuse_says)reuse[m->kin_of[id]].says[m->pattern[id] & PATTERN]) {
		case REUSE_SURVIVED:
			bit_set(m->sure, id);
			break;
		case REUSE_REPLACED:
			bit_set(m->other, id);
			break;
		case REUSE_UNCERTAIN:
			break;
		}
	}
}

static void count_pairs(struct merge *m, struct reuse *reuse)
{
	for (size_t i = 0; i < m->nkin; i++)
		memset(reuse[i].pairs, 0, sizeof(reuse[i].pairs));
	for (uint32_t id = 0; id < m->new.heap->nchunks; id++) {
		if (m->pattern[id] & PAIR)
			reuse[m->kin_of[id]].pairs[m->pattern[id] & PATTERN]++;
	}
}

static double pairs_of(const struct reuse *reuse)
{
	double all = 0;

	for (unsigned p = 0; p < REUSE_PATTERNS; p++)
		all += (double)reuse->pairs[p];
	return all;
}

/* How many blocks of each kin there were, in proportion to the pairs. */
static void count_old(const struct merge *m, struct reuse *reuse)
{
	const struct profile *old = m->old.index.profile;
	uint32_t *kin = kins_of_other(m->profile, old);
	double *all = mem_alloc(m->profile->kin.n + 1, sizeof(*all));

	for (size_t i = 0; i < old->groups.n; i++)
		if (kin[i] != UINT32_MAX)
			all[kin[i]] += (double)old->groups.v[i].blocks;
	for (size_t i = 0; i < m->nkin; i++) {
		double own = pairs_of(&reuse[i]), pairs = own + pairs_of(&reuse[i ^ 1]);

		reuse[i].ties = true;
		reuse[i].old = pairs > 0 ? (uint64_t)(all[i / 2] * own / pairs) : 0;
	}
	mem_free(all);
	mem_free(kin);
}

/* What nothing points to, and did not then: it was lost, and cannot have been freed. */
static bool was_lost(const struct merge *m, const struct block *b)
{
	enum reach_class now = reach_of(m->new.reach, b->id);
	struct block before;

	if (now != REACH_DEFINITE && now != REACH_INDIRECT)
		return true; /* held, though not by its start */
	if (!find_old(m, b, &before))
		return false;
	now = reach_of(m->old.reach, before.id);
	return now == REACH_DEFINITE || now == REACH_INDIRECT;
}

static void add_ties(void *of, size_t first, size_t end)
{
	struct merge *m = of;
	size_t stop = piece_end(m, end);

	for (uint32_t id = (uint32_t)(first * PIECE); id < stop; id++) {
		struct block b;

		if (!(m->pattern[id] & PAIR))
			continue;
		m->pattern[id] &= (uint16_t)~REUSE_HOLDERS;
		if (bit_get(m->ties.kept, id) ||
		    (!bit_get(m->ties.held, id) && heap_by_id(m->new.heap, id, &b) &&
		     was_lost(m, &b)))
			m->pattern[id] |= REUSE_HOLDERS;
	}
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
	bool pair = m->old.has && m->new.has && m->old.b.size == m->new.b.size;
	struct life old = { 0 }, new = { 0 };

	if (m->old.has) {
		old = life_of(&m->old);
		old.fresh = m->last && bit_get(m->last->fresh, m->old.b.id);
	}
	if (m->new.has)
		new = life_of(&m->new);
	if (pair) {
		uint32_t id = m->new.b.id;
		enum reuse_says says = bit_get(m->sure, id)    ? REUSE_SURVIVED
		                       : bit_get(m->other, id) ? REUSE_REPLACED
		                                               : REUSE_UNCERTAIN;

		survival_pair(s, &old, &new, says);
		survival_mark_pair(s, id, says, old.fresh);
	} else {
		if (m->old.has)
			survival_gone(s, &old);
		if (m->new.has) {
			survival_born(s, &new);
			survival_mark_born(s, m->new.b.id);
		}
	}
}

static void count_all(struct merge *m, struct survival *s)
{
	survival_bits(s, ids(&m->new));
	next_of(&m->old);
	next_of(&m->new);
	while (merge_next(m))
		count(m, s);
}

static void merge_free(struct merge *m)
{
	size_t bits = m->bits;

	mem_lazy_free(m->pattern, ids(&m->new) * sizeof(*m->pattern));
	mem_lazy_free(m->kin_of, ids(&m->new) * sizeof(*m->kin_of));
	mem_lazy_free(m->other, bits);
	mem_lazy_free(m->sure, bits);
	mem_lazy_free(m->many, bits);
	mem_lazy_free(m->same, bits);
	mem_free(m->kin);
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

	side_open(before, &m.old);
	side_open(after, &m.new);
	m.bits = (ids(&m.new) / 64 + 1) * 8;
	m.pattern = mem_lazy(ids(&m.new) * sizeof(*m.pattern));
	m.kin_of = mem_lazy(ids(&m.new) * sizeof(*m.kin_of));
	m.other = mem_lazy(m.bits);
	m.sure = mem_lazy(m.bits);
	m.many = mem_lazy(m.bits);
	m.same = mem_lazy(m.bits);
	crew_share(threads, m.old.heap->nchunks / PIECE + 1, 1, look_old, &m.old);
	pointers_find(m.new.core, m.old.core, m.new.heap, analysis_roots(&after->a), threads,
	              (struct pointers_ask){ look_new, &m }, pointers);
	if (descent)
		descent_begin(descent);
	make_kin(&m);
	count_pairs(&m, reuse);
	count_old(&m, reuse);
	reuse_first(m.kin, m.nkin, reuse);
	mark(&m, reuse);
	ties_find(pointers, m.sure, m.other, m.many, (struct pointers_ask){ look_again, &m },
	          &m.ties);
	crew_share(threads, m.new.heap->nchunks / PIECE + 1, 1, add_ties, &m);
	ties_free(&m.ties);
	count_pairs(&m, reuse);
	reuse_judge(m.kin, m.nkin, reuse);
	mark(&m, reuse);
	count_all(&m, s);
	if (!descent)
		pointers_free(&own);
	merge_free(&m);
}
