/*
 * profile: the finer part of a report, from which another run can tell what grew when the core is
 * gone: used blocks in groups, mappings outside malloc in groups, and a sample of single blocks.
 * It is plain data like the report it belongs to, and has no contents: of a sampled block its
 * address, its size and a sealed imprint (imprint.h).
 *
 * The sample is drawn by a hash of the address: of blocks of one size class each with the chance
 * 1 / 2^level, so that two snapshots of a process have sampled the same addresses. Small classes
 * are there whole (level 0): what is counted in them is exact, in the others it is an estimate.
 */
#ifndef ANALYZER_DIFF_PROFILE_H
#define ANALYZER_DIFF_PROFILE_H

#include "analyzer/diff/kin.h"
#include "analyzer/diff/twin.h"
#include "analyzer/report/report.h"

struct analysis;

#define PROFILE_BLOCKS 40000 /* sampled at most, about: 1.3 MB of JSON */
#define PROFILE_GROUPS 20000 /* at most; the smallest are left out */

struct profile_mapping {
	const char *kind; /* ledger_kind_name */
	const char *path; /* of files and named memory; NULL: none */
	uint64_t count;   /* parts of mappings */
	uint64_t mapped, resident;
};

struct profile_block {
	vaddr addr;
	uint32_t size_class; /* index into classes */
	uint32_t group;      /* index into groups, PROFILE_NO_GROUP: not one of them */
	uint64_t size;       /* usable bytes */
	uint64_t seal;
};
#define PROFILE_NO_GROUP UINT32_MAX

struct profile {
	const char *taken, *taken_source;    /* as when_text has them; NULL: unknown */
	uint64_t top;                        /* bytes of free_held in top chunks */
	ARRAY(struct report_finding) groups; /* of every verdict; signed as findings are */
	bool by_size; /* those that are not leaked: by verdict and size alone (census.h) */
	ARRAY(struct profile_mapping) mappings; /* sorted by kind and path */
	bool sampled;                           /* blocks are there */
	struct classes classes;
	ARRAY(struct kin) kin; /* sorted by size class, that of unknown type first */
	uint32_t *kin_of;      /* by group: index into kin; UINT32_MAX: no size class has it */
	uint32_t *kin_rest;    /* by size class: the one of unknown type */
	ARRAY(struct profile_block) blocks; /* sorted by address */
	struct twins twins;                 /* of a core; not saved */
};

/* In the sample of a class with this level? */
bool profile_samples(vaddr addr, unsigned level);

void profile_free(struct profile *profile);

/* Adds the profile to the report, its groups by_size or not. Runs the stages up to reach. */
void report_add_profile(struct report *report, struct analysis *a, bool by_size);

#endif
