/*
 * knob: settings that would help, each only where the figures of the report say so, and with them.
 *
 * Sources: mallopt(3), malloc_trim(3), pthread_attr_setstacksize(3); glibc malloc/malloc.c (free()
 * trims the top beyond mp_.trim_threshold; the threshold for mmap grows with what is freed,
 * and the one for trimming to twice that, unless either was set).
 */
#ifndef ANALYZER_MEMORY_KNOB_H
#define ANALYZER_MEMORY_KNOB_H

#include "analyzer/report/report.h"

/* Fills memory.knobs. Needs the sections memory and leaks. */
void knobs_find(struct report *report);

#endif
