/*
 * dominant: which part of the memory is the culprit, by the rules of the field: resident memory
 * that is not shared is heap, stacks or mappings of the program's own; much that is shared is
 * tmpfs, SysV or memfd; much address space and little that is resident was reserved and never
 * touched. What it rests on is given beside it. Whether anything grows one core cannot tell.
 *
 *   "leak"           unreachable heap
 *   "heap"           heap in use that the program still points to: a cache, a queue
 *   "fragmentation"  free memory that malloc keeps
 *   "mappings"       private memory that malloc does not own
 *   "stacks"         of threads
 *   "shared"         memory with a name
 *   "reserved"       address space that was never touched
 *   "files"          the program, its libraries and files
 */
#ifndef ANALYZER_MEMORY_DOMINANT_H
#define ANALYZER_MEMORY_DOMINANT_H

#include "analyzer/report/report.h"

/* Sets memory.dominant. Needs the sections memory and leaks; code NULL where nothing is resident.
 */
void dominant_find(struct report *report);

/* Bytes that were mapped and, as far as the core tells, never touched. */
uint64_t dominant_untouched(const struct report_memory *m);

#endif
