/*
 * reuse: two snapshots have a used block of the same size at the same address: the same block, or
 * one that was freed and given out again? Judged for all pairs of a kin together, by how their
 * imprints agree (imprint.h), whether their pointers lead where they did, and whether who held the
 * block still does (tie.h); it knows nothing of single blocks.
 *
 * Pairs are a mixture: survivors, in which lane l agrees with the chance s(l), and reused blocks,
 * whose contents agree as those of two different blocks of the kin do, of any two or of two that
 * are alike: learned within one snapshot (kin.h). How often reused blocks keep their targets and
 * their holders is learned along with s and the shares, by
 * expectation maximization (Fellegi and Sunter 1969; Winkler 1988 where one part is known
 * beforehand), of all kin whose contents tell; in the others survivors are taken to have kept both.
 * No more pairs are reused than the patterns that strangers have, and these pairs have not, allow;
 * what may be reuse is not called survival (mixture.h). A set of agreeing lanes is called replaced
 * where reuse is the likelier reason for it, survived where it is hardly one, and is uncertain in
 * between. Rare kin are judged together with others of about their size. A kin whose blocks all
 * look alike tells nothing without holders; the share of reuse in the others is taken for it, but
 * where no block of it is gone or has changed.
 *
 * free() writes into the first two words of a small block, and malloc leaves what is behind them: a
 * pair in which neither agrees is called replaced, even if all the rest is the same. So is one
 * whose contents changed and that has other holders.
 */
#ifndef ANALYZER_DIFF_REUSE_H
#define ANALYZER_DIFF_REUSE_H

#include "analyzer/diff/kin.h"

#define REUSE_LANES    (IMPRINT_LANES + 2)
#define REUSE_TARGETS  IMPRINT_TARGETS       /* lane: its pointers lead where they did */
#define REUSE_HOLDERS  (IMPRINT_TARGETS * 2) /* lane: who held it holds it, or nobody did */
#define REUSE_PATTERNS (1u << REUSE_LANES)

enum reuse_says { REUSE_UNCERTAIN, REUSE_SURVIVED, REUSE_REPLACED };

struct reuse {
	bool ties;  /* in: patterns of pairs have these two lanes; else they are left out */
	bool hasty; /* in: ties are not worth the time where contents tell nearly as much */
	uint32_t pairs[REUSE_PATTERNS]; /* in: by set of lanes that agree */
	uint64_t old;                   /* in: blocks of the class in the older snapshot */
	uint8_t says[REUSE_PATTERNS];   /* out: enum reuse_says */
	bool settled; /* out of reuse_first: what contents tell is sure enough, ties need tell of
	                 uncertain patterns only */
	uint64_t survivors, others, unsure; /* out: pairs */
	double wrong; /* out: survivors expected to be none; negative: nothing tells */
	/* private */
	float reused[REUSE_PATTERNS]; /* likelihood that such a pair is a reused one */
	bool tells;                   /* blocks of the kin look different, as a rule */
	double total, share;          /* pairs; of them reused ones, negative: it does not tell */
	double contents_share;        /* the same by contents alone: of reuse_first */
	float contents[IMPRINT_PATTERNS];
};

/* Of n kin, reuse[i] with kin[i]: says of each pattern what its contents alone tell for sure. */
void reuse_first(const struct kin *kin, size_t n, struct reuse *reuse);
/* Some pairs of kin that are settled: replaced or not, by the lanes of ties that agree. */
struct reuse_seen {
	uint32_t pairs[2][REUSE_PATTERNS / IMPRINT_PATTERNS];
};
/*
 * The same by all that patterns have, after reuse_first where they have ties, but for what that
 * settled; and how many there are. seen: NULL: none were.
 */
void reuse_judge(const struct kin *kin, size_t n, const struct reuse_seen *seen,
                 struct reuse *reuse);

#endif
