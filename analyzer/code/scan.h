/*
 * scan: finds the functions that call one of a set of addresses, by looking at every byte for
 * what would be such a call: fast, and now and then a function too many. Private to build.
 */
#ifndef ANALYZER_CODE_SCAN_H
#define ANALYZER_CODE_SCAN_H

#include "formats/function.h"

/* Addresses: functions, stubs, GOT slots. */
struct scan_set {
	uint64_t *v; /* open addressing; 0: empty */
	size_t cap, n;
	uint64_t bits[1024]; /* by hash: most addresses are told apart by these alone */
};

void scan_add(struct scan_set *set, uint64_t at);
bool scan_has(const struct scan_set *set, uint64_t at);
void scan_free(struct scan_set *set);

/* Stubs of the procedure linkage table whose slot is in set join it. */
void scan_stubs(const struct functions *functions, struct scan_set *set);

struct site_held;

/* Sets a bit for each function that may call what a member at one of these offsets holds. */
void scan_members(const struct functions *functions, const struct site_held *member, size_t n,
                  uint64_t *bits);

/* Sets a bit, by index into functions.v, for each function that calls or jumps to one of set. */
void scan_callers(const struct functions *functions, const struct scan_set *set, uint64_t *bits);

/* How many calls and jumps there are to each of set, by scan_slot. The caller's: mem_free. */
uint32_t *scan_count(const struct functions *functions, const struct scan_set *set);
size_t scan_slot(const struct scan_set *set, uint64_t at);

#endif
