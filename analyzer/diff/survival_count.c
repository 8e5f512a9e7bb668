/*
 * What became of each block of two cores, once it is decided of all pairs: added up by several
 * threads, each in sums of its own.
 */
#include "analyzer/diff/merge.h"
#include "formats/crew.h"

struct counter { /* one thread's */
	struct survival sum;
	struct group_near old, new;
};

struct counting {
	struct merge *m;
	struct survival *all;
	size_t groups_before, groups_after;
	struct counter *counter; /* by thread */
	struct counter **spare;  /* those that are at nobody's use */
};

static struct counter *take(struct counting *c)
{
	struct counter *one = NULL;

	for (unsigned i = 0; !one; i = (i + 1) % c->m->threads)
		one = __atomic_exchange_n(&c->spare[i], NULL, __ATOMIC_ACQUIRE);
	return one;
}

static void give_back(struct counting *c, struct counter *one)
{
	for (unsigned i = 0; one; i = (i + 1) % c->m->threads) {
		struct counter *none = NULL;

		if (__atomic_compare_exchange_n(&c->spare[i], &none, one, false, __ATOMIC_RELEASE,
		                                __ATOMIC_RELAXED))
			one = NULL;
	}
}

static struct life life_of(const struct merge_side *side, const struct block *b,
                           struct group_near *near)
{
	enum reach_class r = reach_of(side->reach, b->id);

	return (struct life){ .group = merge_group(side, b, near),
		              .size = b->size,
		              .weight = 1,
		              .leaked = r == REACH_DEFINITE || r == REACH_INDIRECT };
}

static struct life old_life(const struct merge *m, const struct block *b, struct group_near *near)
{
	struct life old = life_of(&m->old, b, near);

	old.fresh = m->last && bit_get(m->last->fresh, b->id);
	return old;
}

static void count_new(struct counting *c, struct counter *one, const struct block *b)
{
	const struct merge *m = c->m;
	enum reuse_says says = bit_get(m->sure, b->id)    ? REUSE_SURVIVED
	                       : bit_get(m->other, b->id) ? REUSE_REPLACED
	                                                  : REUSE_UNCERTAIN;
	struct life new = life_of(&m->new, b, &one->new), old;
	struct block before;

	if (!merge_old(m, b, &before)) {
		survival_born(&one->sum, &new);
		survival_mark_born(c->all, b->id);
		return;
	}
	old = old_life(m, &before, &one->old);
	survival_pair(&one->sum, &old, &new, says);
	survival_mark_pair(c->all, b->id, says, old.fresh);
}

static void count_some(void *of, size_t first, size_t end)
{
	struct counting *c = of;
	const struct heap *heap = c->m->new.heap;
	uint32_t stop = merge_end(&c->m->new, end);
	struct counter *one = take(c);
	struct heap_iter it = { .id = (uint32_t)(first * MERGE_PIECE) };
	struct block b;

	while (heap_next_set(heap, heap->used, &it, &b) && b.id < stop)
		count_new(c, one, &b);
	give_back(c, one);
}

static void count_gone(struct counting *c)
{
	const struct merge *m = c->m;
	const struct heap *heap = m->old.heap;
	uint64_t *gone = mem_lazy(m->old_bits);
	struct heap_iter it = { 0 };
	struct block b;

	for (size_t i = 0; i < m->old_bits / 8 && i < heap->bits_bytes / 8; i++)
		gone[i] = heap->used[i] & ~m->met[i];
	while (heap_next_set(heap, gone, &it, &b)) {
		struct life old = old_life(m, &b, &c->counter[0].old);

		survival_gone(&c->counter[0].sum, &old);
	}
	mem_lazy_free(gone, m->old_bits);
}

static void add(struct tally *to, const struct tally *more)
{
	to->blocks += more->blocks;
	to->bytes += more->bytes;
}

static void add_groups(struct survival_group *to, const struct survival_group *more, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add(&to[i].kept, &more[i].kept);
		add(&to[i].fresh, &more[i].fresh);
		add(&to[i].cohort, &more[i].cohort);
		add(&to[i].unsure, &more[i].unsure);
	}
}

static void add_up(struct counting *c, const struct survival *one)
{
	struct survival *s = c->all;

	add(&s->kept, &one->kept);
	add(&s->replaced, &one->replaced);
	add(&s->born, &one->born);
	add(&s->gone, &one->gone);
	add(&s->uncertain, &one->uncertain);
	add(&s->lost, &one->lost);
	add(&s->disproved, &one->disproved);
	add(&s->cohort, &one->cohort);
	add_groups(s->before, one->before, c->groups_before);
	add_groups(s->after, one->after, c->groups_after);
}

void survival_count(struct merge *m, struct survival *s)
{
	struct counting c = { .m = m, .all = s };

	c.groups_before = m->old.index.profile->groups.n;
	c.groups_after = m->new.index.profile->groups.n;
	c.counter = mem_alloc(m->threads, sizeof(*c.counter));
	c.spare = mem_alloc(m->threads, sizeof(*c.spare));
	for (unsigned i = 0; i < m->threads; i++) {
		struct survival *sum = &c.counter[i].sum;

		sum->before = mem_alloc(c.groups_before + 1, sizeof(*sum->before));
		sum->after = mem_alloc(c.groups_after + 1, sizeof(*sum->after));
		c.spare[i] = &c.counter[i];
	}
	survival_bits(s, merge_ids(&m->new));
	crew_share(m->threads, merge_pieces(&m->new), 1, count_some, &c);
	count_gone(&c);
	for (unsigned i = 0; i < m->threads; i++) {
		add_up(&c, &c.counter[i].sum);
		mem_free(c.counter[i].sum.before);
		mem_free(c.counter[i].sum.after);
	}
	mem_free(c.counter);
	mem_free(c.spare);
}
