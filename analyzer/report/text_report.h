/*
 * text_report: reports as text, for people. It knows what matters first, not how anything was
 * found.
 */
#ifndef ANALYZER_REPORT_TEXT_REPORT_H
#define ANALYZER_REPORT_TEXT_REPORT_H

#include "analyzer/command/options.h"
#include "analyzer/report/report.h"

void text_summary(const struct report *report, const struct options *opt, struct out *out);
void text_leaks(const struct report *report, const struct options *opt, struct out *out);
void text_check(const struct report *report, const struct options *opt, struct out *out);

/* Parts that more than one of them has. */
void text_process(const struct report *report, struct out *out);
/* " (zstd: 12.0 MiB)" where the core came compressed; "" where not. */
const char *text_compression(struct pool *pool, const struct report *report);
void text_verdict(const struct report *report, struct out *out);
/* What of the core could not be read, a paragraph each; nothing where all could. */
void text_warnings(const struct report *report, struct out *out);
/* The findings that are groups of blocks, at most `limit` (0: all); returns how many there are. */
size_t text_findings(const struct report *report, uint64_t limit, struct out *out);
/* "... and 3 more sizes" where not all of the groups were shown (0: all were). */
void text_more(size_t groups, uint64_t shown, const char *how, struct out *out);
/* Frames, one a line, numbered from 0. */
void text_frames(const struct report_frame *v, size_t n, unsigned indent, struct out *out);

/* Where the memory went, as a table; and the settings that would help. */
void text_memory(const struct report *r, struct out *out);
void text_knobs(const struct report *r, struct out *out);
/*
 * How free memory lies: blocks that pin the ends of regions, holes by size, pages (of that many
 * bytes) by what of them is in use.
 */
void text_fragmentation(const struct report *r, uint64_t page, struct out *out);

#endif
