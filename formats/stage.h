/*
 * stage: what is being done, and how far it is: for a person who waits. The stages of the work
 * tell, from any thread; who wants to show it asks, at any time, also in a signal's handler. It
 * prints nothing, and nothing depends on it.
 */
#ifndef FORMATS_STAGE_H
#define FORMATS_STAGE_H

#include <stdbool.h>
#include <stdint.h>

struct stage {
	const char *name; /* "walking the heap", static; NULL: nothing that was told */
	uint64_t all;     /* how much there is to do, as far as known beforehand; 0: not known */
	uint64_t done;    /* of it; may come out above all */
	uint64_t began;   /* ns of CLOCK_MONOTONIC */
	bool bytes;       /* all and done count bytes, else steps */
	bool alone;       /* stages within are not told: several threads have each its own */
};

/* By the main thread; returns the stage that this one is a part of, which stage_end takes up again.
 */
struct stage stage_bytes(const char *name, uint64_t bytes);
struct stage stage_steps(const char *name, uint64_t steps);
struct stage stage_alone(const char *name); /* until its end, what others tell does not count */
void stage_end(struct stage outer);

/* So much more is done. A few nanoseconds: to be told by the megabyte, not by the block. */
void stage_add(uint64_t done);

struct stage stage_now(void);
uint64_t stage_clock(void); /* now, as `began` */

#endif
