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

/*
 * The stack that a thread unwound last, for its next: frames that are still active have not moved,
 * and what was found out of each holds. Bounded, as it is a part of every thread's stack.
 */
#define SITES_MEMO 16
struct sites_memo {
	uintptr_t sp, pc; /* where the frame begins; the address in it */
	uint32_t rule;    /* unwind.h */
};

/* A thread's own, in its static TLS. */
struct sites_thread {
	uintptr_t low, size; /* its stack: [low, low + size); size 0: not known */
	int64_t until;       /* bytes to the next sample */
	uint64_t random;     /* 0: not seeded */
	uint32_t pressed;    /* how often an insertion found lines full */
	bool busy;           /* unwinding: whoever interrupts does without the memo */
	uint32_t epoch;      /* of the memo; see unwind_forget */
	uint32_t frames;     /* of the last stack; more than SITES_MEMO: not all are there */
	uint32_t id;         /* its record; 0: not known */
	struct sites_memo memo[SITES_MEMO + 1]; /* behind the last one: sp UINTPTR_MAX */
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

/* sample.c: the bytes to the next sample are used up */
bool sites_sampled_now(size_t usable, uint64_t rate);

/*
 * Is a block of this size one of the sample? Its usable bytes count, as the analyzer sees no
 * others: a chunk's 8 bytes more, multiples of 16, 24 at least.
 */
static inline bool sites_sampled(size_t size, uint64_t rate)
{
	size_t n = (size + 8 + 15) & ~(size_t)15, usable = n < 32 ? 24 : n - 8;

	sites_thread.until -= (int64_t)usable;
	return SITES_UNLIKELY(sites_thread.until <= 0) && sites_sampled_now(usable, rate);
}

#pragma GCC visibility pop

#endif
