/*
 * The sampled blocks of two profiles, merged by address. An address counts where both would have
 * sampled it: each class has its own level in each snapshot, the rarer one decides.
 */
#include "analyzer/diff/survival.h"

struct merge {
	const struct profile *before, *after;
	const struct survival *last;
	size_t i, k;                           /* of before's blocks, of after's */
	const struct profile_block *old, *new; /* NULL: none at this address */
};

/* The level at which blocks of this size count. */
static unsigned level_of(const struct merge *m, uint64_t size)
{
	size_t old = classes_find(&m->before->classes, size);
	size_t new = classes_find(&m->after->classes, size);
	unsigned a = old == SIZE_MAX ? 0 : m->before->classes.v[old].level;
	unsigned b = new == SIZE_MAX ? 0 : m->after->classes.v[new].level;

	return a > b ? a : b;
}

static bool counts(const struct merge *m, const struct profile_block *b)
{
	return b && profile_samples(b->addr, level_of(m, b->size));
}

static bool merge_next(struct merge *m)
{
	const struct profile *o = m->before, *n = m->after;
	bool more;

	do {
		bool has_old = m->i < o->blocks.n, has_new = m->k < n->blocks.n;
		vaddr at_old = has_old ? o->blocks.v[m->i].addr : UINT64_MAX;
		vaddr at_new = has_new ? n->blocks.v[m->k].addr : UINT64_MAX;

		more = has_old || has_new;
		m->old = has_old && at_old <= at_new ? &o->blocks.v[m->i++] : NULL;
		m->new = has_new && (at_new <= at_old) ? &n->blocks.v[m->k++] : NULL;
		m->old = counts(m, m->old) ? m->old : NULL;
		m->new = counts(m, m->new) ? m->new : NULL;
	} while (more && !m->old && !m->new);
	return more;
}

static bool is_pair(const struct merge *m)
{
	return m->old && m->new && m->old->size == m->new->size;
}

static bool is_leaked(const struct profile *p, uint32_t group)
{
	const char *reach = group == PROFILE_NO_GROUP ? NULL : p->groups.v[group].reach;

	return reach && (!strcmp(reach, "definite") || !strcmp(reach, "indirect"));
}

static uint32_t kin_of(const struct merge *m)
{
	return kin_find(m->after, m->new->group, m->new->size_class);
}

static struct life life_of(const struct merge *m, const struct profile *p,
                           const struct profile_block *b)
{
	return (struct life){ .group = b->group,
		              .size = b->size,
		              .weight = UINT64_C(1) << level_of(m, b->size),
		              .leaked = is_leaked(p, b->group) };
}

static void count(struct merge *m, const struct reuse *reuse, struct survival *s)
{
	struct life old = { 0 }, new = { 0 };

	if (m->old) {
		old = life_of(m, m->before, m->old);
		old.fresh = m->last && bit_get(m->last->fresh, (uint32_t)(m->i - 1));
	}
	if (m->new)
		new = life_of(m, m->after, m->new);
	if (is_pair(m)) {
		unsigned p = imprint_compare_sealed(m->old->seal, m->new->seal);
		enum reuse_says says = (enum reuse_says)reuse[kin_of(m)].says[p];

		survival_pair(s, &old, &new, says);
		survival_mark_pair(s, (uint32_t)(m->k - 1), says, old.fresh);
	} else {
		if (m->old)
			survival_gone(s, &old);
		if (m->new) {
			survival_born(s, &new);
			survival_mark_born(s, (uint32_t)(m->k - 1));
		}
	}
}

void survival_by_sample(const struct profile *before, const struct profile *after,
                        const struct survival *last, struct reuse *reuse, struct survival *s)
{
	struct merge m = { .before = before, .after = after, .last = last };
	uint32_t *old_kin = kins_of_other(after, before);

	survival_bits(s, after->blocks.n);
	while (merge_next(&m)) {
		if (m.old && m.old->group != PROFILE_NO_GROUP &&
		    old_kin[m.old->group] != UINT32_MAX)
			reuse[old_kin[m.old->group]].old++;
		if (is_pair(&m))
			reuse[kin_of(&m)].pairs[imprint_compare_sealed(m.old->seal, m.new->seal)]++;
	}
	mem_free(old_kin);
	reuse_judge(after->kin.v, after->kin.n, NULL, reuse);
	m = (struct merge){ .before = before, .after = after, .last = last };
	while (merge_next(&m))
		count(&m, reuse, s);
}
