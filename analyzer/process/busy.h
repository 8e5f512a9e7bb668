/*
 * busy: was a thread in the middle of malloc or free when the core was taken? Two things tell it:
 * the lock of an arena, and the functions that threads were in, where libc's file is at hand to
 * name them. It changes nothing that is said of blocks; it knows no words for people.
 */
#ifndef ANALYZER_PROCESS_BUSY_H
#define ANALYZER_PROCESS_BUSY_H

#include "analyzer/analysis.h"

struct busy {
	size_t threads;     /* that were seen in malloc's functions; waiting for a lock is not */
	int tid;            /* of the first of them, in the core's order */
	const char *inner;  /* the innermost of malloc's functions it was in; belongs to modules */
	const char *outer;  /* the outermost, as "free" */
	bool consolidating; /* one of them had the chunks of a fastbin in hand */
	size_t locked;      /* arenas whose lock was held */
	size_t arena;       /* index of the first of them, if any */
};

/*
 * Looks at each arena's lock, and at threads whose pc is in a libc and not behind a system call; at
 * all in libc where a lock is held (the first 64 each, 16 frames). Reads libc's file only where
 * there is such a thread.
 */
void busy_find(struct analysis *a, struct busy *out);

#endif
