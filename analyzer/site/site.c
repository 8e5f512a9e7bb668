#include "analyzer/site/site.h"

#include "analyzer/analysis.h"
#include "analyzer/report/report.h"
#include "analyzer/site/modules.h"
#include "analyzer/site/place.h"
#include "analyzer/site/sample.h"
#include "formats/stage.h"

#include <math.h>
#include <stdlib.h>

#define CLASSES_MOST 20000
#define WHOLE_BYTES  (UINT64_C(64) << 20) /* in use, up to which all of a heap is looked at */
#define WHOLE_CHUNKS (UINT32_C(1) << 18)
#define PAIRS_WHOLE  250000 /* of class and site, compared at first: a quarter of a second */
#define PAIRS_SAMPLE 50000

#define HUB_CALLERS 3
#define APART       0.4   /* share of what is likely for the class, not for a block of it */
#define RAN         0.5   /* classes of blocks that a function that ran has made, at least */
#define RUNS        4.0   /* so much likelier are its calls */
#define NEARER      0.6   /* of a call's weight is left for each one between it and the site */
#define CALLS_TOLD  32    /* calls that a library's site is told by: the nearest */
#define LEAST       0.005 /* of a share that is told */

/* A call of one of the language's libraries. */
struct called {
	struct site place;
	double weight; /* of it, among others that come to the same */
};

struct sites {
	struct analysis *a;
	bool many; /* blocks are asked about: no more is compared for them than is quick */
	bool all;  /* of all classes: what is left out is known */
	struct site_marks marks;
	struct site_classes classes;
	struct site_refs refs;
	struct site_whose whose;
	struct scorer scorer;
	struct site *place;             /* by site; method NULL: not looked up */
	struct called *caller;          /* the same, by number of a library_call */
	struct site_guess apart;        /* of the block that was asked for last */
	ARRAY(struct site_guess) guess; /* by class; n == UINT32_MAX: not made */
	struct pool pool;
};

/* ---- the stage ---- */

bool sites_whole(struct analysis *a)
{
	const struct heap *heap = analysis_heap(a);

	return !a->where.no_sites && heap->nchunks <= WHOLE_CHUNKS &&
	       heap->total[BLOCK_USED].bytes <= WHOLE_BYTES;
}

/* All that is in use, and who points to whom; of a large heap a sample, and of that types only
 * where leaks knows them, too. */
static void find_whose(struct sites *s)
{
	const struct module **module = mem_alloc(s->scorer.nmodules + 1, sizeof(*module));

	for (size_t i = 0; i < s->scorer.nmodules; i++)
		module[i] = s->scorer.module[i].foreign ? NULL : s->scorer.module[i].module;
	site_whose_make(&s->classes, module, s->scorer.nmodules, &s->whose);
	mem_free(module);
}

static void sort_blocks(struct sites *s, bool whole)
{
	const struct heap *heap = analysis_heap(s->a);
	const struct reach *reach = whole ? NULL : analysis_reach(s->a);
	uint64_t *sample = whole ? NULL : site_sample(heap, reach);

	site_classes_init(s->a->core, heap, &s->a->modules, &s->classes);
	s->classes.marks = &s->marks;
	s->classes.types = analysis_types(s->a);
	s->classes.reach = reach;
	if (whole)
		site_classes_context(&s->classes);
	site_classes_make(&s->classes, sample, CLASSES_MOST);
	if (whole)
		site_refs_make(&s->classes, &s->refs);
	if (whole)
		find_whose(s);
	if (sample)
		mem_lazy_free(sample, heap->bits_bytes);
	s->scorer.refs = whole ? &s->refs : NULL;
	s->scorer.reached = whole ? &s->whose : NULL;
	s->scorer.basis = whole ? PAIRS_WHOLE : PAIRS_SAMPLE;
}

void sites_make(struct analysis *a, struct sites **out)
{
	struct sites *s = mem_alloc(1, sizeof(*s));
	struct stage outer;

	s->a = a;
	*out = s;
	if (a->core->machine->id != MACHINE_X86_64 || a->where.no_sites)
		return;
	site_modules_read(s->a, &s->scorer);
	if (!s->scorer.nsites)
		return;
	outer = stage_steps("looking for allocation sites", 0);
	for (size_t i = 0; i < s->scorer.nmodules; i++)
		if (!s->scorer.module[i].foreign)
			site_marks_add(&s->marks, &s->scorer.module[i].index);
	sort_blocks(s, sites_whole(a));
	s->scorer.core = a->core;
	s->scorer.classes = &s->classes;
	s->scorer.modules = &a->modules;
	scorer_run(&s->scorer);
	stage_end(outer);
	s->place = mem_alloc(s->scorer.nsites, sizeof(*s->place));
	s->caller = mem_alloc(s->scorer.library.numbers + 1, sizeof(*s->caller));
}

void sites_all(struct sites *sites)
{
	if (sites->place)
		scorer_rest(&sites->scorer);
	sites->many = sites->all = true;
}

void sites_many(struct sites *sites)
{
	sites->many = true;
}

void sites_warn(const struct sites *s, struct report *report)
{
	const char *partial = NULL;

	for (size_t i = 0; i < s->scorer.nmodules; i++)
		if (s->scorer.module[i].index.partial)
			partial = pool_printf(&report->pool, "%s%s%s", partial ? partial : "",
			                      partial ? ", " : "",
			                      base_name(s->scorer.module[i].module->path));
	if (partial)
		report_warn(report, "sites-partial",
		            "the code of %s was read in part only: it is very long, or its file is "
		            "damaged; sites in the rest of it are not found, and where the file is "
		            "damaged it has to be got again",
		            partial);
	if (s->scorer.left_out)
		report_warn(report, "sites-left-out",
		            "for %llu blocks, which few others are like, no site was looked for: "
		            "there are too many kinds of blocks; explain looks for that of a block",
		            (unsigned long long)s->scorer.left_out);
}

void sites_free(struct sites *sites)
{
	if (!sites)
		return;
	scorer_free(&sites->scorer);
	site_modules_free(&sites->scorer);
	site_refs_free(&sites->refs);
	site_whose_free(&sites->whose);
	site_classes_free(&sites->classes);
	site_marks_free(&sites->marks);
	mem_free(sites->place);
	mem_free(sites->caller);
	array_free(&sites->guess);
	pool_free(&sites->pool);
	mem_free(sites);
}

static const struct site *place_of(struct sites *s, uint32_t site)
{
	struct site *p = &s->place[site];
	const struct score_module *m;
	const struct site_entry *e;

	if (p->method)
		return p;
	e = scorer_site(&s->scorer, site, &m);
	site_place(s->a->core, &s->a->modules, m->module, e->call, p);
	p->runtime = module_is_runtime(m->module);
	p->open = doubt_open(e);
	p->hub = p->open && e->callers >= HUB_CALLERS;
	p->method = SITE_INFERRED;
	return p;
}

/* Does the function of this call ask for blocks that there are? Then it ran. */
static bool has_run(const struct sites *s, const struct library_call *call)
{
	const struct score_module *m = &s->scorer.module[call->module];
	size_t i = first_behind(m->index.v, m->index.n, call, call->use->function);

	for (; i < m->index.n && m->index.v[i].function == call->use->function; i++)
		if (s->scorer.active[m->first + i] >= RAN)
			return true;
	return false;
}

/* Where one of the language's libraries is called. */
static const struct called *caller_of(struct sites *s, const struct library_call *call)
{
	struct called *c = &s->caller[call->number];

	if (c->place.method)
		return c;
	site_place(s->a->core, &s->a->modules, s->scorer.module[call->module].module,
	           call->use->call, &c->place);
	c->place.method = SITE_INFERRED;
	c->weight = (has_run(s, call) ? RUNS : 1.0) / call->use->same;
	return c;
}

static bool same_line(const struct site *a, const struct site *b)
{
	if (a->module != b->module)
		return false;
	if (!a->file || !b->file)
		return a->offset == b->offset;
	return a->line == b->line && !strcmp(a->file, b->file);
}

static struct site *listed(struct site_guess *g, const struct site *place)
{
	for (unsigned i = 0; i < g->n; i++)
		if (same_line(&g->list[i], place))
			return &g->list[i];
	return NULL;
}

/* Groups: the shares of their classes, added up. */
static void add_to_list(struct site_guess *g, const struct site *place, double share)
{
	struct site *known = listed(g, place);

	if (known) {
		known->confidence += share;
		return;
	}
	if (g->n == SITE_LIST)
		return;
	g->list[g->n] = *place;
	g->list[g->n++].confidence = share;
}

/* What is told as equal goes by place: less than that the kernel's choice of addresses decides. */
static int by_confidence(const void *a, const void *b)
{
	const struct site *x = a, *y = b;
	long u = lround(x->confidence * 100), v = lround(y->confidence * 100);

	if (u != v)
		return u > v ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Lines tell types, too; those of the language's own libraries tell none of a program's. */
static double least_told(const struct scorer *scorer, const struct site_guess *g)
{
	bool lines = false;

	for (unsigned i = 0; i < g->n; i++)
		lines = lines || (g->list[i].file && !g->list[i].runtime);
	return doubt_least(scorer, lines);
}

/*
 * What is less likely than not is not told, except in a program that is told well as a rule; and
 * what anything may go through is not then, nor a block that no other is like: what it agrees with
 * by chance nothing contradicts.
 */
static double doubt(const struct scorer *scorer, uint64_t blocks, struct site_guess *g)
{
	double sum = 0, worth, least;

	for (unsigned i = 0; i < g->n; i++)
		sum += g->list[i].confidence;
	worth = doubt_share(scorer->explained, sum);
	for (unsigned i = 0; i < g->n; i++)
		g->list[i].confidence *= worth / sum;
	least = least_told(scorer, g);
	if (g->n && least > 0 && (g->list[0].confidence < least || g->list[0].open || blocks < 2))
		g->n = 0;
	return sum > 0 ? worth / sum : 1;
}

/* Sorts a list; what would be 0 % is not told: chance decides which of those there are. */
static void put_in_order(struct site_guess *g)
{
	qsort(g->list, g->n, sizeof(*g->list), by_confidence);
	while (g->n && g->list[g->n - 1].confidence < LEAST)
		g->n--;
}

/* What the language's own libraries ask for, and allocators, they ask for in somebody's name. */
static bool is_likely(const struct site_guess *g)
{
	return g->n && g->list[0].confidence >= SITE_LIKELY && !g->list[0].runtime &&
	       !g->list[0].hub;
}

/*
 * What a library asks for on behalf of who calls it is theirs: the nearer the call, the likelier.
 * False: nobody else's calls come to this site.
 */
static bool add_callers(struct sites *s, uint32_t site, double share, struct site_guess *g)
{
	size_t n;
	const struct library_call *c = library_calls(&s->scorer.library, site, &n);
	double weight[CALLS_TOLD], sum = 0;

	n = n < CALLS_TOLD ? n : CALLS_TOLD;
	for (size_t i = 0; i < n; i++) {
		weight[i] = pow(NEARER, c[i].depth) * caller_of(s, &c[i])->weight;
		sum += weight[i];
	}
	for (size_t i = 0; i < n; i++)
		add_to_list(g, &caller_of(s, &c[i])->place, share * weight[i] / sum);
	return n > 0;
}

/*
 * By way of a wrapper, which of its callers it was being not clear: it is told first if none of
 * them is likelier than the others together, else third.
 */
static void add_wrapper(struct site_guess *g, const struct site *place, double share)
{
	unsigned at = 0;

	if (listed(g, place) || share < g->list[0].confidence / 2)
		return;
	while (at < g->n && g->list[at].confidence >= share / 2)
		at++;
	if (at == SITE_LIST)
		return;
	g->n += g->n < SITE_LIST;
	memmove(&g->list[at + 1], &g->list[at], (g->n - at - 1) * sizeof(*g->list));
	g->list[at] = *place;
	g->list[at].confidence = share < SITE_LIKELY ? share : SITE_LIKELY;
}

static void judge(struct sites *s, uint32_t class)
{
	const struct class_scores *scores = scorer_of(&s->scorer, class);
	struct site_guess *g = &s->guess.v[class];
	double twice = 0, worth;

	*g = (struct site_guess){ .fits = scores->fits, .best = scores->top[0].site };
	for (unsigned i = 0; i < scores->n; i++) {
		const struct site *place;

		if (add_callers(s, scores->top[i].site, scores->top[i].share, g))
			continue;
		place = place_of(s, scores->top[i].site);
		/* copies of an inlined line are as likely as one: the best of them counts */
		if (listed(g, place))
			twice += scores->top[i].share;
		else
			add_to_list(g, place, scores->top[i].share);
	}
	for (unsigned i = 0; i < g->n && twice < 1; i++)
		g->list[i].confidence /= 1 - twice;
	put_in_order(g);
	worth = doubt(&s->scorer, s->classes.v[class].blocks, g);
	g->likely = is_likely(g);
	for (unsigned i = 0; i < SCORE_WRAPS && g->n && !g->likely; i++)
		if (scores->wrap[i].site)
			add_wrapper(g, place_of(s, scores->wrap[i].site - 1),
			            scores->wrap[i].share * worth);
}

/* Its class; none where that is left out, as there is too much to compare. */
static uint32_t class_of(struct sites *s, const struct block *block)
{
	uint32_t class;

	if (!s->many || scorer_has_room(&s->scorer))
		return site_class_made(&s->classes, block);
	class = site_class_of(&s->classes, block);
	if (class != CLASS_NONE && scorer_knows(&s->scorer, class))
		return class;
	s->scorer.left_out += !s->all;
	return CLASS_NONE;
}

/* Of a block that is not like the samples of its class, which all are of the likely site. */
static const struct site_guess *apart(struct sites *s, uint32_t class)
{
	s->apart = s->guess.v[class];
	s->apart.likely = false;
	s->apart.list[0].confidence = APART;
	put_in_order(&s->apart);
	return &s->apart;
}

const struct site_guess *sites_of(struct sites *sites, const struct block *block)
{
	const struct site_guess unknown = { .n = UINT32_MAX };
	uint32_t class = sites->place ? class_of(sites, block) : CLASS_NONE;

	if (class == CLASS_NONE)
		return NULL;
	while (sites->guess.n <= class)
		array_push(&sites->guess, unknown);
	if (sites->guess.v[class].n == UINT32_MAX)
		judge(sites, class);
	if (sites->guess.v[class].likely &&
	    !match_numbers(&sites->scorer, class, sites->guess.v[class].best, block))
		return apart(sites, class);
	return sites->guess.v[class].n ? &sites->guess.v[class] : NULL;
}

bool sites_of_group(struct sites *sites, const struct block *block, size_t n,
                    struct site_guess *out)
{
	*out = (struct site_guess){ 0 };
	for (size_t i = 0; i < n; i++) {
		const struct site_guess *g = sites_of(sites, &block[i]);

		for (unsigned j = 0; g && j < g->n; j++)
			add_to_list(out, &g->list[j], g->list[j].confidence);
		if (g && g->fits > out->fits)
			out->fits = g->fits;
	}
	for (unsigned i = 0; i < out->n; i++)
		out->list[i].confidence /= (double)n;
	put_in_order(out);
	out->likely = is_likely(out);
	return out->n && out->list[0].confidence >= least_told(&sites->scorer, out);
}

size_t sites_reasons(struct sites *sites, const struct block *block, struct score_reason *reason)
{
	const struct site_guess *g = sites_of(sites, block);

	if (!g)
		return 0;
	return scorer_reasons(&sites->scorer, site_class_of(&sites->classes, block), g->best,
	                      reason);
}

const char *site_text(struct sites *sites, const struct site *site)
{
	if (site->function && site->file)
		return pool_printf(&sites->pool, "%s (%s:%llu)", site->function,
		                   base_name(site->file), (unsigned long long)site->line);
	if (site->function)
		return pool_printf(&sites->pool, "%s (%s+0x%llx)", site->function,
		                   base_name(site->module), (unsigned long long)site->offset);
	return pool_printf(&sites->pool, "%s+0x%llx", base_name(site->module),
	                   (unsigned long long)site->offset);
}
