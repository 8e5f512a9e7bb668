/*
 * score: how well each site explains each class of blocks, as sums of logarithms of likelihood
 * ratios against the heap's own background: how often what a site would do is seen in blocks of the
 * same size that are of other classes. It reads no code and prints nothing.
 */
#ifndef ANALYZER_SITE_SCORE_H
#define ANALYZER_SITE_SCORE_H

#include "analyzer/code/index.h"
#include "analyzer/site/kind.h"
#include "analyzer/site/library.h"
#include "analyzer/site/refs.h"
#include "analyzer/site/whose.h"

/* Logarithm: a store of what is not told, where all have one address; against a site that stores
 * nothing there, and against one that is not known. */
#define SCORE_UNTOLD      3.9
#define SCORE_UNTOLD_OPEN 1.0

#define SCORE_TOP 8 /* candidates that are kept of each class */

struct score_module {
	const struct module *module;
	struct site_index index;
	double prior;   /* logarithm */
	bool foreign;   /* one of the language's own libraries */
	uint32_t first; /* number of its first site among those of all modules */
};

struct score_top {
	uint32_t site;       /* among those of all modules */
	double score, share; /* share: of the probability, 0..1 */
};

/* The sum of what a wrapper's callers have, as far as there is room. */
#define SCORE_WRAPS 4
struct score_wrap {
	uint32_t site; /* 1 + the call in the wrapper */
	double share;
};

/* What does not change from round to round. */
struct score_kept {
	uint32_t site;
	bool copies, untold;
	bool content_known, kind_known;
	double content, fill, kind;
};

struct class_scores {
	struct score_top top[SCORE_TOP]; /* the best first */
	unsigned n;
	struct score_wrap wrap[SCORE_WRAPS];
	bool done;               /* compared with all sites */
	bool basis;              /* and others lean on what is known of it: see scorer_run */
	uint32_t fits;           /* sites whose size fits */
	double unknown;          /* share of what is none of the sites */
	struct score_kept *kept; /* sites that are scored in the next round, too */
	uint32_t nkept;
};

/* One reason, for people. */
struct score_reason {
	double weight;    /* logarithm of the likelihood ratio */
	const char *what; /* static */
	uint32_t offset;
	bool at_offset;
	double share; /* of the samples; negative: does not apply */
};
#define SCORE_REASONS 48
#define FILL_OWN      8

/* What the words of a class's blocks are. */
struct class_words {
	unsigned n;
	double own[WORDKINDS][WORD_KINDS + 1]; /* shares */
};

/* What the blocks of one class answer to a question: match.c. */
struct class_answer {
	uint64_t key[4]; /* the question; key[0] has 1 + the class, 0: none */
	double seen, llr, share;
};
#define CLASS_ANSWERS 1024

/* What speaks for sites that hand out a block's start, or an address inside it, or both. */
struct class_inner {
	uint32_t class; /* 1 + the class */
	double share, llr[4];
};

/* How much of a class is text. */
struct class_text {
	uint32_t class; /* 1 + the class */
	double is, fit; /* shares: of the samples, and of them those as long as text is */
};

/* The same of all words where some site of their size stores something that is not zero. */
struct class_fill {
	uint32_t class;           /* 1 + the class */
	uint64_t bits;            /* by word, of the first 64 */
	double own[64];           /* share of its blocks where the word is not zero */
	double all[64];           /* the same of other classes of the size, each once */
	double llr[64][FILL_OWN]; /* by what is expected of the site: fill.c */
};

struct scorer_met {
	uint32_t id, class; /* id: 1 more; 0: empty */
};
#define SCORER_MET 4096

/* Who points to the blocks of a class, where that is a struct whose type is known. */
struct class_home {
	const char *type;
	size_t length; /* of the struct's name */
	uint32_t offset;
	bool array; /* of such structs */
};
struct class_homes {
	uint32_t class; /* 1 + the class */
	unsigned n;
	struct class_home v[REFS_MOST];
};

/* Whose what points to a class is: affinity.c. */
struct class_near {
	uint32_t class; /* 1 + the class */
	unsigned round;
	double *share; /* by module: not yet divided by their sum */
	double sum;
};

struct scorer {
	const struct core *core;
	const struct site_classes *classes;
	const struct site_refs *refs;     /* NULL: not looked for */
	const struct site_whose *reached; /* the same */
	struct score_module *module;
	size_t nmodules;
	uint32_t nsites;
	struct library library;  /* who calls the language's own libraries */
	struct class_scores *of; /* by class; room for `room` of them */
	struct modules *modules; /* for what debug information tells */
	struct class_kind *kind; /* by class */
	size_t room;
	uint32_t *kind_of; /* by site: 1 + its index in kinds */
	ARRAY(struct site_kind) kinds;
	uint32_t *by_size; /* the first nsized classes, sorted by size */
	size_t nsized;
	unsigned round;    /* 0: nothing is known of any class */
	uint64_t pairs;    /* of a class and a site, which were compared when either was new */
	uint64_t basis;    /* of them, that the classes of most blocks may take */
	uint64_t left_out; /* blocks of classes that there were too many pairs for */
	uint32_t *wrap;    /* by site: 1 + the call in the wrapper that it calls; 0: none is told */
	float *active;     /* by site: classes that it explained in the round before */
	double background[WORD_KINDS + 1]; /* shares of all words; 0: not made yet */
	struct class_words words;
	struct class_fill fill;
	struct class_homes homes;
	struct class_text text;
	struct class_inner inner;
	struct class_near near;
	double *whose;                  /* by module: share of all classes that are of its sites */
	struct class_answer *answers;   /* CLASS_ANSWERS, by hash: what was asked before */
	struct scorer_met *met;         /* SCORER_MET, by hash: blocks whose class was asked for */
	uint32_t words_of;              /* 1 + the class that words is of */
	uint64_t counted_size, counted; /* blocks of one size */
	double unknown;                 /* logarithm: that a block is of none of the sites */
	double explained; /* share of what there is that the likeliest sites account for */
	double certain;   /* share of what there is of which the likeliest site is certain */
	bool untold;      /* this site was given credit for what its code does not tell */
	/* where reasons are wanted */
	struct score_reason *reason;
	size_t nreasons;
};

/*
 * Scores the classes of most blocks, in rounds: what is known of a parent tells about what it
 * points to. What is said of other classes leans on these, and so does not depend on which are
 * asked for, nor in which order.
 */
void scorer_run(struct scorer *scorer);
/* May more classes be compared, where those of all blocks are asked for? */
bool scorer_has_room(const struct scorer *scorer);
/* Has this one been compared? */
bool scorer_knows(const struct scorer *scorer, uint32_t class);

/* All others, until there are too many; those are left_out. */
void scorer_rest(struct scorer *scorer);
/* Of one class, which may have been made since scorer_run. Valid until the next. */
const struct class_scores *scorer_of(struct scorer *scorer, uint32_t class);
void scorer_free(struct scorer *scorer);

/*
 * doubt.c: what a share is worth in this program. Where the likeliest sites account for less
 * than a fifth of all there is (`explained`), most of what fits does so by chance: there are sites
 * that no index has (calls through pointers, code without a file), or too many that are alike. A
 * sum of shares then counts by the odds that it is like the rest.
 */
#define DOUBT_FROM 0.5
/* The same where the candidates' modules have line numbers: sites are compared by types, too. */
#define DOUBT_LINES 0.2
/* It asks for as many bytes as it is told to, and so may be what all of a program goes through. */
bool doubt_open(const struct site_entry *site);
double doubt_unknown(const struct scorer *scorer);
double doubt_explained(const struct scorer *scorer);
double doubt_share(double explained, double sum);

/*
 * How likely the first of a list has to be that is told. Where nothing but code tells sites apart,
 * without line numbers, and hardly any site is certain, what is likely by a little is wrong as
 * often.
 */
double doubt_certain(const struct scorer *scorer);
double doubt_least(const struct scorer *scorer, bool lines);

/* The entry of a site, and its module. */
const struct site_entry *scorer_site(const struct scorer *scorer, uint32_t site,
                                     const struct score_module **module);

/*
 * How probable it is that this block is of that site, compared with the likeliest one: 0..1. 1
 * where nothing is known yet.
 */
double scorer_share(struct scorer *scorer, const struct block *block, uint32_t site);

/* Why: reasons go to reason[SCORE_REASONS]; returns how many. */
size_t scorer_reasons(struct scorer *scorer, uint32_t class, uint32_t site,
                      struct score_reason *reason);

/* fit.c: the probability that a block of this site has this usable size; 0: it cannot. */
double fit_size(const struct site_index *index, const struct site_entry *site, uint64_t usable);
bool fit_can(const struct site_entry *site, uint64_t usable);
/* What to multiply that with, as all blocks of the class have it. */
double fit_rests(struct scorer *scorer, uint32_t class, const struct site_entry *site);
/* malloc's usable size for a request of so many bytes (glibc on 64 bits, not mmapped). */
uint64_t fit_usable(uint64_t bytes);

/* match.c: do stores and content agree? As logarithm of a likelihood ratio. */
double match_stores(struct scorer *scorer, uint32_t class, const struct score_module *module,
                    const struct site_entry *site);
/* Has this block of the class, too, the numbers that all samples hold and the site stores? */
bool match_numbers(const struct scorer *scorer, uint32_t class, uint32_t site,
                   const struct block *block);
/* fill.c: is it filled where the site fills it with what is not told, and only there? */
double match_fill(struct scorer *scorer, uint32_t class, const struct score_module *module,
                  const struct site_entry *site, bool copies);
/* text.c: is it text where the site makes text, and as long as its block is? */
double match_text(struct scorer *scorer, uint32_t class, const struct site_entry *site);
/* where.c: do those who point to it agree? */
double match_refs(struct scorer *scorer, uint32_t class, const struct score_module *module,
                  uint32_t site);

/* prior.c: logarithm of how likely a site is that nothing else is known of. */
double prior_of(const struct scorer *scorer, uint32_t class, const struct score_module *module,
                uint32_t site);
void prior_note(struct scorer *scorer); /* after each round, for the next one */

/* wrap.c: wrappers that are no allocators by their names, and what their callers have. */
void wraps_find(struct scorer *scorer);
void wraps_add(const struct scorer *scorer, uint32_t site, double share, struct class_scores *to);

/* affinity.c: is what points to it of the same module? */
double match_affinity(struct scorer *scorer, uint32_t class, const struct score_module *module);
double match_whose(struct scorer *scorer, uint32_t class, const struct score_module *module);
void affinity_note(struct scorer *scorer); /* after each round */
void affinity_free(struct scorer *scorer);

/* home.c: are those who point to it members that the site stores to? */
double match_homes(struct scorer *scorer, uint32_t class, const struct score_module *module,
                   uint32_t site);

/* layout.c: are the words what the struct that the site makes has there? */
double match_layout(struct scorer *scorer, uint32_t class, const struct site_entry *site,
                    const struct site_store *store, const struct site_kind *kind);
/* Is there text behind the header that the site's blocks have? */
double match_tail(struct scorer *scorer, uint32_t class, const struct site_entry *site,
                  const struct site_store *store);
/* Valid until the next class is asked for. */
const struct class_words *scorer_words(struct scorer *scorer, uint32_t class);

/* kind.c: is the type of the blocks what the site makes? */
double match_kind(struct scorer *scorer, uint32_t class, const struct score_module *module,
                  uint32_t site);
/* What the site makes; looked up once, and for the first KINDS_MOST only. Valid until the next. */
const struct site_kind *scorer_kind(struct scorer *scorer, const struct score_module *module,
                                    uint32_t site);

void scorer_reason(struct scorer *scorer, double weight, const char *what, const uint32_t *offset,
                   double share);

#endif
