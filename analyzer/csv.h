/*
 * csv: the report's findings as CSV (RFC 4180, with a line feed at the end of each line).
 */
#ifndef ANALYZER_CSV_H
#define ANALYZER_CSV_H

#include "analyzer/out.h"
#include "analyzer/report.h"

/* kind,fingerprint,reach,blocks,bytes,retained_bytes,size,type,site,example; empty: unknown. */
void csv_findings(const struct report *report, struct out *out);

#endif
