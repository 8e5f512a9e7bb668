/*
 * variant: how finely to tell things apart. Each thing comes with a few keys, the coarsest first.
 * Where a finer key has few values, each of which many things share, it tells kinds of things
 * apart; where nearly every thing has one of its own, it is that thing's content, and what differs
 * by it is one kind. It knows nothing of what the keys mean.
 */
#ifndef ANALYZER_TYPE_VARIANT_H
#define ANALYZER_TYPE_VARIANT_H

#include "formats/base.h"

#define VARIANT_KEYS 4
#define VARIANT_MOST 16 /* values of a key that are told apart, among what is equal before it */

struct variant {
	uint64_t key;   /* of its level */
	uint32_t up;    /* the variant of the keys before; UINT32_MAX: none */
	uint32_t level; /* 0: the coarsest */
	uint32_t below; /* different finer ones that were met, VARIANT_MOST + 1 at most */
	uint32_t first; /* the first thing of it */
	uint64_t things;
	bool split; /* after variants_settle: finer ones are told apart */
};

struct variants {
	ARRAY(struct variant) v;
	/* private */
	uint32_t *slot;
	size_t nslots;
};

/* The finest variant that is kept of a thing with these keys (1 to VARIANT_KEYS). */
uint32_t variants_put(struct variants *variants, const uint64_t *key, unsigned n, uint32_t thing);

/* Decides, once all things are there. */
void variants_settle(struct variants *variants);

/* After that: the one that stands for it, itself or a coarser one. */
uint32_t variant_kept(const struct variants *variants, uint32_t variant);

void variants_free(struct variants *variants);

#endif
