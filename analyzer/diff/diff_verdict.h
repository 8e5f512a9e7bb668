/*
 * diff_verdict: a comparison in words: what grows, how fast, until when. Between the renderings of
 * diff.
 */
#ifndef ANALYZER_DIFF_DIFF_VERDICT_H
#define ANALYZER_DIFF_DIFF_VERDICT_H

#include "analyzer/diff/diff.h"

/* "growing-leak", ... (growth_kind_name of the first), "steady", "different". */
const char *diff_verdict_code(const struct diff *diff);
/* Sentences; the first one is the verdict. Owned by pool. */
const char *diff_verdict_text(const struct diff *diff, struct pool *pool);

/* "80 B blocks", "session, allocated in f", "anonymous memory". Owned by pool. */
const char *growth_what(const struct growth *growth, struct pool *pool);
/* "+1.20 MiB", "-3 B", "0 B"; "+1,200". Owned by pool. */
const char *signed_bytes(struct pool *pool, double bytes);
const char *signed_count(struct pool *pool, int64_t n);

#endif
