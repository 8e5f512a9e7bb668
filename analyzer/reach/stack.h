/*
 * stack: the stacks of threads, live and exited, by their own bounds. Never by the mapping's: with
 * glibc 2.42 on a kernel with MADV_GUARD_INSTALL all thread stacks share one mapping.
 *
 * Source: struct pthread, see heapwalk/pthread.h.
 */
#ifndef ANALYZER_REACH_STACK_H
#define ANALYZER_REACH_STACK_H

#include "heapwalk/heap.h"

struct stack {
	vaddr start,
		end; /* the stack block; end is exclusive and includes TLS and struct pthread */
	vaddr used;  /* live: lowest address in use (of the red zone, if the ABI has one), never
	                below start; exited: end */
	vaddr tls;   /* where static TLS or struct pthread begins, as far as known; end if unknown
	                or main thread */
	vaddr guard; /* bytes of guard at start */
	int thread;  /* index into core.thread; -1: of a thread that has exited */
	bool main;  /* the initial thread: [stack], in one mapping or several, end is the last one's
	             */
	bool saved; /* [used, end) is in the core and looks real (struct pthread is there) */
	bool foreign_sp; /* sp lies outside (signal stack, coroutine): the whole block counts as
	                    used */
};

#define STACK_NONE  UINT32_MAX       /* none was found */
#define STACK_AMONG (UINT32_MAX - 1) /* among other memory, without bounds that a core tells */
#define STACK_OWN   0                /* one of the list */

struct stacks {
	struct stack *v; /* sorted by start */
	size_t n;
	uint64_t static_tls; /* bytes of each thread, as far as modules' program headers tell */
	uint32_t *of_thread; /* index into v by thread, STACK_AMONG, STACK_NONE */
};

/* *out is owned by the caller: stacks_free. */
void stacks_find(const struct core *core, const struct heap *heap, struct stacks *out);
void stacks_free(struct stacks *stacks);

#endif
