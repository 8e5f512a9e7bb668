/*
 * exact: allocation stacks that the process itself kept, by way of libcoreheap_sites.so, in a
 * region of its own (preload/region.h is its form): which stack a block has. As numbers: it knows
 * no names. Everything in the region is checked, as a core may hold anything in its place.
 */
#ifndef ANALYZER_SITE_EXACT_H
#define ANALYZER_SITE_EXACT_H

#include "formats/core.h"

#define EXACT_DEPTH 64 /* frames of a stack at most */

struct exact {
	const struct core *core;
	bool found;
	vaddr start, end; /* the region, address space in reserve included */
	const char *mode; /* "caller", "stack", "sampled": what was asked of the library */
	bool sampled;
	uint64_t rate; /* sampled: bytes, on average, from one block of the sample to the next */
	uint32_t depth;
	uint64_t lost;    /* blocks that the library had no room for, since it began */
	uint64_t cut;     /* blocks of which it kept the caller only, for lack of room */
	bool bad_setting; /* an environment variable was not understood */
	bool foreign;     /* its malloc is not glibc's */
	/* private */
	vaddr reach, records, map;
	uint64_t records_size;
	uint32_t segments, segments_max;
	const uint8_t *bytes; /* of the map, in one piece */
	uint64_t nbytes;
	uint8_t *reach_of; /* by segment */
};

/* A stack: return addresses, innermost first. */
struct exact_stack {
	uint64_t hash; /* of pc: the same for the same stack, whatever its record */
	uint32_t n;    /* 1 at least */
	vaddr pc[EXACT_DEPTH];
};

/* Looks for a region; where there is none, found is false. The caller ends with exact_free. */
void exact_find(const struct core *core, struct exact *out);
void exact_free(struct exact *exact);

/* Where the region is, without reading it further: not a root. False: there is none. */
bool exact_range(const struct core *core, vaddr *start, vaddr *end);

/* The record of a block by the address that malloc returned; 0: none. Constant time. */
uint32_t exact_record(const struct exact *exact, vaddr block);

/* The hash of a record's stack, unchecked; 0: not saved. */
uint64_t exact_key(const struct exact *exact, uint32_t record);

/* A record's stack; false: it is damaged or not saved. */
bool exact_stack(const struct exact *exact, uint32_t record, struct exact_stack *out);

/* How many blocks of this size (usable bytes) one in the sample stands for; 1 without sampling. */
double exact_weight(const struct exact *exact, uint64_t size);

#endif
