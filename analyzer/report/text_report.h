/*
 * text_report: reports as text, for people. It knows what matters first, not how anything was
 * found.
 */
#ifndef ANALYZER_REPORT_TEXT_REPORT_H
#define ANALYZER_REPORT_TEXT_REPORT_H

#include "analyzer/command/options.h"
#include "analyzer/report/report.h"
#include "analyzer/report/text.h"

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

/*
 * The same parts as strings and tables, for other renderings that people read. Strings are not made
 * safe for a terminal. A table without cells has nothing to tell.
 */
const char *text_process_name(const struct report *report);
const char *text_process_rest(const struct report *report, struct pool *pool); /* behind it */
#define TEXT_MEMORY  "Where the memory went"
#define TEXT_KNOBS   "What would help, by these figures"
#define TEXT_SIZES   "Most of the memory that is still reachable, by size of block"
#define TEXT_KEEPERS "Blocks on which most of the memory in use hangs"
#define TEXT_NEXT    "Next"
void text_memory_table(const struct report *report, struct table *t);
void text_totals_table(const struct report *report, struct table *t);
void text_sizes_table(const struct report *report, struct table *t);
void text_keepers_table(const struct report *report, struct table *t);
/* What to run next: why, and the command. */
void text_next_table(const struct report *report, const struct options *opt, struct table *t);
/* Title of the findings; NULL: there are none. */
const char *text_suspects_title(const struct report *report);
size_t text_findings_table(const struct report *report, uint64_t limit, struct table *t);
/* What its columns mean that a stranger may ask about: whole lines. */
const char *text_finding_notes(const struct report *report, struct pool *pool);
/* "64 B in 2 allocations from stack", in the manner of bcc's memleak. */
const char *text_allocated(const struct report_finding *finding, struct pool *pool);

/*
 * How free memory lies: blocks that pin the ends of regions, holes by size, pages (of that many
 * bytes) by what of them is in use.
 */
void text_fragmentation(const struct report *r, uint64_t page, struct out *out);

#endif
