/*
 * snapshot: one side of a comparison: a process at one time, from a core (analyzed here) or from a
 * saved report. Either way it is a report with a profile; a core's analysis stays open beside it,
 * so that single blocks can be compared. It knows nothing of other snapshots.
 */
#ifndef ANALYZER_DIFF_SNAPSHOT_H
#define ANALYZER_DIFF_SNAPSHOT_H

#include "analyzer/analysis.h"
#include "analyzer/diff/profile.h"
#include "analyzer/process/when.h"

struct snapshot {
	const char *path;
	bool saved; /* from a report: there is no analysis */
	bool whole; /* the report has a profile: else its groups were made of what there was */
	struct report report;
	struct analysis a;
	struct when when;
};

/* False: the message names the file. snapshot_close. */
bool snapshot_open(const char *path, const struct module_options *where, struct snapshot *out,
                   struct err *err);
/*
 * Makes the reports of those that are cores, side by side, on threads as in struct analysis. What
 * is found does not depend on how many these are. fine: the types of all blocks are wanted, however
 * many there are.
 */
void snapshots_analyze(struct snapshot *snapshot, size_t n, unsigned threads, bool fine);
void snapshot_close(struct snapshot *snapshot);

/* Lets go of the bitmaps and of the index of blocks: the report stays. */
void snapshot_lighten(struct snapshot *snapshot);

/* Name of the program, for people; "" where it is not known. */
const char *snapshot_program(const struct snapshot *snapshot);

#endif
