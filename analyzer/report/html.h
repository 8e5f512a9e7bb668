/*
 * html: a report as one HTML file for people: no script, nothing from elsewhere, light or dark as
 * the reader's system is. It tells what summary and leaks tell as text, out of the same tables.
 *
 * Every name in it comes from a dead process: each is made safe as for a terminal, and then for
 * HTML; and the file's own policy lets a browser neither run nor load anything.
 */
#ifndef ANALYZER_REPORT_HTML_H
#define ANALYZER_REPORT_HTML_H

#include "analyzer/command/options.h"
#include "analyzer/report/report.h"

/* Needs the verdict; sections that were not computed are left out. At most --limit findings (100).
 */
void html_report(const struct report *report, const struct options *opt, struct out *out);

/* Text between tags, or between an attribute's double quotes. */
void html_text(struct out *out, const char *s);

#endif
