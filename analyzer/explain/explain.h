/*
 * explain: everything that is known about a few addresses, as plain data in words and numbers: what
 * is there, whether and why it is kept, who points to it. Computed together, so that one search
 * from the roots and one pass over memory answer for all of them. It knows no format.
 */
#ifndef ANALYZER_EXPLAIN_EXPLAIN_H
#define ANALYZER_EXPLAIN_EXPLAIN_H

#include "analyzer/site/owner.h"
#include "analyzer/type/field.h"
#include "analyzer/reach/path.h"
#include "analyzer/process/place.h"
#include "analyzer/reach/referrer.h"

/* A word or register that points: where it is, in words, and what it says. */
struct explain_pointer {
	const char
		*kind; /* "register", "stack", "tls", "data", ..., "block"; see place_kind_name */
	const char *where; /* in words */
	const char *reg;   /* name; NULL: a word in memory */
	uint64_t tid;      /* register, stack, TLS: whose; ABSENT (UINT64_MAX): nobody's */
	vaddr at;          /* of the word; 0: a register */
	bool in_block;     /* the word lies in a block: */
	struct block block;
	enum reach_class reach;
	const struct type *type; /* of the block; NULL: unknown */
	const char *member;      /* "session.next": the word; NULL: not told */
	uint64_t value;
	bool interior;    /* not to the first byte */
	vaddr to;         /* first byte of what is pointed to */
	const char *how;  /* interior: why it is structural, in words; "": it is weak; NULL: a start
	                     pointer, or not asked for (no block that is explained is possible) */
	bool next_header; /* to where the next chunk's header begins: malloc's pointers look like
	                     that */
};

/* Where a block was likely allocated, and why one may think so. */
struct explain_site {
	bool likely; /* name[0] is it, as far as one may say so */
	double confidence;
	const char *method;
	struct report_site site; /* the first */
	const char **name;       /* likeliest first */
	double *share;           /* of the probability, of each */
	size_t nnames;
	uint32_t fits; /* calls that ask for such a size */
	struct {
		double ratio; /* how many times likelier, or (below 1) less likely, it makes it */
		const char *text;
	} * reason;
	size_t nreasons;
};

struct explanation {
	vaddr at;
	struct place place;
	const char *where;   /* place, in words */
	const char *mapping; /* whose the mapping is, in words; NULL: not mapped */
	/* a block: place.kind PLACE_BLOCK */
	const struct origin *origin; /* where it was allocated; NULL: unknown */
	enum reach_class reach;      /* REACH_NONE: not a used block */
	const struct type *type;     /* NULL: unknown */
	const char *member;          /* at `at`, within the block; NULL: not told */
	struct fields fields;
	const char *shape;               /* of a used block, see shape.h; NULL: no used block */
	const struct peers *peers;       /* of a used block; NULL: none, or not asked for */
	bool structural;                 /* possible: kept by structural pointers, see interior.h */
	const struct explain_site *site; /* inferred; NULL: nothing is known, or origin tells */
	const struct owner *owner;       /* whose it is, where site tells none; NULL: not known */
	const char *list;                /* free: in which list it waits; else NULL */
	const char *why;                 /* the verdict, in words; NULL: no block */
	struct tally retained;           /* it, and what only it leads to; blocks 0: not known */
	/* the path, for used blocks */
	const char *path_from; /* "root", "leak": the definite leak that holds it; NULL: none */
	struct explain_pointer *step;
	size_t nsteps, first; /* first < nsteps: the middle was left out after so many */
	uint64_t length;      /* steps in all */
	/* who points to it */
	uint64_t count[REFERRER_KINDS];
	struct explain_pointer *referrer[REFERRER_KINDS];
	size_t nreferrers[REFERRER_KINDS];
};

/*
 * Explains at[0..n). content: what members hold is wanted. At most `most` referrers of each kind
 * are described. `places` is open, the strings are the pool's, the core's or static. *out has n
 * entries, of the pool.
 */
void explain(struct places *places, const vaddr *at, size_t n, uint64_t most, bool content,
             struct pool *pool, struct explanation **out);

/* Sets site and owner of those that are blocks; explain does it. */
void explain_sites(struct analysis *a, struct explanation *v, size_t n, struct pool *pool);

/* `show`: bytes of each address's memory to print in hexadecimal; 0: none. */
struct out;
void explain_text(struct places *places, const struct explanation *v, size_t n, uint64_t show,
                  struct out *out);

/* The report's object and in it `explain`, an array in the order of the addresses. */
struct report;
void explain_json(struct places *places, const struct report *report, const struct explanation *v,
                  size_t n, uint64_t show, struct out *out);

/* What a dump begins at: the block's first byte, else the address; and how many bytes there are. */
bool explain_byte(struct places *places, vaddr at, uint8_t *byte); /* false: nobody has it */
uint64_t explain_content(const struct explanation *e, uint64_t show, vaddr *start);

#endif
