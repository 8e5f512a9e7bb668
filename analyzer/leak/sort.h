/*
 * sort: orders in which findings are listed: retained (bytes with what they hold), bytes, blocks,
 * size.
 */
#ifndef ANALYZER_LEAK_SORT_H
#define ANALYZER_LEAK_SORT_H

#include "analyzer/report/report.h"

#define SORT_KEYS "retained,bytes,blocks,size"

/*
 * Puts the report's findings into that order, largest first (equal ones stay as they are), and
 * keeps the first `limit` of them (0: all).
 */
void sort_findings(struct report *report, const char *key, uint64_t limit);

#endif
