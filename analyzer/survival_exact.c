/*
 * Every used block of two cores, merged by address: once to see how contents agree (a byte for each
 * block of the newer core keeps that), once to count what became of each.
 */
#include "analyzer/group_index.h"
#include "analyzer/survival.h"

struct merge {
	const struct core *old_core, *new_core;
	const struct heap *old_heap, *new_heap;
	const struct reach *old_reach, *new_reach;
	const struct types *old_types, *new_types;
	struct group_index old_groups, new_groups;
	const struct survival *last;
	struct heap_iter i, k;
	struct block old, new;   /* valid where has_* */
	bool has_old, has_new;   /* one is there at this address */
	bool more_old, more_new; /* one was read ahead */
};

static void merge_start(struct merge *m)
{
	m->i = m->k = (struct heap_iter){ 0 };
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

static void count(struct merge *m, const struct reuse *reuse, size_t c, unsigned pattern,
                  struct survival *s)
{
	struct life old = { 0 }, new = { 0 };
	bool kept = false;

	if (m->has_old) {
		old = life_of(m->old_reach, m->old_types, &m->old_groups, &m->old);
		old.fresh = m->last && bit_get(m->last->fresh, m->old.id);
	}
	if (m->has_new)
		new = life_of(m->new_reach, m->new_types, &m->new_groups, &m->new);
	if (is_pair(m)) {
		kept = c == SIZE_MAX || !reuse[c].replaced[pattern];
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

static void look(struct merge *m, const struct classes *classes, struct reuse *reuse,
                 uint8_t *pattern)
{
	merge_start(m);
	while (merge_next(m)) {
		size_t c = classes_find(classes, m->has_old ? m->old.size : m->new.size);

		if (c == SIZE_MAX)
			continue;
		reuse[c].old += m->has_old;
		if (is_pair(m)) {
			pattern[m->new.id] = (uint8_t)compare(m);
			reuse[c].pairs[pattern[m->new.id]]++;
		}
	}
}

void survival_by_blocks(struct snapshot *before, struct snapshot *after,
                        const struct survival *last, struct reuse *reuse, struct survival *s)
{
	const struct classes *classes = &after->report.profile->classes;
	struct merge m = { .old_core = before->a.core,
		           .new_core = after->a.core,
		           .old_heap = analysis_heap(&before->a),
		           .new_heap = analysis_heap(&after->a),
		           .old_reach = analysis_reach(&before->a),
		           .new_reach = analysis_reach(&after->a),
		           .old_types = analysis_types(&before->a),
		           .new_types = analysis_types(&after->a),
		           .last = last };
	size_t n = (size_t)m.new_heap->nchunks + 1;
	uint8_t *pattern = mem_lazy(n);

	survival_bits(s, n);
	group_index_make(before->report.profile, &m.old_groups);
	group_index_make(after->report.profile, &m.new_groups);
	look(&m, classes, reuse, pattern);
	reuse_judge(classes, reuse);
	merge_start(&m);
	while (merge_next(&m)) {
		size_t c = is_pair(&m) ? classes_find(classes, m.new.size) : SIZE_MAX;

		count(&m, reuse, c, m.has_new ? pattern[m.new.id] : 0, s);
	}
	group_index_free(&m.old_groups);
	group_index_free(&m.new_groups);
	mem_lazy_free(pattern, n);
}
