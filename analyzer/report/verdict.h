/*
 * verdict: the first line of a summary, in words for someone who has never seen a core dump, drawn
 * from a finished report. Codes: "leaks", "possible", "clean", "withheld", "no-heap", "foreign".
 */
#ifndef ANALYZER_REPORT_VERDICT_H
#define ANALYZER_REPORT_VERDICT_H

#include "analyzer/report/report.h"

/* Sets report->verdict and verdict_text. Needs the sections memory and leaks. */
void verdict_find(struct report *report);

#endif
