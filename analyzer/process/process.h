/*
 * process: who the dead process was: name, signal, libc, and what the attributes of the core file
 * tell. It knows nothing of blocks.
 */
#ifndef ANALYZER_PROCESS_PROCESS_H
#define ANALYZER_PROCESS_PROCESS_H

#include "analyzer/report/report.h"

/* Fills in report->process. */
void process_describe(struct report *report, struct analysis *a);

/* "SIGSEGV"; NULL: no signal of that number has a name here (real-time signals). */
const char *process_signal_name(int signal);

#endif
