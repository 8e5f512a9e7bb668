/*
 * folded: leaks as folded stacks, a line each, `outermost;...;innermost bytes`, as flamegraph.pl,
 * speedscope and their like read them. It knows where stacks come from, not how they are drawn.
 */
#ifndef ANALYZER_REPORT_FOLDED_H
#define ANALYZER_REPORT_FOLDED_H

#include "analyzer/command/out.h"
#include "analyzer/report/report.h"

/*
 * The findings that are groups of blocks, by the stack that the process kept; of a sample, the
 * bytes that it stands for, and no other blocks. Where there is none: `module;function;type` of the
 * site that is likely, with [unknown] in place of what is not clear. Lines are sorted, and each
 * stack is told once.
 */
void folded_leaks(const struct report *report, struct out *out);

#endif
