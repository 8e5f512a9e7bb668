/*
 * diff: two or more snapshots against each other, as plain data for the renderings: are they of one
 * process, when were they taken, what became of the blocks, what grew. It knows no format.
 */
#ifndef ANALYZER_DIFF_DIFF_H
#define ANALYZER_DIFF_DIFF_H

#include "analyzer/command/condition.h"
#include "analyzer/diff/growth.h"

enum sameness {
	SAME_PROCESS, /* of one execution: addresses can be compared */
	SAME_BUILD,   /* two executions of one build */
	SAME_PROGRAM, /* another build of a program of this name */
	SAME_NOTHING,
};
const char *sameness_name(enum sameness same); /* "process", "build", "program", "different" */

struct diff {
	struct snapshot *snapshot;
	size_t n;
	enum sameness same;
	bool forks;            /* one process image, but several process ids */
	const char *matching;  /* "exact", "estimated"; NULL: blocks were not matched */
	const char *unmatched; /* why not; NULL: they were */
	enum when_source timed;
	double *hours;             /* since the first snapshot; NULL: not known */
	const char *untimed;       /* why not */
	struct survival *survival; /* n - 1 */
	struct growths growths;
	uint64_t limit;     /* bytes of resident memory; 0: none was given */
	double limit_hours; /* from the last snapshot until then, at the last rate; NAN: never */
	const char *name;   /* of the program */
	struct pool pool;
};

struct diff_want {
	const char *times; /* a comma list; NULL: not given */
	int64_t interval;  /* ns; 0: not given */
	uint64_t limit;
};

/*
 * Of the n snapshots (2 at least, the oldest first), which stay the caller's; the newest core's
 * analysis is left as it is, those of the others are lightened. False: the times do not fit. The
 * caller ends with diff_free.
 */
bool diff_make(struct snapshot *snapshot, size_t n, const struct diff_want *want, struct diff *out,
               struct err *err);
void diff_free(struct diff *diff);

/* As growths_find wants it. */
struct series diff_series(const struct diff *diff);

/*
 * Value of a quantity of --fail-on in the whole comparison: growth in bytes (0: it shrank), by the
 * hour if it asks for that. False: it cannot be known, *why tells.
 */
bool diff_quantity(const struct diff *diff, const struct condition *condition, uint64_t *value,
                   const char **why);

struct out;
struct options;
void diff_text(const struct diff *diff, const struct options *opt, struct out *out);
void diff_json(const struct diff *diff, const struct options *opt, struct out *out);
void diff_jsonl(const struct diff *diff, const struct options *opt, struct out *out);
/* The blocks of the newest snapshot with the fates of --list, one a line; as text, jsonl or csv. */
void diff_list(const struct diff *diff, const struct options *opt, struct out *out);
void diff_csv(const struct diff *diff, const struct options *opt, struct out *out);

/* How many of the growths are listed: all, unless -n says otherwise. */
size_t diff_rows(const struct diff *diff, const struct options *opt, size_t usual);

#endif
