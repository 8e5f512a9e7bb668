/*
 * root: what keeps blocks alive, and why: registers, the used part of live threads' stacks, TLS,
 * and every other writable mapping that malloc does not own. And what is missing of it in this
 * core.
 */
#ifndef ANALYZER_REACH_ROOT_H
#define ANALYZER_REACH_ROOT_H

#include "analyzer/reach/stack.h"

enum root_kind {
	ROOT_REGISTER, /* a value, no range */
	ROOT_STACK,
	ROOT_TLS,
	ROOT_DATA, /* .data/.bss of a module: file-backed writable pages and the bss behind them */
	ROOT_ANON, /* anonymous mapping that malloc does not own */
	ROOT_SHARED, /* shared memory, memfd, file mapping */
	ROOT_KINDS
};

struct root {
	vaddr start, end;
	enum root_kind kind;
	int thread; /* ROOT_STACK, ROOT_TLS: index into core.thread; else -1 */
	const char
		*file; /* ROOT_DATA, ROOT_SHARED: path of the mapping; else NULL. Owned by core */
};

struct root_register {
	uint64_t value;
	int thread;    /* index into core.thread */
	char name[12]; /* "rbx", "xmm3[1]", ... */
};

#define ROOT_NO_VECTORS "no note has them" /* root_missing.why of vector registers */

/* A root that the core should have and has not. */
struct root_missing {
	vaddr start, end;
	enum root_kind kind;
	int thread;
	const char *file;
	const char *why; /* static text: "cut off", "not saved", "zeroed by gdb" ... */
};

struct roots {
	struct root *v; /* sorted by start, not overlapping, aligned to the word */
	size_t n;
	struct root_register *reg; /* sorted by thread, then in the order of the register files */
	size_t nregs;
	struct root_missing *missing; /* sorted by start */
	size_t nmissing;
	uint64_t missing_bytes;
	/* shares of what should be there, 0..1; see "completeness" in the report */
	double stacks_saved, globals_saved, tls_saved;
};

void roots_find(const struct core *core, const struct heap *heap, const struct stacks *stacks,
                struct roots *out);
void roots_free(struct roots *roots);

/* The root range that holds at, or NULL. */
const struct root *roots_at(const struct roots *roots, vaddr at);

#endif
