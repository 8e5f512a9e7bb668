/*
 * scratch: big zeroed arrays for one piece of work: memory, as far as a bound allows, and beyond it
 * a mapped file without a name (store.h), whose pages the system can write to the disk when memory
 * gets tight. Where no such file can be had it is memory all the same. It does not know what is in
 * the arrays; as they may be on a disk for a while, nothing that a core contains belongs there, but
 * numbers that were worked out.
 */
#ifndef FORMATS_SCRATCH_H
#define FORMATS_SCRATCH_H

#include "formats/base.h"

struct scratch {
	uint64_t bound; /* bytes of memory that may be taken */
	/* private */
	uint64_t taken; /* bytes of memory */
	uint64_t size;  /* of the file */
	int fd;         /* -1: there is none (any more) */
	bool asked;     /* whether there is one is known */
	ARRAY(const void *) filed; /* arrays in the file */
};

/* Takes nothing yet. The caller ends with scratch_close. */
struct scratch scratch_open(uint64_t bound);
void scratch_close(struct scratch *scratch);

/* Arrays that are asked for first are memory. Each is given back with the same byte count before
 * scratch_close; what is NULL is not. */
void *scratch_take(struct scratch *scratch, size_t bytes);
uint64_t scratch_left(const struct scratch *scratch); /* bytes that would be memory */
void scratch_give(struct scratch *scratch, void *p, size_t bytes);

#endif
