/*
 * suspect: the finding that holds most of what leaked, or of what may have, in a sentence: what it
 * is and who made it, or else what its blocks have in common.
 */
#ifndef ANALYZER_REPORT_SUSPECT_H
#define ANALYZER_REPORT_SUSPECT_H

#include "analyzer/report/report.h"

/*
 * " 93% of it, 1.29 MiB, are 415 blocks ..."; "": no finding of this verdict holds a good part of
 * these bytes, or none is known. Owned by the report.
 */
const char *suspect_text(struct report *report, const char *reach, uint64_t bytes);

#endif
