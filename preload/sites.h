/*
 * sites: what the parts of libcoreheap_sites.so share. It runs inside a program that must not
 * notice: nothing here allocates from malloc, takes a lock that another thread could hold for ever,
 * writes anywhere but to its own mapping, or leaves errno changed.
 */
#ifndef PRELOAD_SITES_H
#define PRELOAD_SITES_H

#include "preload/region.h"

#include <stdbool.h>
#include <stddef.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "libcoreheap_sites.so is for x86-64 and aarch64"
#endif

#pragma GCC visibility push(hidden)

#define SITES_LIKELY(x)   __builtin_expect(!!(x), 1)
#define SITES_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Where in the region its parts are; set once, before ready. */
struct sites {
	struct sites_header *header; /* NULL: there is no region, nothing is kept */
	uint8_t *reach;
	uint64_t *index;
	char *records;
	uint64_t *map;
	enum sites_mode mode;
	unsigned depth;
	bool ready; /* the program's own functions were looked up */
};
extern struct sites sites;

/* A thread's own: 64 bytes of its static TLS. */
struct sites_thread {
	uintptr_t low, size; /* its stack: [low, low + size); size 0: not known */
	int64_t until;       /* bytes to the next sample */
	uint64_t random;     /* 0: not seeded */
	uint32_t pressed;    /* how often an insertion found lines full */
	uint32_t busy;       /* inside a call whose inner allocations are its caller's */
};
extern __thread struct sites_thread sites_thread __attribute__((tls_model("initial-exec")));

/*
 * Who called: the return address of the function of ours that the program called, and the caller's
 * stack and frame pointer. Taken at once: a tail call gives that frame away.
 */
struct sites_from {
	uintptr_t pc, sp, fp;
};
#define SITES_FRAME ((uintptr_t)__builtin_frame_address(0))
#define SITES_HERE                                                          \
	((struct sites_from){ .pc = (uintptr_t)__builtin_return_address(0), \
	                      .sp = SITES_FRAME + 2 * sizeof(uintptr_t),    \
	                      .fp = *(const uintptr_t *)SITES_FRAME })

/* region.c */
void sites_region_open(void);
bool sites_open_more(uint64_t from, uint64_t to); /* makes bytes of the region accessible */

/* start.c: settings */
struct sites_settings {
	enum sites_mode mode;
	unsigned depth;
	uint64_t memory, rate; /* bytes */
	bool bad;
};
void sites_settings_read(struct sites_settings *out);

/* sample.c: is a block of this size one of the sample? */
bool sites_sampled(size_t size, uint64_t rate);

#pragma GCC visibility pop

#endif
