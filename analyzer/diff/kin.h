/*
 * kin: the blocks of one size class that are of one type, as far as that is known, and how often
 * two different ones of them look alike by chance: what takes the place of a freed block is most
 * often of its kin. Part of a profile (profile.h); it knows no single blocks.
 */
#ifndef ANALYZER_DIFF_KIN_H
#define ANALYZER_DIFF_KIN_H

#include "analyzer/type/classes.h"

#define KINS_TYPED 1024 /* of a type, at most; the rarest are with those whose type is unknown */

struct kin {
	uint32_t size_class; /* index into classes */
	const char *type;    /* NULL: unknown, or too rare */
	uint64_t low, high;  /* of its size class */
	/* Which lanes agreed: of two of them at random; of one and the most similar of several
	 * (sample.c) */
	uint32_t alike[IMPRINT_PATTERNS], near[IMPRINT_PATTERNS];
};

struct profile;

/* Fills in the kin of a profile that has its groups and classes. */
void kins_make(struct profile *profile);
/* The same of one that has kin, as read from a report: sorts and indexes them. */
void kins_index(struct profile *profile);

/* Index of the kin of a block of this group (PROFILE_NO_GROUP: none) and size class. */
uint32_t kin_find(const struct profile *profile, uint32_t group, size_t size_class);

/*
 * For each group of another snapshot's profile the kin of this one that its blocks would be of,
 * UINT32_MAX: there is none. Owned by the caller: mem_free.
 */
uint32_t *kins_of_other(const struct profile *profile, const struct profile *other);

#endif
