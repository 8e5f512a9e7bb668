/* Does what points to the blocks agree with where the site puts their address? */
#include "analyzer/site/score.h"

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
	if (site_class_of(scorer->classes, &b) != class)
		return -0.7;
	/* of many blocks, that it is one of them says little of the others */
	return log_ratio(1, 0.6, scorer->classes->v[class].blocks < 2 ? 0.03 : 0.25);
}

/* How probable is it that the block of this class is of that site? */
static double share_of(const struct scorer *scorer, uint32_t class, uint32_t site)
{
	const struct class_scores *s = &scorer->of[class];

	for (unsigned i = 0; s->basis && i < s->n; i++)
		if (s->top[i].site == site)
			return s->top[i].share;
	return 0;
}

/* Words of the site's parent at this offset point to it. */
static double match_parent(const struct scorer *scorer, const struct site_ref *ref, uint32_t n,
                           const struct score_module *module, const struct site_tag *tag)
{
	double hit = 0;

	for (uint32_t i = 0; i < n; i++)
		if (ref[i].parent != CLASS_NONE &&
		    (ref[i].offset == tag->offset || tag->offset == TAG_ANYWHERE))
			hit += share_of(scorer, ref[i].parent, module->first + tag->parent);
	return at_least(log_ratio(hit / n, 0.7, 0.1), -1);
}

static double match_offset(const struct scorer *scorer, const struct site_ref *ref, uint32_t n,
                           uint32_t offset)
{
	const struct site_refs *all = scorer->refs;
	uint32_t at = offset / 8 < 63 ? offset / 8 : 63;
	double hit = 0, common;

	for (uint32_t i = 0; i < n; i++)
		hit += ref[i].parent != CLASS_NONE && ref[i].offset == offset;
	common = ((double)all->by_offset[at] + 1) / ((double)all->total + 8);
	common = common < 0.02 ? 0.02 : common > 0.6 ? 0.6 : common;
	return at_least(log_ratio(hit / n, 0.65 > common ? 0.65 : common, common) * 0.7, -0.3);
}

/* An index that the code does not tell: those who point to the blocks do so from all over. */
static double match_anywhere(const struct site_ref *ref, uint32_t n)
{
	unsigned apart = 0;

	for (uint32_t i = 1; i < n; i++)
		apart += ref[i].offset != ref[i - 1].offset;
	return n < 3 ? 0 : at_least(log_ratio((double)apart / (n - 1), 0.75, 0.35), -0.3);
}

static double match_tag(const struct scorer *scorer, const struct class_refs *refs,
                        const struct score_module *module, const struct site_tag *tag)
{
	const struct site_ref *ref = tag->inner ? refs->inner : refs->v;
	uint32_t n = tag->inner ? refs->ninner : refs->n;

	if (tag->parent != SITE_NONE)
		return match_parent(scorer, ref, n, module, tag);
	if (tag->offset == TAG_ANYWHERE)
		return match_anywhere(ref, n);
	return match_offset(scorer, ref, n, tag->offset);
}

/* Are its addresses those of starts, or of what lies inside? A header that a pointer skips, say. */
static const struct class_inner *inner_of(struct scorer *scorer, uint32_t class,
                                          const struct class_refs *refs)
{
	const struct site_refs *all = scorer->refs;
	struct class_inner *in = &scorer->inner;
	double common;

	if (in->class == class + 1)
		return in;
	*in = (struct class_inner){ .class = class + 1 };
	in->share = (double)refs->seen_inner / (double)(refs->seen + refs->seen_inner);
	common = ((double)all->inners + 1) / ((double)all->starts + (double)all->inners + 8);
	common = common < 0.05 ? 0.05 : common > 0.5 ? 0.5 : common;
	for (unsigned i = 0; i < 4; i++) {
		bool start = i & 1, inner = i & 2;
		double own = inner ? start ? 0.5 : 0.85 : common * 0.6;

		in->llr[i] = at_least(
			log_ratio(in->share, own > common || !inner ? own : common, common),
			inner ? -0.5 : -2);
	}
	return in;
}

static double match_inner(struct scorer *scorer, uint32_t class, const struct class_refs *refs,
                          const struct site_entry *e)
{
	bool start = e->flags & (SITE_RETURNED | SITE_INSIDE), inner = e->flags & SITE_INNER;
	const struct class_inner *in;
	double llr;

	if (!refs || refs->seen + refs->seen_inner < 2)
		return 0;
	in = inner_of(scorer, class, refs);
	llr = in->llr[start + 2 * inner];
	if (fabs(llr) > 0.3)
		scorer_reason(scorer, llr, "is pointed to as the site hands out its address", NULL,
		              in->share);
	return llr;
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

		if (tag->global && tag->inner)
			continue;
		if (tag->global)
			llr = match_global(scorer, class, tag->global + module->module->bias);
		else if (!refs || !(tag->inner ? refs->ninner : refs->n))
			continue;
		else
			llr = match_tag(scorer, refs, module, tag);
		if (!any || llr > best)
			best = llr;
		any = true;
	}
	if (e->flags & (SITE_RETURNED | SITE_INNER)) /* where to is not all known, then */
		best = at_least(best, -0.2);
	if (any)
		scorer_reason(scorer, best, "is pointed to from where the site puts its address",
		              NULL, -1);
	return best + match_inner(scorer, class, refs, e);
}
