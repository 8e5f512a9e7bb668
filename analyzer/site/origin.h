/*
 * origin: where a block was allocated, in names, as far as the process kept it (exact.h). Nothing
 * here is inferred.
 */
#ifndef ANALYZER_SITE_ORIGIN_H
#define ANALYZER_SITE_ORIGIN_H

#include "analyzer/site/exact.h"
#include "analyzer/report/report.h"

struct origin {
	uint64_t key;  /* the stack's: equal for equal stacks of one process */
	uint64_t name; /* hash of the names of the site's function and two of its callers: the same
	                  in every run */
	const char *method;               /* "exact", "sampled" */
	const struct report_frame *frame; /* innermost first */
	size_t n;                         /* 1 at least */
	struct report_site site;          /* of the first frame that is the program's own */
	const char *text;                 /* the site in one phrase: "make_session (server.c:12)" */
};

struct origins;

/* The stage; as all stages it is asked for through analysis_origins. */
struct origins *origins_open(struct analysis *a);
void origins_close(struct origins *origins); /* accepts NULL */

const struct exact *origins_exact(const struct origins *origins);

/* Did the process keep the sites of all blocks, so that there is nothing to infer? */
bool origins_all(const struct origins *origins);

/* What of the sites is not known, among the report's warnings. */
void origins_warn(const struct origins *origins, struct report *report);

/* Of a used block; NULL: it is not known. The same pointer for the same stack. */
const struct origin *origin_of(struct origins *origins, vaddr block);

#endif
