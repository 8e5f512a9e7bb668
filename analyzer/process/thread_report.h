/*
 * thread_report: the threads of a core as rows of a report: registers, stack use, backtrace, cache.
 * It knows no format.
 */
#ifndef ANALYZER_PROCESS_THREAD_REPORT_H
#define ANALYZER_PROCESS_THREAD_REPORT_H

#include "analyzer/report/report.h"

#define THREAD_FRAMES 256 /* of each thread, unless asked for others */

/* At most `frames` of each thread, 0: all (but 65,536). */
void report_add_threads(struct report *report, struct analysis *a, uint64_t frames, bool registers);

/* The names of a code address; call_site: it is where a call returns to. */
void report_frame_name(struct analysis *a, vaddr pc, bool call_site, struct report_frame *row);

#endif
