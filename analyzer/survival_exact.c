/*
 * Every used block of two cores, merged by address: once to see how contents agree (two bytes for
 * each block of the newer core keep that), once to count what became of each. In between it is
 * judged which pairs are replaced: in rounds, as holders count only that survived themselves.
 */
#include "analyzer/group_index.h"
#include "analyzer/survival.h"
#include "analyzer/tie.h"

#define ROUNDS 4       /* at most: the next one knows which holders are none */
#define FEW    1000    /* one in so many pairs that came to be known as replaced is worth another */
#define PAIR   0x8000u /* beside a set of lanes: there is one */

struct merge {
	const struct core *old_core, *new_core;
	const struct heap *old_heap, *new_heap;
	const struct reach *old_reach, *new_reach;
	const struct types *old_types, *new_types;
	struct group_index old_groups, new_groups;
	const struct profile *profile; /* the newer one */
	uint32_t *old_kin;             /* kin of it, by groups of the older one */
	const struct survival *last;
	struct ties ties;
	struct heap_iter i, k;
	struct block old, new;   /* valid where has_* */
	bool has_old, has_new;   /* one is there at this address */
	bool more_old, more_new; /* one was read ahead */
};

static void merge_start(struct merge *m, bool look)
{
	m->i = m->k = (struct heap_iter){ .look = look };
	m->more_old = heap_next_set(m->old_heap, m->old_heap->used, &m->i, &m->old);
	m->more_new = heap_next_set(m->new_heap, m->new_heap->used, &m->k, &m->new);
	m->has_old = m->has_new = false;
}

/* Goes on from what was told last. */
static bool merge_next(struct merge *m)
{
	if (m->has_old)
		m->more_old = heap_next_set(m->old_heap, m->old_heap->used, &m->i, &m->old);
	if (m->has_new)
		m->more_new = heap_next_set(m->new_heap, m->new_heap->used, &m->k, &m->new);
	m->has_old = m->more_old && (!m->more_new || m->old.addr <= m->new.addr);
	m->has_new = m->more_new && (!m->more_old || m->new.addr <= m->old.addr);
	return m->has_old || m->has_new;
}

static bool is_pair(const struct merge *m)
{
	return m->has_old && m->has_new && m->old.size == m->new.size;
}

static unsigned compare(const struct merge *m)
{
	const struct imprint_side old = { m->old_core, m->old_heap, &m->old };
	const struct imprint_side new = { m->new_core, m->new_heap, &m->new };

	return imprint_compare_blocks(&old, &new);
}

static struct life life_of(const struct reach *reach, const struct types *types,
                           const struct group_index *groups, const struct block *b)
{
	const struct type *type = types_of(types, b->id);
	enum reach_class r = reach_of(reach, b->id);
	const char *name = type ? type->name : NULL;

	return (struct life){ .group = group_index_find(groups, r, b->size, name),
		              .size = b->size,
		              .weight = 1,
		              .leaked = r == REACH_DEFINITE || r == REACH_INDIRECT };
}

static struct life life_of_old(const struct merge *m)
{
	return life_of(m->old_reach, m->old_types, &m->old_groups, &m->old);
}

static struct life life_of_new(const struct merge *m)
{
	return life_of(m->new_reach, m->new_types, &m->new_groups, &m->new);
}

/* UINT32_MAX: none. */
static uint32_t kin_of_new(const struct merge *m, const struct block *b)
{
	const struct type *type = types_of(m->new_types, b->id);
	uint32_t group = group_index_find(&m->new_groups, reach_of(m->new_reach, b->id), b->size,
	                                  type ? type->name : NULL);
	size_t c = group == PROFILE_NO_GROUP ? classes_find(&m->profile->classes, b->size) : 0;

	return c == SIZE_MAX ? UINT32_MAX : kin_find(m->profile, group, c);
}

static void count(struct merge *m, const uint64_t *other, struct survival *s)
{
	struct life old = { 0 }, new = { 0 };
	bool kept = false;

	if (m->has_old) {
		old = life_of_old(m);
		old.fresh = m->last && bit_get(m->last->fresh, m->old.id);
	}
	if (m->has_new)
		new = life_of_new(m);
	if (is_pair(m)) {
		kept = !bit_get(other, m->new.id);
		survival_pair(s, &old, &new, kept);
	} else {
		if (m->has_old)
			survival_gone(s, &old);
		if (m->has_new)
			survival_born(s, &new);
	}
	if (m->has_new)
		survival_mark(s, m->new.id, is_pair(m), kept, old.fresh);
}

/* How contents agree, of all pairs; and which blocks of the newer core are none. */
static void look(struct merge *m, struct reuse *reuse, uint16_t *pattern, uint64_t *other)
{
	merge_start(m, true);
	while (merge_next(m)) {
		uint32_t group = m->has_old ? life_of_old(m).group : PROFILE_NO_GROUP;

		if (group != PROFILE_NO_GROUP && m->old_kin[group] != UINT32_MAX)
			reuse[m->old_kin[group]].old++;
		if (is_pair(m))
			pattern[m->new.id] = PAIR | (uint16_t)compare(m);
		else if (m->has_new)
			bit_set(other, m->new.id);
	}
}

/*
 * Which pairs are replaced, by contents and by holders that are none of them. False: hardly one
 * that was not known before.
 */
static bool judge(struct merge *m, struct reuse *reuse, uint16_t *pattern, uint64_t *other)
{
	const struct profile *p = m->profile;
	uint64_t pairs = 0, found = 0;
	struct heap_iter it = { 0 };
	struct block b;

	for (size_t i = 0; i < p->kin.n; i++)
		memset(reuse[i].pairs, 0, sizeof(reuse[i].pairs));
	while (heap_next_set(m->new_heap, m->new_heap->used, &it, &b)) {
		uint32_t kin;

		if (!(pattern[b.id] & PAIR))
			continue;
		pattern[b.id] &= (uint16_t)~REUSE_HOLDERS;
		if (tie_holds(&m->ties, b.id))
			pattern[b.id] |= REUSE_HOLDERS;
		kin = kin_of_new(m, &b);
		if (kin != UINT32_MAX)
			reuse[kin].pairs[pattern[b.id] & ~PAIR]++;
		pairs++;
	}
	reuse_judge(p->kin.v, p->kin.n, reuse);
	it = (struct heap_iter){ 0 };
	while (heap_next_set(m->new_heap, m->new_heap->used, &it, &b)) {
		uint32_t kin = pattern[b.id] & PAIR ? kin_of_new(m, &b) : UINT32_MAX;

		if (kin == UINT32_MAX || !reuse[kin].replaced[pattern[b.id] & ~PAIR])
			continue;
		found += !bit_get(other, b.id);
		bit_set(other, b.id);
	}
	return found > pairs / FEW;
}

static void judge_all(struct snapshot *before, struct snapshot *after, struct merge *m,
                      struct reuse *reuse, uint16_t *pattern, uint64_t *other)
{
	bool more = true;

	for (unsigned i = 0; i < ROUNDS && more; i++) {
		ties_find(before, after, other, &m->ties);
		more = judge(m, reuse, pattern, other);
		ties_free(&m->ties);
	}
}

void survival_by_blocks(struct snapshot *before, struct snapshot *after,
                        const struct survival *last, struct reuse *reuse, struct survival *s)
{
	const struct profile *profile = after->report.profile;
	struct merge m = { .old_core = before->a.core,
		           .new_core = after->a.core,
		           .old_heap = analysis_heap(&before->a),
		           .new_heap = analysis_heap(&after->a),
		           .old_reach = analysis_reach(&before->a),
		           .new_reach = analysis_reach(&after->a),
		           .old_types = analysis_types(&before->a),
		           .new_types = analysis_types(&after->a),
		           .profile = profile,
		           .old_kin = kins_of_other(profile, before->report.profile),
		           .last = last };
	size_t n = (size_t)m.new_heap->nchunks + 1;
	uint16_t *pattern = mem_lazy(n * sizeof(*pattern));
	uint64_t *other = mem_lazy((n / 64 + 1) * 8);

	for (size_t i = 0; i < profile->kin.n; i++)
		reuse[i].ties = true;
	survival_bits(s, n);
	group_index_make(before->report.profile, &m.old_groups);
	group_index_make(after->report.profile, &m.new_groups);
	look(&m, reuse, pattern, other);
	judge_all(before, after, &m, reuse, pattern, other);
	merge_start(&m, false);
	while (merge_next(&m))
		count(&m, other, s);
	mem_free(m.old_kin);
	group_index_free(&m.old_groups);
	group_index_free(&m.new_groups);
	mem_lazy_free(pattern, n * sizeof(*pattern));
	mem_lazy_free(other, (n / 64 + 1) * 8);
}
