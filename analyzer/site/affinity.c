/*
 * Who points to the blocks: whose variables, and blocks of whose sites? What a library keeps it
 * made itself, as a rule.
 */
#include "analyzer/site/score.h"

#include <math.h>

#define OWN     0.8  /* of what points to a module's blocks is the module's own */
#define PRIVATE 0.93 /* the same of the language's own libraries, who hand out little */
#define LEAST   0.05 /* bounds of what is expected by chance */
#define MOST    0.6
#define KNOWN   0.5 /* of those who point to it, whose they are */

/* Logarithms: a library's blocks that the program's variables lead to, and the reverse; one
 * library's that another one's do. */
#define OURS     (-1.0)
#define THEIRS   (-2.5)
#define ANOTHERS (-1.0)

static size_t number_of(const struct scorer *scorer, const struct module *module)
{
	for (size_t i = 0; i < scorer->nmodules; i++)
		if (scorer->module[i].module == module)
			return i;
	return scorer->nmodules;
}

/* What is known of the blocks that point to it, from the round before. */
static void add_parent(const struct scorer *scorer, uint32_t parent, double *near)
{
	const struct class_scores *s = &scorer->of[parent];

	for (unsigned i = 0; s->basis && i < s->n; i++) {
		const struct score_module *m;

		scorer_site(scorer, s->top[i].site, &m);
		near[m - scorer->module] += s->top[i].share;
	}
}

/* By module: how much of what points to this class is its own. */
static const double *near_of(struct scorer *scorer, uint32_t class)
{
	const struct class_refs *refs = &scorer->refs->v[class];
	struct class_near *to = &scorer->near;

	if (to->class == class + 1 && to->round == scorer->round)
		return to->share;
	if (!to->share)
		to->share = mem_alloc(scorer->nmodules + 1, sizeof(*to->share));
	memset(to->share, 0, (scorer->nmodules + 1) * sizeof(*to->share));
	to->class = class + 1;
	to->round = scorer->round;
	for (uint32_t i = 0; i < refs->n; i++) {
		if (refs->v[i].parent == CLASS_NONE)
			to->share[number_of(scorer, module_at(scorer->modules, refs->v[i].at))]++;
		else if (scorer->round && refs->v[i].parent != class)
			add_parent(scorer, refs->v[i].parent, to->share);
	}
	to->sum = 0;
	for (size_t i = 0; i < scorer->nmodules; i++)
		to->sum += to->share[i];
	return to->share;
}

void affinity_note(struct scorer *scorer)
{
	double sum = 1;

	if (!scorer->whose)
		scorer->whose = mem_alloc(scorer->nmodules + 1, sizeof(*scorer->whose));
	memset(scorer->whose, 0, (scorer->nmodules + 1) * sizeof(*scorer->whose));
	for (size_t i = 0; i < scorer->nsized; i++)
		add_parent(scorer, (uint32_t)i, scorer->whose);
	for (size_t i = 0; i < scorer->nmodules; i++)
		sum += scorer->whose[i];
	for (size_t i = 0; i < scorer->nmodules; i++)
		scorer->whose[i] /= sum;
}

double match_affinity(struct scorer *scorer, uint32_t class, const struct score_module *module)
{
	size_t i = (size_t)(module - scorer->module);
	const double *near = scorer->refs ? near_of(scorer, class) : NULL;
	double own = module->foreign ? PRIVATE : OWN, share, common, llr;

	if (!near || scorer->near.sum < KNOWN * scorer->refs->v[class].n || scorer->near.sum <= 0)
		return 0;
	share = near[i] / scorer->near.sum;
	common = scorer->whose ? scorer->whose[i] : MOST;
	common = common < LEAST ? LEAST : common > MOST ? MOST : common;
	llr = share * log(own / common) + (1 - share) * log((1 - own) / (1 - common));
	if (fabs(llr) > 0.3)
		scorer_reason(scorer, llr, "is pointed to by what the same module made", NULL,
		              share);
	return llr;
}

/*
 * Whose variables lead to the blocks? What only a library's own lead to the program asks for now
 * and then, and hands it over; what the program's lead to is a library's less seldom.
 */
double match_whose(struct scorer *scorer, uint32_t class, const struct score_module *module)
{
	const struct site_class *c = &scorer->classes->v[class];
	size_t own = (size_t)(module - scorer->module);
	double sum = 0;
	unsigned n = 0;

	if (!scorer->reached || module->foreign)
		return 0;
	for (unsigned i = 0; i < c->nsamples; i++) {
		uint8_t whose = scorer->reached->of[c->sample[i].id];

		if (whose == WHOSE_NOBODY)
			continue;
		n++;
		if (scorer->module[whose].prior >= 0)
			sum += module->prior >= 0 ? 0 : OURS;
		else if (module->prior >= 0)
			sum += THEIRS;
		else
			sum += whose == own ? 0 : ANOTHERS;
	}
	return n ? sum / n : 0;
}

void affinity_free(struct scorer *scorer)
{
	mem_free(scorer->near.share);
	mem_free(scorer->whose);
}
