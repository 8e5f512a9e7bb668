/*
 * demangle: C++ names (Itanium ABI), and Rust's in the same form, as people write them, by
 * libiberty. Names come from files that may be hostile: time, depth and length are bounded.
 */
#ifndef FORMATS_DEMANGLE_H
#define FORMATS_DEMANGLE_H

#include "formats/base.h"

/* Of the pool. NULL: name is no such name, or what it stands for is beyond the bounds. */
const char *demangle(struct pool *pool, const char *name);

#endif
