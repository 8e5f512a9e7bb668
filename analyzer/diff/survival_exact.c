/*
 * Every used block of two cores: each by itself, in pieces that threads share, how its contents
 * agree with what was there before, and how many look like it; what contents alone tell for sure;
 * from there and from roots, who is still held; then all together. At last merged by address, to
 * count what became of each.
 */
#include "analyzer/diff/merge.h"
#include "analyzer/diff/tie.h"
#include "formats/crew.h"

#define PAIR    0x8000u /* beside a set of lanes: there is one, whose kin is known */
#define NO_KIN  UINT16_MAX
#define PATTERN (REUSE_PATTERNS - 1)
#define TWINS   0.9  /* of what takes the place of a block with twins: is one more of them */
#define SAMPLE  4096 /* pairs that contents settle whose holders are looked at all the same */

static void side_open(struct snapshot *s, struct merge_side *side)
{
	side->core = s->a.core;
	side->heap = analysis_heap(&s->a);
	side->reach = analysis_reach(&s->a);
	side->types = analysis_types(&s->a);
	group_index_make(s->report.profile, &side->index);
}

/* ---- every block by itself, in pieces by id ---- */

/* Of a used block of the newer core. */
static uint16_t kin_find_of(const struct merge *m, const struct block *b, struct group_near *near,
                            bool *many)
{
	const struct imprint_side side = { m->new.core, m->new.heap, b };
	const struct profile *p = m->profile;
	size_t c = classes_find(&p->classes, b->size);

	*many = c != SIZE_MAX && twins_in(&p->twins, c) &&
	        twins_are_many(&p->twins, imprint_look(&side));
	if (c == SIZE_MAX)
		return NO_KIN;
	return (uint16_t)(2 * kin_find(p, merge_group(&m->new, b, near), c) + *many);
}

static void look_at(struct merge *m, const struct block *b, struct group_near *near)
{
	struct block before;
	const struct imprint_side old = { m->old.core, m->old.heap, &before };
	const struct imprint_side new = { m->new.core, m->new.heap, b };
	bool equal, many;

	if (!merge_old(m, b, &before)) {
		bit_set(m->other, b->id);
		return;
	}
	bit_set_shared(m->met, before.id);
	m->kin_of[b->id] = kin_find_of(m, b, near, &many);
	if (m->kin_of[b->id] != NO_KIN)
		m->pattern[b->id] = PAIR;
	m->pattern[b->id] |= (uint16_t)imprint_compare_blocks(&old, &new, &equal);
	if (many)
		bit_set(m->many, b->id);
	if (equal)
		bit_set(m->same, b->id);
}

static void look_some(void *of, size_t first, size_t end)
{
	struct merge *m = of;
	struct heap_iter it = { .id = (uint32_t)(first * MERGE_PIECE), .look = true };
	uint32_t stop = merge_end(&m->new, end);
	struct group_near near = { 0 };
	struct block b;

	while (heap_next_set(m->new.heap, m->new.heap->used, &it, &b) && b.id < stop)
		look_at(m, &b, &near);
}

/* What that told. */
static enum pointers_stayed look_again(void *of, const struct block *b)
{
	const struct merge *m = of;

	return bit_get(m->other, b->id)  ? STAYED_NOTHING
	       : bit_get(m->same, b->id) ? STAYED_ALL
	                                 : STAYED_SOME;
}

/* ---- which pairs are replaced ---- */

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

static double pairs_of(const struct reuse *reuse)
{
	double all = 0;

	for (unsigned p = 0; p < REUSE_PATTERNS; p++)
		all += (double)reuse->pairs[p];
	return all;
}

/* After the pairs were counted. */
static void make_kin(struct merge *m, const struct reuse *reuse)
{
	const struct profile *p = m->profile;

	m->kin = mem_alloc(m->nkin + 1, sizeof(*m->kin));
	for (size_t i = 0; i < m->nkin; i++) {
		double all = pairs_of(&reuse[i]) + pairs_of(&reuse[i ^ 1]);
		double share = all > 0 ? pairs_of(&reuse[i | 1]) / all : 0;

		m->kin[i] = p->kin.v[i / 2];
		part_chances(m->kin[i].alike, i % 2, share);
		part_chances(m->kin[i].near, i % 2, share);
	}
}

struct judged { /* pairs, as their kin judge them */
	struct merge *m;
	struct reuse *reuse;
	struct ties ties;
};

/* Of each pair, by what is known of the pairs of its kin that have its pattern. */
static void mark_some(void *of, size_t first, size_t end)
{
	const struct judged *j = of;
	const struct merge *m = j->m;
	uint32_t stop = merge_end(&m->new, end);

	for (uint32_t id = (uint32_t)(first * MERGE_PIECE); id < stop; id++) {
		uint8_t says = REUSE_UNCERTAIN;

		if (m->pattern[id] & PAIR)
			says = j->reuse[m->kin_of[id]].says[m->pattern[id] & PATTERN];
		if (says == REUSE_SURVIVED)
			bit_set(m->sure, id);
		else
			bit_clear(m->sure, id);
		if (says == REUSE_REPLACED)
			bit_set(m->other, id);
	}
}

#define COUNTERS 64 /* a power of two */

struct counter {
	uint32_t *of; /* NULL: none */
	uint32_t n;
};

static void count_up(uint32_t *of, uint32_t n)
{
	if (of)
		__atomic_fetch_add(of, n, __ATOMIC_RELAXED);
}

static void count_some(void *of, size_t first, size_t end)
{
	const struct judged *j = of;
	const struct merge *m = j->m;
	struct counter counter[COUNTERS] = { 0 };
	uint32_t stop = merge_end(&m->new, end);

	for (uint32_t id = (uint32_t)(first * MERGE_PIECE); id < stop; id++) {
		struct reuse *r = &j->reuse[m->kin_of[id]];
		uint32_t pattern = m->pattern[id] & PATTERN;
		struct counter *c = &counter[(m->kin_of[id] ^ pattern) % COUNTERS];

		if (!(m->pattern[id] & PAIR))
			continue;
		if (c->of != &r->pairs[pattern]) {
			count_up(c->of, c->n);
			*c = (struct counter){ .of = &r->pairs[pattern] };
		}
		c->n++;
	}
	for (size_t i = 0; i < COUNTERS; i++)
		count_up(counter[i].of, counter[i].n);
}

static void count_pairs(struct judged *j)
{
	for (size_t i = 0; i < j->m->nkin; i++)
		memset(j->reuse[i].pairs, 0, sizeof(j->reuse[i].pairs));
	crew_share(j->m->threads, merge_pieces(&j->m->new), 1, count_some, j);
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
		reuse[i].hasty = m->profile->by_size;
		reuse[i].old = pairs > 0 ? (uint64_t)(all[i / 2] * own / pairs) : 0;
	}
	mem_free(all);
	mem_free(kin);
}

/* ---- who holds them ---- */

/* One in so many pairs of the kin that contents settle is looked at as well. */
static uint32_t sample_step(const struct merge *m)
{
	return m->new.heap->nchunks / SAMPLE + 1;
}

static void ask_some(void *of, size_t first, size_t end)
{
	const struct judged *j = of;
	const struct merge *m = j->m;
	uint32_t stop = merge_end(&m->new, end), step = sample_step(m);

	for (uint32_t id = (uint32_t)(first * MERGE_PIECE); id < stop; id++) {
		const struct reuse *r = &j->reuse[m->kin_of[id]];

		if (m->pattern[id] & PAIR &&
		    (!r->settled || r->says[m->pattern[id] & PATTERN] == REUSE_UNCERTAIN ||
		     id % step == 0))
			bit_set(m->asked, id);
	}
}

/* What nothing points to, and did not then: it was lost, and cannot have been freed. */
static bool was_lost(const struct merge *m, const struct block *b)
{
	enum reach_class now = reach_of(m->new.reach, b->id);
	struct block before;

	if (now != REACH_DEFINITE && now != REACH_INDIRECT)
		return true; /* held, though not by its start */
	if (!merge_old(m, b, &before))
		return false;
	now = reach_of(m->old.reach, before.id);
	return now == REACH_DEFINITE || now == REACH_INDIRECT;
}

static void add_ties(void *of, size_t first, size_t end)
{
	const struct judged *j = of;
	const struct merge *m = j->m;
	uint32_t stop = merge_end(&m->new, end);

	for (uint32_t id = (uint32_t)(first * MERGE_PIECE); id < stop; id++) {
		struct block b;

		if (!bit_get(m->asked, id))
			continue;
		m->pattern[id] &= (uint16_t)~REUSE_HOLDERS;
		if (bit_get(j->ties.kept, id) ||
		    (!bit_get(j->ties.held, id) && heap_by_id(m->new.heap, id, &b) &&
		     was_lost(m, &b)))
			m->pattern[id] |= REUSE_HOLDERS;
	}
}

/* What ties tell where contents do. */
static void see_sample(const struct judged *j, struct reuse_seen *seen)
{
	const struct merge *m = j->m;
	uint32_t step = sample_step(m);

	for (uint32_t id = 0; id < m->new.heap->nchunks; id += step) {
		const struct reuse *r = &j->reuse[m->kin_of[id]];
		unsigned pattern = m->pattern[id] & PATTERN;

		if (m->pattern[id] & PAIR && r->settled)
			seen->pairs[r->says[pattern] == REUSE_REPLACED][pattern >> IMPRINT_LANES]++;
	}
}

static void judge_by_ties(struct judged *j, struct snapshot *after)
{
	struct merge *m = j->m;
	const struct pointers_ask ask = { look_again, m };
	struct reuse_seen seen = { 0 };
	struct pointers pointers;

	crew_share(m->threads, merge_pieces(&m->new), 1, ask_some, j);
	pointers_find(m->new.core, m->old.core, m->new.heap, analysis_roots(&after->a), m->threads,
	              m->asked, ask, &pointers);
	ties_find(&pointers, m->sure, m->other, m->many, ask, &j->ties);
	crew_share(m->threads, merge_pieces(&m->new), 1, add_ties, j);
	ties_free(&j->ties);
	pointers_free(&pointers);
	see_sample(j, &seen);
	count_pairs(j);
	reuse_judge(m->kin, m->nkin, &seen, j->reuse);
}

static void merge_make(struct merge *m, struct snapshot *before, struct snapshot *after)
{
	side_open(before, &m->old);
	side_open(after, &m->new);
	m->threads = analysis_threads(&after->a);
	m->profile = after->report.profile;
	m->nkin = 2 * m->profile->kin.n;
	m->bits = (merge_ids(&m->new) / 64 + 1) * 8;
	m->old_bits = (merge_ids(&m->old) / 64 + 1) * 8;
	m->pattern = mem_lazy(merge_ids(&m->new) * sizeof(*m->pattern));
	m->kin_of = mem_lazy(merge_ids(&m->new) * sizeof(*m->kin_of));
	m->other = mem_lazy(m->bits);
	m->sure = mem_lazy(m->bits);
	m->many = mem_lazy(m->bits);
	m->same = mem_lazy(m->bits);
	m->asked = mem_lazy(m->bits);
	m->met = mem_lazy(m->old_bits);
}

static void merge_free(struct merge *m)
{
	mem_lazy_free(m->pattern, merge_ids(&m->new) * sizeof(*m->pattern));
	mem_lazy_free(m->kin_of, merge_ids(&m->new) * sizeof(*m->kin_of));
	mem_lazy_free(m->other, m->bits);
	mem_lazy_free(m->sure, m->bits);
	mem_lazy_free(m->many, m->bits);
	mem_lazy_free(m->same, m->bits);
	mem_lazy_free(m->asked, m->bits);
	mem_lazy_free(m->met, m->old_bits);
	mem_free(m->kin);
	group_index_free(&m->old.index);
	group_index_free(&m->new.index);
}

void survival_by_blocks(struct snapshot *before, struct snapshot *after,
                        const struct survival *last, struct reuse *reuse, struct survival *s)
{
	struct merge m = { .last = last };
	struct judged j = { .m = &m, .reuse = reuse };

	merge_make(&m, before, after);
	crew_share(m.threads, merge_pieces(&m.new), 1, look_some, &m);
	count_pairs(&j);
	make_kin(&m, reuse);
	count_old(&m, reuse);
	reuse_first(m.kin, m.nkin, reuse);
	crew_share(m.threads, merge_pieces(&m.new), 1, mark_some, &j);
	judge_by_ties(&j, after);
	crew_share(m.threads, merge_pieces(&m.new), 1, mark_some, &j);
	survival_count(&m, s);
	merge_free(&m);
}
