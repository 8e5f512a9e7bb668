/*
 * How much of this program do its sites account for? Learned from the program at hand: the classes
 * of its blocks are many independent cases, of which most have one right answer if the index has
 * all sites, and many that are equally wrong if it does not.
 */
#include "analyzer/site/score.h"

#include <math.h>

#define UNKNOWN (-1.5) /* logarithm, against one of SITES */
#define SITES   40     /* as many as a small program has */

#define CERTAIN      0.95 /* share of a class's likeliest site */
#define CERTAIN_FROM 0.05 /* of the classes */
#define LIKELIER     0.5  /* than not */
#define FAR_LIKELIER 0.75

bool doubt_open(const struct site_entry *site)
{
	return site->size == SITE_ANY || (site->size == SITE_AFFINE && site->scale <= 1);
}

/* The more sites there are, the more of them fit a block by chance. */
double doubt_unknown(const struct scorer *scorer)
{
	double sites = 0;

	for (size_t i = 0; i < scorer->nmodules; i++) {
		const struct score_module *m = &scorer->module[i];

		for (size_t j = 0; j < m->index.n; j++)
			sites += m->index.v[j].flags & SITE_WRAPPER ? 0 : exp(m->prior);
	}
	return UNKNOWN + (sites > SITES ? log(sites / SITES) : 0);
}

/*
 * The mean over classes of the share that the candidates have which are kept. Large classes count
 * for more, but none of them makes up for all others. Classes that no site was looked for of say
 * nothing; those that none fits have none.
 */
double doubt_explained(const struct scorer *scorer)
{
	double sum = 0, all = 0;

	for (size_t i = 0; i < scorer->nsized; i++) {
		const struct class_scores *s = &scorer->of[i];
		double weight = sqrt((double)scorer->classes->v[i].blocks);

		if (!s->basis || (!s->n && s->unknown < DOUBT_FROM))
			continue;
		all += weight;
		for (unsigned j = 0; j < s->n; j++)
			sum += weight * s->top[j].share;
	}
	return all > 0 ? sum / all : 0;
}

/* Of these classes again: the share of which one site is as good as certain. */
double doubt_certain(const struct scorer *scorer)
{
	double sum = 0, all = 0;

	for (size_t i = 0; i < scorer->nsized; i++) {
		const struct class_scores *s = &scorer->of[i];
		double weight = sqrt((double)scorer->classes->v[i].blocks);

		if (!s->basis)
			continue;
		all += weight;
		sum += s->n && s->top[0].share >= CERTAIN ? weight : 0;
	}
	return all > 0 ? sum / all : 0;
}

double doubt_least(const struct scorer *scorer, bool lines)
{
	bool explained = scorer->explained >= (lines ? DOUBT_LINES : DOUBT_FROM);
	bool certain = lines || scorer->certain >= CERTAIN_FROM;

	return explained && certain ? 0 : explained || certain ? LIKELIER : FAR_LIKELIER;
}

double doubt_share(double explained, double sum)
{
	double yes = sum * explained, no = (1 - sum) * (1 - explained);

	if (explained >= DOUBT_FROM || sum <= 0)
		return sum;
	return no > 0 ? yes / (yes + no) : sum;
}
