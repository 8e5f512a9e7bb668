/*
 * prom: a report as metrics in Prometheus's text format (version 0.0.4), for node_exporter's
 * textfile collector and the like; with its last line it is OpenMetrics text (1.0), too. All are
 * gauges: what one core tells. It knows no command.
 *
 * Names are those of the JSON report, sizes are bytes; what is not known has no sample. Each sample
 * tells whose core it is (comm, pid), so that files of several programs may lie side by side.
 */
#ifndef ANALYZER_REPORT_PROM_H
#define ANALYZER_REPORT_PROM_H

#include "analyzer/command/out.h"
#include "analyzer/report/report.h"

/* most: so many findings, the first ones; 0: all of them. */
void prom_report(const struct report *report, uint64_t most, struct out *out);

#endif
