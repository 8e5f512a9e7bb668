/*
 * growth: one thing that changed over a series of snapshots: a group of blocks, free memory that
 * malloc keeps, a kind of mapping. How much, how fast, and what that is called. It knows nothing of
 * processes and files.
 */
#ifndef ANALYZER_DIFF_GROWTH_H
#define ANALYZER_DIFF_GROWTH_H

#include "analyzer/diff/profile.h"
#include "analyzer/diff/survival.h"

enum growth_kind {
	GROWTH_NEW_LEAK,      /* leaked blocks where there were none */
	GROWTH_GROWING_LEAK,  /* more leaked blocks than before */
	GROWTH_REACHABLE,     /* more blocks that the program can still reach */
	GROWTH_FRAGMENTATION, /* more free memory that malloc keeps */
	GROWTH_MAPPING,       /* more memory outside malloc */
	GROWTH_LEVELLED_OFF,  /* it grew, and then hardly any more: a cache that filled */
	GROWTH_CHURN,         /* no more than before, but mostly other blocks */
	GROWTH_SHRINKING,
	GROWTH_KINDS
};
const char *growth_kind_name(enum growth_kind kind); /* "new-leak", "growing-leak", ... */
const char *growth_kind_text(enum growth_kind kind); /* "new leak", ...: for people */
/* As a finding of the report: "leak", "growth", "fragmentation", "mapping". */
const char *growth_finding_kind(enum growth_kind kind);

struct growth_point {    /* at one snapshot */
	uint64_t blocks; /* of a mapping: their number; of fragmentation: free blocks, or ABSENT */
	uint64_t bytes;
	uint64_t retained; /* bytes with what leaked blocks hold; of a mapping: resident */
};

struct growth {
	enum growth_kind kind;
	const struct report_finding *group; /* the newest snapshot that has it; NULL: no blocks */
	const char *name, *path;            /* mapping: its kind, its file; else NULL */
	const struct growth_point *at;      /* by snapshot */
	int64_t blocks, bytes, retained;    /* last less first */
	int64_t last_retained;              /* last less the one before */
	double per_hour, last_per_hour;     /* of what growth_by_bytes tells; NAN: not known */
	double steady; /* bytes: the rank. What it would have grown had it always grown as lately */
	const char *holder;  /* the root that keeps most of what is new alive; NULL: not known */
	double holder_share; /* of the new blocks that were looked at: 0.5 to 1 */
	bool matched;        /* the rest is known: */
	struct tally kept, fresh;   /* of its blocks, in the last interval */
	struct tally young, cohort; /* fresh in the interval before; alive now */
	struct tally unsure;        /* of young: nothing tells; those are taken out of it */
};

struct growths {
	struct growth *v; /* sorted by steady, then by name */
	size_t n;
	struct pool pool;
};

/* A series of snapshots as growth needs it. */
struct series {
	const struct snapshot *snapshot;
	size_t n;                        /* 2 at least */
	const double *hours;             /* since the first, ascending; NULL: not known */
	const struct survival *survival; /* n - 1; all with known false: blocks were not matched */
	bool one_process; /* groups of one verdict, type and size are one thing, whatever hangs on
	                     their blocks; else fingerprints tell what is the same */
};

/* *out is owned by the caller: growths_free. */
void growths_find(const struct series *series, struct growths *out);
/*
 * Is its change that of bytes, not of retained? So it is for mappings: what they take of the
 * address space is what is certain. Where that stays, what is resident of it is told.
 */
bool growth_by_bytes(const struct growth *growth);
void growths_free(struct growths *growths);

/* Points of a quantity that every report has: bytes by snapshot, ABSENT where it does not. */
enum total {
	TOTAL_IN_USE,
	TOTAL_LEAKED,
	TOTAL_POSSIBLE,
	TOTAL_FREE_HELD,
	TOTAL_STACKS,
	TOTAL_ANONYMOUS,
	TOTAL_SHARED,
	TOTAL_RESIDENT,
	TOTAL_MAPPED,
	TOTALS
};
const char *total_name(enum total total); /* key of JSON */
uint64_t total_bytes(const struct report *report, enum total total);
/* Bytes an hour from snapshot i to k; NAN where that is not known. */
double total_rate(const struct series *series, enum total total, size_t i, size_t k);

#endif
