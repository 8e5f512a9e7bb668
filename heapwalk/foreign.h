/*
 * foreign: what a core alone tells of allocators that are not glibc's: the names of mapped files,
 * and structures in memory that nothing else looks like. It knows who is there, not who is used,
 * and reads no heap of theirs.
 */
#ifndef HEAPWALK_FOREIGN_H
#define HEAPWALK_FOREIGN_H

#include "formats/core.h"

enum foreign_kind {
	FOREIGN_MALLOC,  /* made to take the place of glibc's malloc */
	FOREIGN_LIBC,    /* a whole C library, its malloc included */
	FOREIGN_BESIDE,  /* a language's own heap, beside malloc */
	FOREIGN_CHECKER, /* valgrind: takes malloc's place behind the program's back */
};

struct foreign {
	const char *name; /* "jemalloc"; static */
	enum foreign_kind kind;
};

/* By the base name of a mapped file; NULL: none that is known. */
const struct foreign *foreign_by_file(const char *path);

/*
 * Is tp (x86-64's thread pointer) a thread of musl 1.1.22 or newer? It heads a ring of threads,
 * where glibc has small numbers.
 */
bool foreign_musl(const struct core *core, vaddr tp);

/*
 * Did valgrind write this core, of the program that it ran? Such cores name no files; LD_PRELOAD in
 * the environment on the initial thread's stack tells.
 */
bool foreign_valgrind(const struct core *core);

/* Is there what Go's linker leaves in every program's data (.go.buildinfo) in [start, end)? */
bool foreign_go(const struct core *core, vaddr start, vaddr end);

#endif
