/*
 * site: where a block was likely allocated, inferred from a core alone: the code of the process's
 * programs and libraries tells who asks for blocks of which size and what is put into them, the
 * blocks tell what is in them. Judged for classes of blocks that look alike, not block by block.
 *
 * It says how sure it is, and how far the evidence goes: a source line, a function, one of several,
 * or nothing. It records nothing and proves nothing; x86-64 only.
 */
#ifndef ANALYZER_SITE_SITE_H
#define ANALYZER_SITE_SITE_H

#include "analyzer/site/score.h"

struct analysis;

/* A place that asks for blocks. Strings live as long as the sites. */
struct site {
	const char *function; /* NULL: no name known; so the rest */
	const char *file;
	const char *module;
	uint64_t line;      /* UINT64_MAX: not known */
	uint64_t offset;    /* of the call's return address in the module; UINT64_MAX: not known */
	bool runtime;       /* in the language's own libraries */
	bool open;          /* it asks for as much as it is told to */
	bool hub;           /* and is called from many places */
	double confidence;  /* share of the probability, 0..1 */
	const char *method; /* SITE_INFERRED...; static */
};

#define SITE_INFERRED                                                              \
	"inferred-code" /* from the program's machine code and the blocks' content \
	                 */

/* From this confidence on a site is called likely. */
#define SITE_LIKELY 0.95

#define SITE_LIST 5

/* What is known of the blocks of one class. */
struct site_guess {
	bool likely;                 /* list[0] is the site, as far as one may say so */
	struct site list[SITE_LIST]; /* by source line (by call where there is none), best first */
	unsigned n;
	uint32_t fits; /* calls whose size fits */
	uint32_t best; /* the call that is likeliest */
};

struct sites;

/*
 * Reads the modules' files. Blocks are judged by what is known of all used blocks and of who points
 * to them; of a large heap by what is known of a sample, which is the same whoever asks. There are
 * none where the user asked for none.
 */
void sites_make(struct analysis *a, struct sites **out);

/* Is all of the heap looked at, and so the types of all its blocks wanted? */
bool sites_whole(struct analysis *a);

/* Many blocks will be asked for, those that matter most first: what is too much is left out. */
void sites_many(struct sites *sites);
/* All blocks of the heap will be asked for: what that is too much for is known to sites_warn. */
void sites_all(struct sites *sites);
void sites_free(struct sites *sites); /* accepts NULL */

/*
 * A warning where there was more to compare than some seconds are enough for (PAIRS_MOST of
 * score.c, INSNS_MOST of site.c): the blocks of the smallest classes, or the code of the last
 * modules, were left out then.
 */
struct report;
void sites_warn(const struct sites *sites, struct report *report);

/*
 * Findings of the report that are about blocks get their sites. After report_finish: what is
 * inferred is no part of a fingerprint.
 */
void report_add_sites(struct report *report, struct analysis *a);

/* By block; NULL: nothing is known. Owned by sites, valid until the next. */
const struct site_guess *sites_of(struct sites *sites, const struct block *block);

/*
 * The same for blocks that are taken for one group, n of them: the shares of their classes, added
 * up. False: nothing is known.
 */
bool sites_of_group(struct sites *sites, const struct block *block, size_t n,
                    struct site_guess *out);

/* Why the guess of this block says what it says: reasons go to reason[SCORE_REASONS]. */
size_t sites_reasons(struct sites *sites, const struct block *block, struct score_reason *reason);

/* "function (file.c:12)", "function", "program+0x1234": for people. Owned by sites. */
const char *site_text(struct sites *sites, const struct site *site);

#endif
