/*
 * kinds: processes of unusual kinds which know what they hold and leak, as tests/victims/plan does,
 * whose truth.c, get.c and park.c they share. Each kind plants blocks and returns; then main writes
 * the truth and stands still, for gcore and for the signal that makes a kernel core.
 */
#ifndef KINDS_H
#define KINDS_H

#include "../victims/plan/plan.h"

/* alloc.c */
void kind_align(long most);   /* every function that aligns, to every power of two up to most */
void kind_remap(long rounds); /* chunks that are mappings, and were moved and resized */
/* crowd.c */
void kind_crowd(long threads); /* many threads, each with blocks of its own */
void kind_fork(long threads);  /* the child of a process with so many threads; returns in it */
void kind_vfork(long threads); /* such a process, for main to call vfork in */
void kind_spawn(long threads); /* posix_spawn of a crowd; does not return */
/* space.c */
void kind_space(long spaces);   /* so many libcs more, by dlmopen */
void kind_open(long libraries); /* a static program's: one libc more, by dlopen */

/* flight.c */
void kind_flight(long blocks);
void flight(void); /* what to stop in; it follows the truth of kind_flight */

extern const char *kinds_truth; /* path of the truth */

/* kinds.c: some live, leaked and freed blocks from the caller's arena. */
void plant_few(long blocks, const char *label);
void free_few(const char *label);

#endif
