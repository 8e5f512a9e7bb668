#include "analyzer/diff/survival.h"

static void add(struct tally *t, const struct life *life)
{
	t->blocks += life->weight;
	t->bytes += life->weight * life->size;
}

static struct survival_group *group_of(struct survival_group *groups, const struct life *life)
{
	return life->group == PROFILE_NO_GROUP ? NULL : &groups[life->group];
}

void survival_gone(struct survival *s, const struct life *before)
{
	struct survival_group *g = group_of(s->before, before);

	add(&s->gone, before);
	if (g)
		add(&g->fresh, before);
	if (before->leaked)
		add(&s->disproved, before);
}

void survival_born(struct survival *s, const struct life *after)
{
	struct survival_group *g = group_of(s->after, after);

	add(&s->born, after);
	if (g)
		add(&g->fresh, after);
}

static void keep(struct survival *s, const struct life *before, const struct life *after)
{
	struct survival_group *old = group_of(s->before, before), *g = group_of(s->after, after);

	add(&s->kept, after);
	if (old)
		add(&old->kept, before);
	if (g)
		add(&g->kept, after);
	if (before->fresh) {
		add(&s->cohort, after);
		if (g)
			add(&g->cohort, after);
	}
	if (after->leaked && !before->leaked)
		add(&s->lost, after);
}

void survival_pair(struct survival *s, const struct life *before, const struct life *after,
                   enum reuse_says says)
{
	struct survival_group *old = group_of(s->before, before), *g = group_of(s->after, after);

	if (says == REUSE_SURVIVED) {
		keep(s, before, after);
		return;
	}
	if (says == REUSE_UNCERTAIN) {
		add(&s->uncertain, after);
		if (g && before->fresh)
			add(&g->unsure, after);
		return;
	}
	add(&s->replaced, after);
	if (old)
		add(&old->fresh, before);
	if (g)
		add(&g->fresh, after);
	if (before->leaked)
		add(&s->disproved, before);
}

void survival_bits(struct survival *s, uint64_t n)
{
	s->bits_bytes = (n / 64 + 1) * 8;
	s->fresh = mem_lazy(s->bits_bytes);
	s->taken = mem_lazy(s->bits_bytes);
	s->unsure = mem_lazy(s->bits_bytes);
	s->cohort_bits = mem_lazy(s->bits_bytes);
}

void survival_mark_pair(struct survival *s, uint32_t i, enum reuse_says says, bool cohort)
{
	if (says == REUSE_UNCERTAIN)
		bit_set(s->unsure, i);
	if (says == REUSE_REPLACED) {
		bit_set(s->fresh, i);
		bit_set(s->taken, i);
	}
	if (says == REUSE_SURVIVED && cohort)
		bit_set(s->cohort_bits, i);
}

void survival_mark_born(struct survival *s, uint32_t i)
{
	bit_set(s->fresh, i);
}

/* What reuse.h found, for the report by size class; and of all together. */
static void tell_classes(const struct profile *p, const struct reuse *reuse, struct survival *s)
{
	double survivors = 0, wrong = 0;
	size_t each = s->by_id ? SURVIVAL_STRATA : 1, n = each * p->kin.n;

	for (size_t i = 0, k = 0; i < p->classes.n; i++) {
		const struct size_class *c = &p->classes.v[i];
		struct survival_class row = { .low = c->low, .high = c->high, .error = -1 };
		double told = 0, of_them = 0;
		/* a sampled pair stands for so many */
		double weight = s->estimated ? (double)(UINT64_C(1) << c->level) : 1;

		for (; k < n && p->kin.v[k / each].size_class == i; k++) {
			row.survivors += reuse[k].survivors;
			row.replaced += reuse[k].others;
			row.uncertain += reuse[k].unsure;
			if (reuse[k].wrong < 0)
				continue;
			told += (double)reuse[k].survivors;
			of_them += reuse[k].wrong;
		}
		if (!row.survivors && !row.replaced && !row.uncertain)
			continue;
		if (told > 0)
			row.error = of_them / told;
		survivors += weight * told;
		wrong += weight * of_them;
		array_push(&s->classes, row);
	}
	s->error = survivors > 0 ? wrong / survivors : -1;
}

void survival_find(struct snapshot *before, struct snapshot *after, bool exact,
                   const struct survival *last, struct survival *out)
{
	const struct profile *old = before->report.profile, *new = after->report.profile;
	struct survival s = { .known = true, .estimated = !exact, .by_id = exact };
	struct reuse *reuse = mem_alloc(SURVIVAL_STRATA * new->kin.n + 1, sizeof(*reuse));

	if (last && (!last->known || last->by_id != exact))
		last = NULL;
	s.before = mem_alloc(old->groups.n + 1, sizeof(*s.before));
	s.after = mem_alloc(new->groups.n + 1, sizeof(*s.after));
	if (exact)
		survival_by_blocks(before, after, last, reuse, &s);
	else
		survival_by_sample(old, new, last, reuse, &s);
	tell_classes(new, reuse, &s);
	mem_free(reuse);
	*out = s;
}

void survival_free(struct survival *survival)
{
	array_free(&survival->classes);
	mem_free(survival->before);
	mem_free(survival->after);
	mem_lazy_free(survival->fresh, survival->bits_bytes);
	mem_lazy_free(survival->taken, survival->bits_bytes);
	mem_lazy_free(survival->unsure, survival->bits_bytes);
	mem_lazy_free(survival->cohort_bits, survival->bits_bytes);
	*survival = (struct survival){ 0 };
}
