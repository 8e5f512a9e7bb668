/*
 * reuse: two snapshots have a used block of the same size at the same address: the same block, or
 * one that was freed and given out again? Judged for all blocks of a size class together, by how
 * their imprints agree (imprint.h); it knows nothing of single blocks.
 *
 *   n(p)  pairs in which the lanes of the set p agree
 *   u(p)  how often two different blocks of the class agree in p: by chance, and because they are
 *         of one type (learned within one snapshot, classes.h)
 *
 * Where blocks were reused, their pairs look like two different blocks. So the share r of reused
 * pairs is at most the least n(p) / (N u(p)) over all p, and r N u(p) of the n(p) pairs are
 * expected to be reused ones: where that is half of them or more, all of p are called replaced.
 * What remains of it elsewhere is the expected number of wrong survivors. A class whose blocks all
 * look alike tells nothing; the share of reuse in the others is taken for it.
 *
 * free() writes into the first two words of a small block, and malloc leaves what is behind them: a
 * pair in which neither agrees is called replaced, even if all the rest is the same.
 */
#ifndef ANALYZER_REUSE_H
#define ANALYZER_REUSE_H

#include "analyzer/classes.h"

struct reuse {
	uint64_t pairs[IMPRINT_PATTERNS]; /* in: by set of lanes that agree */
	uint64_t old;                     /* in: blocks of the class in the older snapshot */
	bool replaced[IMPRINT_PATTERNS];  /* out */
	uint64_t survivors, others;       /* out: pairs */
	double wrong; /* out: survivors expected to be none; negative: nothing tells */
};

/* Of classes->n classes, reuse[i] with classes->v[i].alike. */
void reuse_judge(const struct classes *classes, struct reuse *reuse);

#endif
