/*
 * csv: the report's findings as CSV (RFC 4180, with a line feed at the end of each line).
 */
#ifndef ANALYZER_REPORT_CSV_H
#define ANALYZER_REPORT_CSV_H

#include "analyzer/command/out.h"
#include "analyzer/report/report.h"

/* A field and the comma behind it; empty for NULL or ABSENT. */
void csv_text(struct out *out, const char *s);
void csv_number(struct out *out, uint64_t n);

/* kind,fingerprint,reach,blocks,bytes,retained_bytes,size,type,site,example; empty: unknown. */
void csv_findings(const struct report *report, struct out *out);

#endif
