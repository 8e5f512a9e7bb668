/*
 * tiny: a dead process made by hand: segments, file map and registers in a struct core, with small
 * ELF files that the compiler of the test run makes from assembly, mapped as the kernel's loader
 * maps them and saved as the kernel saves them (header page and writable parts, no code).
 */
#ifndef TESTS_UNIT_LIB_TINY_H
#define TESTS_UNIT_LIB_TINY_H

#include "formats/core.h"

struct tiny {
	struct core core;
	ARRAY(struct segment) segs;
	ARRAY(struct filemap) files;
	ARRAY(struct thread) threads;
	uint64_t auxv[16];
	size_t nauxv; /* pairs */
};

/* Runs $CC (else cc) on assembly; fails the test where that fails. flags may be NULL. */
void tiny_cc(const char *out, const char *flags, const char *assembly);

/* A segment of which the first `saved` bytes are in the core (bytes: NULL for zeroes). */
void tiny_map(struct tiny *t, vaddr start, uint64_t size, unsigned flags, const void *bytes,
              uint64_t saved);

enum tiny_save {
	TINY_KERNEL, /* header page and writable parts */
	TINY_NOTHING,
	TINY_ALL,
};

/* The host's file, loaded with bias `base`, under the name that the process saw. */
void tiny_load(struct tiny *t, const char *seen, const char *host, vaddr base, enum tiny_save save);

/* Address in the process of bytes of a file that is loaded with bias `base`; 0: not there. */
vaddr tiny_symbol(const char *host, const char *name);

/* Sorts what was given and fills in t->core. Call it before use and after each addition. */
struct core *tiny_core(struct tiny *t);
struct segment *tiny_segment(struct tiny *t, vaddr at); /* to be spoilt */
void tiny_free(struct tiny *t);

#endif
