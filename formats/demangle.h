/*
 * demangle: C++ names (Itanium ABI) and Rust's (both schemes) as people write them, by libiberty.
 * Of Rust's the hash is left out, which each build makes anew. Names come from files that may be
 * hostile: time, depth and length are bounded.
 */
#ifndef FORMATS_DEMANGLE_H
#define FORMATS_DEMANGLE_H

#include "formats/base.h"

/* Of the pool. What is longer than 16 KiB ends in "...". NULL: name is no such name, or is itself
 * longer than 4 KiB. */
const char *demangle(struct pool *pool, const char *name);

#endif
