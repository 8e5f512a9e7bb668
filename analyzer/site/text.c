/* Text: is a block what a site of strings leaves, and is it as long as its text is? */
#include "analyzer/site/score.h"

#include <math.h>

static double log_ratio(double match, double expected, double background)
{
	return match * log(expected / background) +
	       (1 - match) * log((1 - expected) / (1 - background));
}

/* Is it a std::string's buffer, and one that has grown? */
static double match_string(struct scorer *scorer, uint32_t class, const struct site_entry *site)
{
	const struct class_refs *refs = scorer->refs ? &scorer->refs->v[class] : NULL;
	double llr, grown;

	if (!refs || !refs->n || !refs->strings)
		return 0;
	grown = (double)refs->grown / refs->strings;
	if (site->string == STRING_NONE)
		return log_ratio((double)refs->strings / refs->n, 0.05, 0.5);
	llr = log_ratio((double)refs->strings / refs->n, 0.9, 0.5);
	if (site->string == STRING_GROWN)
		llr += log_ratio(grown, 0.85, 0.5);
	else
		llr += log_ratio(grown, 0.1, 0.5);
	scorer_reason(scorer, llr, "is the buffer of a std::string, as large as the site makes it",
	              NULL, -1);
	return llr;
}

static const struct class_text *text_of(struct scorer *scorer, uint32_t class)
{
	const struct site_class *c = &scorer->classes->v[class];
	struct class_text *t = &scorer->text;

	if (t->class == class + 1)
		return t;
	*t = (struct class_text){ .class = class + 1 };
	for (unsigned i = 0; i < c->nsamples; i++) {
		const struct class_sample *s = &c->sample[i];

		if (!s->text)
			continue;
		t->is++;
		t->fit += fit_usable(s->text + 1) == c->size;
	}
	if (c->nsamples) {
		t->fit /= c->nsamples;
		t->is /= c->nsamples;
	}
	return t;
}

double match_text(struct scorer *scorer, uint32_t class, const struct site_entry *site)
{
	const struct site_class *c = &scorer->classes->v[class];
	double llr = 0, is;

	if (site->size != SITE_TEXT && !c->text)
		return 0;
	is = text_of(scorer, class)->is;
	if (site->size == SITE_TEXT) {
		double fit = scorer->text.fit;

		llr = log_ratio(is, 0.93, 0.25) + (is > 0.5 ? log_ratio(fit, 0.85, 0.35) : -1);
		scorer_reason(scorer, llr, "is text, as the site's blocks are", NULL, is);
		llr += match_string(scorer, class, site);
	} else if (c->text) {
		llr = site->size == SITE_AFFINE && site->scale == 1
		              ? site->flags & SITE_BYTES ? 0.8 : 0
		      : site->size == SITE_ANY ? -0.5
		      : site->nstores > 1      ? -3
		                               : -1.5;
		scorer_reason(scorer, llr, "is text, which the site does not tell", NULL, is);
	}
	return llr;
}
