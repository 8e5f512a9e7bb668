/*
 * abort: what libc said before it aborted the process ("free(): invalid pointer", a failed
 * assertion). It keeps the text for the dead: __abort_msg points to it. That pointer is found by
 * what it points to, so neither symbols nor files are needed. It is private to libc
 * (GLIBC_PRIVATE).
 */
#ifndef ANALYZER_PROCESS_ABORT_H
#define ANALYZER_PROCESS_ABORT_H

#include "formats/core.h"

/* The first line of it, owned by pool, not escaped; NULL: none, or the signal was another. */
const char *abort_message(const struct core *core, struct pool *pool);

#endif
