#include "analyzer/site/score.h"

#include <math.h>
#include <stdlib.h>

#define ROUNDS      3
#define HOPELESS    14 /* logarithm: so far behind the likeliest, a site is out of the race */
#define PAIRS_MOST  500000
#define LIBRARY     (-2.0) /* a function of the C++ library that others call by a pointer */
#define UNDECIDED   0.1    /* share of the likeliest below which a class tells nothing */
#define COPY_LEAST  32     /* bytes that are moved, from which on a site copies a block */
#define COPY_LATER  1.0    /* logarithm: each copy has an original, but not the reverse */
#define KINDS_MOST  3000   /* sites that debug information is asked for */
#define TEMPERATURE 0.7    /* evidence is not independent: sums say too much */

const struct site_entry *scorer_site(const struct scorer *scorer, uint32_t site,
                                     const struct score_module **module)
{
	size_t behind = first_behind(scorer->module, scorer->nmodules, first, site);

	*module = &scorer->module[behind - 1];
	return &(*module)->index.v[site - (*module)->first];
}

/* Samples point to the same blocks again and again. */
static uint32_t class_met(struct scorer *scorer, const struct block *block)
{
	struct scorer_met *met = &scorer->met[block->id % SCORER_MET];

	if (met->id != block->id + 1) {
		uint32_t class = site_class_of(scorer->classes, block);

		if (class == CLASS_NONE)
			return class;
		*met = (struct scorer_met){ block->id + 1, class };
	}
	return met->class;
}

double scorer_share(struct scorer *scorer, const struct block *block, uint32_t site)
{
	uint32_t class = scorer->round ? class_met(scorer, block) : CLASS_NONE;
	const struct class_scores *s = class < scorer->room ? &scorer->of[class] : NULL;

	if (!s || !s->basis || !s->n || s->top[0].share < UNDECIDED)
		return 1;
	for (unsigned i = 0; i < s->n; i++)
		if (s->top[i].site == site)
			return s->top[i].share / s->top[0].share;
	return 0;
}

/* A score, while those of a class are collected. */
struct scored {
	struct score_kept kept;   /* site: among those of all modules; copies: another
	                             block's content; untold: an address is there that its
	                             code does not tell */
	double size, rest, score; /* size: a part of rest */
};
typedef ARRAY(struct scored) scored_list;

/* Most of the block is moved from elsewhere in pieces that are wider than any field. */
static bool is_copy(const struct score_module *m, const struct site_entry *e)
{
	uint64_t wide = 0, end = 0;

	if (e->size != SITE_FIXED)
		return false;
	for (uint32_t i = 0; i < e->nstores; i++) {
		const struct site_store *s = &m->index.store[e->store + i];

		if (!s->moved || s->offset < end)
			continue;
		wide += s->width;
		end = s->offset + s->width;
	}
	return wide >= COPY_LEAST && wide * 4 >= (uint64_t)e->add * 3;
}

/* Samples of a class are not independent of each other. */
static double pooling(const struct scorer *scorer, uint32_t class)
{
	unsigned n = scorer->classes->v[class].nsamples;

	return 1 + 0.15 * log2(n > 1 ? n : 1);
}

/* Blocks of other sites that are pointed to are known better from round to round. */
static bool leads_on(const struct score_module *m, const struct site_entry *e)
{
	for (uint32_t i = 0; i < e->nstores; i++)
		if (m->index.store[e->store + i].kind == STORE_BLOCK)
			return true;
	return false;
}

/* Do stores and content agree? */
static void score_content(struct scorer *scorer, uint32_t class, const struct score_module *m,
                          const struct site_entry *e, struct score_kept *to)
{
	double pooled = pooling(scorer, class);

	to->copies = is_copy(m, e);
	to->content = match_stores(scorer, class, m, e) + match_text(scorer, class, e) +
	              match_tail(scorer, class, e, m->index.store + e->store);
	if (e->flags & SITE_LIBRARY)
		to->content += LIBRARY;
	to->content *= pooled;
	to->untold = scorer->untold;
	to->fill = pooled * match_fill(scorer, class, m, e, to->copies);
	to->content_known = !leads_on(m, e);
}

/* before: of the round before; NULL: there was none. */
static struct scored score_site(struct scorer *scorer, uint32_t class, const struct score_module *m,
                                uint32_t site, double size, const struct score_kept *before)
{
	const struct site_entry *e = &m->index.v[site];
	struct scored s = { .kept = { .site = m->first + site } };

	if (before)
		s.kept = *before;
	if (!s.kept.content_known)
		score_content(scorer, class, m, e, &s.kept);
	if (!s.kept.kind_known)
		s.kept.kind = match_kind(scorer, class, m, site);
	s.kept.kind_known = scorer->round > 0; /* the first has no debug information */
	s.size = log(size * fit_rests(scorer, class, e));
	scorer_reason(scorer, s.size, "has a size that the site asks for", NULL, -1);
	s.rest += s.kept.fill;
	s.rest += prior_of(scorer, class, m, site) + s.size + match_refs(scorer, class, m, site) +
	          match_homes(scorer, class, m, site) + match_affinity(scorer, class, m) +
	          match_whose(scorer, class, m) + s.kept.kind;
	s.score = s.kept.content + s.rest;
	return s;
}

/*
 * What copies a block has what that one has: in each word it is as likely as its likeliest site,
 * which is one that asks for such sizes.
 */
static void score_copies(scored_list *all)
{
	double best = 0;
	bool any = false;

	for (size_t i = 0; i < all->n; i++) {
		double content = all->v[i].kept.content + all->v[i].size;

		if (!all->v[i].kept.copies && (!any || content > best)) {
			best = content;
			any = true;
		}
	}
	for (size_t i = 0; any && i < all->n; i++)
		if (all->v[i].kept.copies)
			all->v[i].score = best - COPY_LATER + all->v[i].rest;
}

const struct site_kind *scorer_kind(struct scorer *scorer, const struct score_module *module,
                                    uint32_t site)
{
	static const struct site_kind unknown;
	uint32_t *at = &scorer->kind_of[module->first + site];

	if (!*at) {
		if (scorer->kinds.n >= KINDS_MOST)
			return &unknown;
		array_push(&scorer->kinds, unknown);
		*at = (uint32_t)scorer->kinds.n;
		site_kind_find(scorer->modules, module->module, &module->index,
		               &module->index.v[site], &scorer->kinds.v[*at - 1]);
	}
	return &scorer->kinds.v[*at - 1];
}

static void insert(struct class_scores *s, uint32_t site, double score)
{
	unsigned i;

	if (s->n == SCORE_TOP && s->top[SCORE_TOP - 1].score >= score)
		return;
	i = s->n < SCORE_TOP ? s->n++ : SCORE_TOP - 1;
	while (i > 0 && s->top[i - 1].score < score) {
		s->top[i] = s->top[i - 1];
		i--;
	}
	s->top[i] = (struct score_top){ site, score, 0 };
}

/* All sites whose size fits. */
static void score_all(struct scorer *scorer, uint32_t class, scored_list *all)
{
	uint64_t usable = scorer->classes->v[class].size;

	for (size_t i = 0; i < scorer->nmodules; i++) {
		const struct score_module *m = &scorer->module[i];
		/* what is the C library's own nobody else asks for */
		bool never = scorer->kind[class].libc && !m->foreign;

		for (uint32_t j = 0; j < m->index.n && !never; j++) {
			double size;

			if (m->index.v[j].flags & SITE_WRAPPER)
				continue;
			size = fit_size(&m->index, &m->index.v[j], usable);
			if (size > 0)
				array_push(all, score_site(scorer, class, m, j, size, NULL));
		}
	}
}

/* Those that the round before did not rule out. */
static void score_kept(struct scorer *scorer, uint32_t class, const struct class_scores *before,
                       scored_list *all)
{
	uint64_t usable = scorer->classes->v[class].size;

	for (uint32_t i = 0; i < before->nkept; i++) {
		const struct score_kept *kept = &before->kept[i];
		const struct score_module *m;
		const struct site_entry *e = scorer_site(scorer, kept->site, &m);

		array_push(all, score_site(scorer, class, m, kept->site - m->first,
		                           fit_size(&m->index, e, usable), kept));
	}
}

static void keep(struct class_scores *out, const scored_list *all, double best)
{
	out->kept = mem_alloc(all->n, sizeof(*out->kept));
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].score > best - HOPELESS)
			out->kept[out->nkept++] = all->v[i].kept;
}

/* An address that no site's code tells is what an unknown one stores, as likely as theirs do. */
static double unknown_stores(const struct scorer *scorer, uint32_t class, const scored_list *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].kept.untold)
			return SCORE_UNTOLD * pooling(scorer, class) - SCORE_UNTOLD_OPEN;
	return 0;
}

/* before: the round before; NULL: this is the first. */
static void score_class(struct scorer *scorer, uint32_t class, const struct class_scores *before,
                        struct class_scores *out)
{
	double unknown = scorer->unknown, best, sum = 0;
	scored_list all = { 0 };

	*out = (struct class_scores){ 0 };
	if (before)
		score_kept(scorer, class, before, &all);
	else
		score_all(scorer, class, &all);
	score_copies(&all);
	unknown += unknown_stores(scorer, class, &all);
	best = unknown;
	for (size_t i = 0; i < all.n; i++) {
		best = all.v[i].score > best ? all.v[i].score : best;
		insert(out, all.v[i].kept.site, all.v[i].score);
	}
	for (size_t i = 0; i < all.n; i++)
		sum += exp((all.v[i].score - best) * TEMPERATURE);
	out->done = true;
	out->fits = before ? before->fits : (uint32_t)all.n;
	keep(out, &all, best);
	out->unknown = exp((unknown - best) * TEMPERATURE);
	sum += out->unknown;
	out->unknown /= sum;
	for (size_t i = 0; i < all.n; i++)
		wraps_add(scorer, all.v[i].kept.site,
		          exp((all.v[i].score - best) * TEMPERATURE) / sum, out);
	array_free(&all);
	for (unsigned i = 0; i < out->n; i++)
		out->top[i].share = exp((out->top[i].score - best) * TEMPERATURE) / sum;
}

static int by_size(const void *a, const void *b, void *arg)
{
	const struct site_class *v = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (v[x].size != v[y].size)
		return v[x].size < v[y].size ? -1 : 1;
	if (v[x].key != v[y].key)
		return v[x].key < v[y].key ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int by_blocks(const void *a, const void *b, void *arg)
{
	const struct site_class *v = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (v[x].blocks != v[y].blocks)
		return v[x].blocks > v[y].blocks ? -1 : 1;
	return by_size(a, b, arg);
}

static void free_scores(struct class_scores *scores, size_t n)
{
	for (size_t i = 0; scores && i < n; i++)
		mem_free(scores[i].kept);
	mem_free(scores);
}

/* The classes, those of many blocks first. mem_free. */
static uint32_t *by_most_blocks(const struct scorer *scorer)
{
	size_t n = scorer->nsized;
	uint32_t *order = mem_alloc(n + 1, sizeof(*order));

	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	if (n)
		qsort_r(order, n, sizeof(*order), by_blocks, scorer->classes->v);
	return order;
}

/* The first round, the classes of many blocks first; until there have been enough comparisons. */
static void first_round(struct scorer *scorer, struct class_scores *out)
{
	uint32_t *order = by_most_blocks(scorer);
	size_t n = scorer->nsized;

	for (size_t i = 0; i < n && scorer->pairs < scorer->basis; i++) {
		score_class(scorer, order[i], NULL, &out[order[i]]);
		scorer->pairs += out[order[i]].fits;
		out[order[i]].basis = true;
	}
	mem_free(order);
}

static void later_round(struct scorer *scorer, struct class_scores *out)
{
	for (uint32_t i = 0; i < scorer->nsized; i++) {
		if (!scorer->of[i].basis)
			continue;
		score_class(scorer, i, &scorer->of[i], &out[i]);
		out[i].basis = true;
	}
}

/* Room for what is known of n classes. */
static void make_room(struct scorer *scorer, size_t n)
{
	struct class_scores *of;
	struct class_kind *kind;

	if (n < scorer->room)
		return;
	of = mem_alloc(2 * n + 1, sizeof(*of));
	kind = mem_alloc(2 * n + 1, sizeof(*kind));
	for (size_t i = 0; i < scorer->room; i++) {
		of[i] = scorer->of[i];
		kind[i] = scorer->kind[i];
	}
	mem_free(scorer->of);
	mem_free(scorer->kind);
	scorer->of = of;
	scorer->kind = kind;
	scorer->room = 2 * n + 1;
}

void scorer_run(struct scorer *scorer)
{
	size_t n = scorer->classes->n;

	scorer->unknown = doubt_unknown(scorer);
	scorer->nsized = n;
	make_room(scorer, n); /* nothing is known of them at first */
	scorer->met = mem_alloc(SCORER_MET, sizeof(*scorer->met));
	scorer->answers = mem_alloc(CLASS_ANSWERS, sizeof(*scorer->answers));
	scorer->by_size = mem_alloc(n + 1, sizeof(*scorer->by_size));
	scorer->kind_of = mem_alloc((size_t)scorer->nsites + 1, sizeof(*scorer->kind_of));
	wraps_find(scorer);
	scorer->active = mem_alloc((size_t)scorer->nsites + 1, sizeof(*scorer->active));
	for (uint32_t i = 0; i < n; i++)
		class_kind_find(scorer, i, &scorer->kind[i]);
	for (uint32_t i = 0; i < n; i++)
		scorer->by_size[i] = i;
	if (n)
		qsort_r(scorer->by_size, n, sizeof(*scorer->by_size), by_size, scorer->classes->v);
	for (scorer->round = 0; scorer->round < ROUNDS; scorer->round++) {
		struct class_scores *next = mem_alloc(scorer->room, sizeof(*next));

		if (scorer->round)
			later_round(scorer, next);
		else
			first_round(scorer, next);
		free_scores(scorer->of, scorer->room);
		scorer->of = next;
		prior_note(scorer);
		affinity_note(scorer);
	}
	scorer->explained = doubt_explained(scorer);
	scorer->certain = doubt_certain(scorer);
}

const struct class_scores *scorer_of(struct scorer *scorer, uint32_t class)
{
	struct class_scores first;
	unsigned round = scorer->round;

	make_room(scorer, class + 1);
	if (scorer->of[class].done)
		return &scorer->of[class];
	if (class >= scorer->nsized)
		class_kind_find(scorer, class, &scorer->kind[class]);
	scorer->round = 0; /* as the basis: first what is hopeless is ruled out */
	score_class(scorer, class, NULL, &first);
	scorer->round = round;
	score_class(scorer, class, &first, &scorer->of[class]);
	mem_free(first.kept);
	scorer->pairs += first.fits;
	return &scorer->of[class];
}

bool scorer_has_room(const struct scorer *scorer)
{
	return scorer->pairs < PAIRS_MOST;
}

bool scorer_knows(const struct scorer *scorer, uint32_t class)
{
	return class < scorer->room && scorer->of[class].done;
}

void scorer_rest(struct scorer *scorer)
{
	uint32_t *order = by_most_blocks(scorer);
	size_t n = scorer->nsized;

	for (size_t i = 0; i < n; i++) {
		if (scorer->of[order[i]].done || scorer_has_room(scorer))
			scorer_of(scorer, order[i]);
		else
			scorer->left_out += scorer->classes->v[order[i]].blocks;
	}
	mem_free(order);
}

void scorer_free(struct scorer *scorer)
{
	free_scores(scorer->of, scorer->room);
	mem_free(scorer->by_size);
	mem_free(scorer->kind_of);
	mem_free(scorer->kind);
	mem_free(scorer->active);
	mem_free(scorer->wrap);
	mem_free(scorer->answers);
	mem_free(scorer->met);
	affinity_free(scorer);
	array_free(&scorer->kinds);
	scorer->of = NULL;
	scorer->by_size = NULL;
}

size_t scorer_reasons(struct scorer *scorer, uint32_t class, uint32_t site,
                      struct score_reason *reason)
{
	const struct score_module *m;
	const struct site_entry *e = scorer_site(scorer, site, &m);
	double size = fit_size(&m->index, e, scorer->classes->v[class].size);

	scorer->reason = reason;
	scorer->nreasons = 0;
	score_site(scorer, class, m, site - m->first, size, NULL);
	scorer->reason = NULL;
	return scorer->nreasons;
}
