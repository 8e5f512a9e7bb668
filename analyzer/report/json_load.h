/*
 * json_load: a saved report read back: what `summary --json` wrote, by this release or another one
 * of version 1. It is as hostile as a core: sizes, depth, types and numbers are checked, and a file
 * that is cut off or is something else is refused. It knows which keys there are, not what they are
 * good for.
 */
#ifndef ANALYZER_REPORT_JSON_LOAD_H
#define ANALYZER_REPORT_JSON_LOAD_H

#include "analyzer/report/report.h"
#include "formats/document.h"

#define LOAD_BYTES ((size_t)64 << 20) /* of a file, at most */

/*
 * Reads tool, input, process, memory, leaks, findings, sizes and profile; other keys are passed
 * over. path is what the report's input.path becomes. False: the message says what and why; *report
 * is empty then. Else the caller ends with report_free.
 */
bool json_load(const char *path, const struct document *document, struct report *report,
               struct err *err);

#endif
