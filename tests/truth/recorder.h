/*
 * recorder: what its parts share. Everything here is hidden: a preloaded library must not lend its
 * names to the program.
 */
#ifndef TRUTH_RECORDER_H
#define TRUTH_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* The layout below is read again by refmark.c and dump.py, which do not include this file. */
#define MAGIC_LEN     32
#define THREADS       2048
#define STARTS        256
#define CONTROL_BYTES (1u << 17)

struct thread_rec {
	uint64_t self, lo, hi; /* struct pthread's address; own stack, guard excluded; inverted */
};

struct start_rec {
	uint64_t routine, arg; /* inverted; routine 0: not in use */
};

struct control {
	char magic[MAGIC_LEN];
	uint32_t lock;    /* 0 free, 1 held, 2 held and waited for */
	uint32_t request; /* 1: hold at the next operation */
	uint32_t held;    /* 1: holding still */
	uint32_t broken;  /* 1: a limit of the recorder was passed; the table is not the truth */
	uint64_t table;   /* from here on all inverted */
	uint64_t capacity;
	uint64_t count;
	uint64_t main_arena;
	uint64_t glibc_minor;
	uint64_t brk_start; /* program break before the first operation */
	uint64_t operations;
	uint64_t dropped;
	uint64_t nthreads;
	uint64_t pid;
	uint64_t main_self;  /* the first thread's struct pthread */
	uint64_t main_stack; /* an address in its stack */
	struct thread_rec thread[THREADS];
	struct start_rec start[STARTS];
};

struct entry { /* all inverted; address 0: empty */
	uint64_t address, requested, usable, caller;
};

extern struct control *ctl;

/* ledger.c: the lock, the table */
void lock_take(void);
void lock_drop(void);
bool lock_outermost(void); /* no operation of this thread encloses this one */
_Noreturn void hold(void); /* keeps the lock, for ever */
void ledger_set_up(void);
void publish(void);
void record(void *block, size_t requested, uint64_t caller);
struct entry *find(const void *block);
void forget(struct entry *e);
void remember(struct entry e);
extern uint64_t operations, dropped;
extern bool numbered; /* the operation's number stands where the caller would */

/* recorder.c */
void enter(void); /* takes the lock, opens an operation */

#pragma GCC visibility pop

#endif
