/* How likely is a site before anything of the blocks but their number is looked at? */
#include "analyzer/site/score.h"

#include <math.h>

#define CALLERS     0.3 /* what is called from many places makes many blocks */
#define ACTIVE      0.4
#define ACTIVE_MOST 1.2
#define CALLED      (-5.0) /* one of the language's libraries, that others' calls come to */
#define FOUND_FROM  0.3    /* share of a class's likeliest site */

/* A site that other classes are of makes blocks at all, which most do not. */
static double activity(const struct scorer *scorer, uint32_t class, uint32_t site)
{
	const struct class_scores *s = &scorer->of[class];
	double n = scorer->round ? (double)scorer->active[site] : 0, bonus;

	for (unsigned i = 0; scorer->round && s->basis && i < s->n; i++)
		if (s->top[i].site == site)
			n -= s->top[i].share;
	bonus = ACTIVE * log(1 + 4 * (n > 0 ? n : 0));
	return bonus < ACTIVE_MOST ? bonus : ACTIVE_MOST;
}

double prior_of(const struct scorer *scorer, uint32_t class, const struct score_module *module,
                uint32_t site)
{
	const struct site_entry *e = &module->index.v[site];
	uint32_t number = module->first + site;
	double prior = module->prior;

	if (module->foreign && bit_get(scorer->library.called, number))
		prior = CALLED + (double)scorer->library.prior[number];
	if (!doubt_open(e))
		prior += activity(scorer, class, number) + CALLERS * log(1 + (double)e->callers);
	return prior;
}

void prior_note(struct scorer *scorer)
{
	memset(scorer->active, 0, scorer->nsites * sizeof(*scorer->active));
	for (size_t i = 0; i < scorer->nsized; i++) {
		const struct class_scores *s = &scorer->of[i];

		for (unsigned j = 0; j < s->n; j++)
			scorer->active[s->top[j].site] += (float)s->top[j].share;
		if (s->n && s->top[0].share >= FOUND_FROM)
			library_found(&scorer->library, s->top[0].site);
	}
	library_settle(&scorer->library);
}
