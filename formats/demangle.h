/*
 * demangle: C++ names (Itanium ABI), and Rust's in the same form, as people write them, by
 * libiberty. Names come from files that may be hostile: time, depth and length are bounded.
 */
#ifndef FORMATS_DEMANGLE_H
#define FORMATS_DEMANGLE_H

#include "formats/base.h"

/* Of the pool. What is longer than 16 KiB ends in "...". NULL: name is no such name, or is itself
 * longer than 4 KiB. */
const char *demangle(struct pool *pool, const char *name);

#endif
