/*
 * reuse: two snapshots have a used block of the same size at the same address: the same block, or
 * one that was freed and given out again? Judged for all pairs of a size class together, by how
 * their imprints agree (imprint.h); it knows nothing of single blocks.
 *
 * Pairs are a mixture: survivors, in which lane l agrees with the chance s(l), and reused blocks,
 * which agree as any two different blocks of the class do, by chance and because they are of one
 * type: learned within one snapshot (classes.h). s and the share of survivors are found by
 * expectation maximization (Fellegi and Sunter 1969; Winkler 1988 where one part is known
 * beforehand), and a set of agreeing lanes is called replaced where reuse is the likelier reason
 * for it, or could be the reason for half of its pairs: no more pairs are reused than the patterns
 * that strangers have, and these pairs have not, allow. What is left of that likelihood among the
 * others is the expected number of wrong survivors. Rare sizes are judged together with others of
 * about their size. A class whose blocks all look alike tells nothing; the share of reuse in the
 * others is taken for it.
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
	/* private */
	double reused[IMPRINT_PATTERNS]; /* likelihood that such a pair is a reused one */
	double total, share; /* pairs; of them reused ones, negative: it does not tell */
};

/* Of classes->n classes, reuse[i] with classes->v[i].alike. */
void reuse_judge(const struct classes *classes, struct reuse *reuse);

#endif
