/* Sizes: what malloc makes of a request, and how likely a site is to ask for what a block has. */
#include "analyzer/site/score.h"

#include <math.h>

#define PAGE         4096
#define MMAPPED      (UINT64_C(128) << 10) /* M_MMAP_THRESHOLD: chunks may be whole pages */
#define STEP         16                    /* malloc's sizes */
#define GIVEN        0.97  /* what malloc hands out has the least size that does, but for rests */
#define TOLD_LEAST   0.2   /* some calls are not known */
#define RESTS_MOST   3     /* blocks that may well be a step too large */
#define RESTS_ONE_IN 30    /* of so many, more than one in */
#define RESTS        0.001 /* then it is that less likely */

uint64_t fit_usable(uint64_t bytes)
{
	return bytes <= 24 ? 24 : round_up(bytes + 8, 16) - 8;
}

/* Of a request of so many bytes. */
static double fixed(uint64_t bytes, uint64_t usable, bool loose)
{
	uint64_t least = fit_usable(bytes);

	if (usable == least)
		return GIVEN;
	if (usable == least + 16) /* too little was left of the chunk to be one */
		return loose ? 0.5 : 0.01;
	if (bytes + 32 >= MMAPPED && usable > bytes && usable - bytes < PAGE + 16)
		return 0.9;
	return 0;
}

/* Counts are spread as their logarithm is, up to some ten thousands. */
static double count_share(double low, double high)
{
	return log((high + 1.5) / (low + 0.5)) / log(1e5);
}

static double affine(const struct site_entry *site, uint64_t usable)
{
	double scale = (double)site->scale, low, high;
	double top = (double)usable, bottom = usable == 24 ? -1 : top - 16;

	if (usable >= MMAPPED)
		bottom = top - PAGE;
	low = ceil((bottom + 1 - (double)site->add) / scale);
	high = floor((top - (double)site->add) / scale);
	if (low < 0)
		low = 0;
	if (!site->scale || high < low)
		return site->flags & SITE_LOOSE && site->scale ? 0.01 : 0;
	return count_share(low, high);
}

/* Most strings are short. */
static double text(uint64_t usable)
{
	double u = (double)usable;

	return usable == 24 ? 0.4 : 0.6 * (24 / (u - 8) - 24 / (u + 8));
}

static double fit_one(const struct site_entry *site, uint64_t usable)
{
	switch (site->size) {
	case SITE_FIXED:
		return fixed((uint64_t)site->add, usable, (site->flags & SITE_LOOSE) != 0);
	case SITE_AFFINE:
		return affine(site, usable);
	case SITE_TEXT:
		return text(usable);
	default:
		return 0.1 * text(usable);
	}
}

bool fit_can(const struct site_entry *site, uint64_t usable)
{
	return fit_one(site, usable) > 0;
}

/*
 * A site that asks for as much as its function is told asks for what the calls of that tell it:
 * each of them is like a site of its own, and those that are called from many places are called
 * often.
 */
double fit_size(const struct site_index *index, const struct site_entry *site, uint64_t usable)
{
	double plain = fit_one(site, usable), told = 0, calls = 0;

	if (site->nasked < 1 || plain <= 0)
		return plain;
	for (uint32_t i = 0; i < site->nasked; i++) {
		const struct site_asked *a = &index->asked[site->asked + i];
		struct site_entry call = { .size = a->size,
			                   .scale = a->scale,
			                   .add = a->add,
			                   .flags = site->flags & SITE_LOOSE };

		told += a->calls * fit_one(&call, usable);
		calls += a->calls;
	}
	told /= sqrt(calls);
	return told > GIVEN ? GIVEN : told > plain * TOLD_LEAST ? told : plain * TOLD_LEAST;
}

/* Used blocks of a size that the classes hold. */
static uint64_t blocks_of(struct scorer *scorer, uint64_t size)
{
	const struct site_class *v = scorer->classes->v;
	size_t i;

	if (scorer->counted_size == size)
		return scorer->counted;
	scorer->counted_size = size;
	scorer->counted = 0;
	i = first_where(k, 0, scorer->nsized, v[scorer->by_size[k]].size >= size);
	for (; i < scorer->nsized && v[scorer->by_size[i]].size == size; i++)
		scorer->counted += v[scorer->by_size[i]].blocks;
	return scorer->counted;
}

/*
 * Now and then a block is a step larger than what was asked for, as too little was left of a free
 * one. That all blocks of a class are is not to be, unless there are many times as many of it.
 */
double fit_rests(struct scorer *scorer, uint32_t class, const struct site_entry *site)
{
	const struct site_class *c = &scorer->classes->v[class];
	uint64_t least = site->size == SITE_FIXED ? fit_usable((uint64_t)site->add) : 0;
	bool all = c->size == least + STEP && !(site->flags & SITE_LOOSE) &&
	           c->blocks > RESTS_MOST && c->blocks > blocks_of(scorer, least) / RESTS_ONE_IN;

	return all ? RESTS : 1;
}
