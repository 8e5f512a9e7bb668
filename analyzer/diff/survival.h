/*
 * survival: what became of the blocks of one snapshot in the next one of the same process: survived
 * (same address and size, and still the same block: reuse.h), replaced, gone, born. Of two cores
 * every block is looked at, in one merge by address; else the sampled ones of both profiles stand
 * for all. It knows nothing of time.
 *
 * Memory: thirteen bytes for each chunk of the newer core, two of the older, for two cores; else as
 * to the samples.
 */
#ifndef ANALYZER_DIFF_SURVIVAL_H
#define ANALYZER_DIFF_SURVIVAL_H

#include "analyzer/diff/reuse.h"
#include "analyzer/diff/snapshot.h"

struct survival_group {
	struct tally kept;   /* of its blocks: survived */
	struct tally fresh;  /* born or replaced. Of an old group: gone or replaced */
	struct tally cohort; /* new group: of kept, those that were fresh in the interval before */
	struct tally unsure; /* ... of those that nothing tells of, neither kept nor fresh */
};

struct survival_class {
	uint64_t low, high;                      /* usable bytes */
	uint64_t survivors, replaced, uncertain; /* pairs that were looked at */
	double error; /* share of survivors expected to be none; negative: nothing tells */
};

struct survival {
	bool known, estimated; /* estimated: from samples */
	struct tally kept, replaced, born, gone;
	struct tally uncertain; /* used then and now, but nothing tells whether as the same block */
	struct tally lost;      /* of kept: in use before, leaked now */
	struct tally disproved; /* leaked before and gone or replaced now: freed after all */
	struct tally cohort;    /* of kept: fresh in the interval before */
	double error;           /* of kept: share expected to be none; negative: nothing tells */
	ARRAY(struct survival_class) classes;
	struct survival_group *before; /* by index of the older profile's groups */
	struct survival_group *after;  /* ... of the newer one's */
	/* blocks of the newer snapshot: bits by id, or by index of sampled blocks; of kept ones
	 * none but the last may be set */
	uint64_t *fresh;       /* born or replaced */
	uint64_t *taken;       /* replaced */
	uint64_t *unsure;      /* uncertain, and not fresh */
	uint64_t *cohort_bits; /* kept, and fresh in the interval before */
	uint64_t bits_bytes;   /* of each: mem_lazy */
	bool by_id;
};

/*
 * From before to after, of one process. last: of the interval before, in the same manner; NULL:
 * there was none. exact: both are cores whose analyses are open; else both have samples. The caller
 * ends with survival_free.
 */
void survival_find(struct snapshot *before, struct snapshot *after, bool exact,
                   const struct survival *last, struct survival *out);
void survival_free(struct survival *survival);

/* ---- between survival.c and its two ways to look at blocks ---- */

struct life {               /* a block in one of the snapshots */
	uint32_t group;     /* of that snapshot's profile */
	uint64_t size;      /* usable bytes */
	uint64_t weight;    /* blocks that it stands for */
	bool leaked, fresh; /* fresh: born or replaced in the interval before */
};
void survival_pair(struct survival *s, const struct life *before, const struct life *after,
                   enum reuse_says says);
void survival_gone(struct survival *s, const struct life *before);
void survival_born(struct survival *s, const struct life *after);

/* The bits of n blocks. */
void survival_bits(struct survival *s, uint64_t n);
/* Which of them block i of the newer snapshot has. */
void survival_mark_pair(struct survival *s, uint32_t i, enum reuse_says says, bool cohort);
void survival_mark_born(struct survival *s, uint32_t i);

/* Of each kin, where all blocks are looked at: those that look like few others, and like many. */
#define SURVIVAL_STRATA 2
void survival_by_blocks(struct snapshot *before, struct snapshot *after,
                        const struct survival *last, struct reuse *reuse, struct survival *s);
void survival_by_sample(const struct profile *before, const struct profile *after,
                        const struct survival *last, struct reuse *reuse, struct survival *s);

#endif
