/*
 * effort: is a heap so small that looking at all of its blocks, and at where each of their pointers
 * leads, takes about a second? What a summary or list of leaks tells beyond its verdict (who holds
 * what, which pointers into the middle are meant) is looked for in such a heap without being asked.
 */
#ifndef ANALYZER_REACH_EFFORT_H
#define ANALYZER_REACH_EFFORT_H

#include "analyzer/analysis.h"

/* Needs the heap only; takes a few milliseconds once. The same answer for the same core. */
bool effort_is_small(struct analysis *a);

#endif
