/* Does what points to the blocks agree with where the site puts their address? */
#include "analyzer/site_score.h"

#include <math.h>

static double log_ratio(double match, double expected, double background)
{
	return match * log(expected / background) +
	       (1 - match) * log((1 - expected) / (1 - background));
}

/* Addresses are handed on: that they are elsewhere by now says little. */
static double at_least(double llr, double least)
{
	return llr < least ? least : llr;
}

/* A variable that the site's block goes to: does it point to a block of this class? */
static double match_global(const struct scorer *scorer, uint32_t class, vaddr at)
{
	const struct heap *heap = scorer->classes->heap;
	struct block b;
	uint64_t word;

	if (!core_read64(scorer->core, at, &word) || !word)
		return 0;
	if (!heap_find(heap, word, &b) || b.state != BLOCK_USED || b.addr != word)
		return -0.3;
	return site_class_of(scorer->classes, &b) == class ? 3 : -0.7;
}

/* How probable is it that the block of this class is of that site? */
static double share_of(const struct scorer *scorer, uint32_t class, uint32_t site)
{
	const struct class_scores *s = &scorer->of[class];

	for (unsigned i = 0; i < s->n; i++)
		if (s->top[i].site == site)
			return s->top[i].share;
	return 0;
}

/* Words of the site's parent at this offset point to it. */
static double match_parent(const struct scorer *scorer, const struct class_refs *refs,
                           const struct score_module *module, const struct site_tag *tag)
{
	double hit = 0;

	for (uint32_t i = 0; i < refs->n; i++)
		if (refs->v[i].parent != CLASS_NONE && refs->v[i].offset == tag->offset)
			hit += share_of(scorer, refs->v[i].parent, module->first + tag->parent);
	return at_least(log_ratio(hit / refs->n, 0.7, 0.1), -1);
}

static double match_offset(const struct scorer *scorer, const struct class_refs *refs,
                           uint32_t offset)
{
	const struct site_refs *all = scorer->refs;
	uint32_t at = offset / 8 < 63 ? offset / 8 : 63;
	double hit = 0, common;

	for (uint32_t i = 0; i < refs->n; i++)
		hit += refs->v[i].parent != CLASS_NONE && refs->v[i].offset == offset;
	common = ((double)all->by_offset[at] + 1) / ((double)all->total + 8);
	common = common < 0.02 ? 0.02 : common > 0.6 ? 0.6 : common;
	return at_least(log_ratio(hit / refs->n, 0.65 > common ? 0.65 : common, common) * 0.7,
	                -0.3);
}

double match_refs(struct scorer *scorer, uint32_t class, const struct score_module *module,
                  uint32_t site)
{
	const struct site_entry *e = &module->index.v[site];
	const struct class_refs *refs = scorer->refs ? &scorer->refs->v[class] : NULL;
	double best = 0;
	bool any = false;

	for (uint32_t i = 0; i < e->ntags; i++) {
		const struct site_tag *tag = &module->index.tag[e->tag + i];
		double llr;

		if (tag->global)
			llr = match_global(scorer, class, tag->global + module->module->bias);
		else if (!refs || !refs->n)
			continue;
		else if (tag->parent != SITE_NONE)
			llr = match_parent(scorer, refs, module, tag);
		else
			llr = match_offset(scorer, refs, tag->offset);
		if (!any || llr > best)
			best = llr;
		any = true;
	}
	if (any)
		scorer_reason(scorer, best, "is pointed to from where the site puts its address",
		              NULL, -1);
	return best;
}
