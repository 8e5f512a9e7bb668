/*
 * early: the first part of marking, done while the heap is walked: roots are scanned before, and
 * each part of the heap behind its walk, as far as what leads to its blocks was seen by then. Where
 * the words of the other blocks lead is logged (edgelog.h), and scanned from there afterwards. Of a
 * core that does not fit into memory, the heap is read only once this way. (Where it does fit,
 * marking afterwards is as fast: neither waits for memory.)
 *
 * What is in use is not yet known for certain: a block that may wait in a tcache or fastbin is not
 * scanned. Where one was that turns out to be free, or the heap turns out to be damaged, all of it
 * is dropped, and marking starts anew.
 */
#ifndef ANALYZER_REACH_EARLY_H
#define ANALYZER_REACH_EARLY_H

#include "analyzer/reach/mark.h"
#include "analyzer/reach/root.h"
#include "heapwalk/visit.h"

struct early;

/*
 * For one walk of a heap of this core, whose visitor it is. log: bytes that may be logged, 0: as
 * many as edgelog_open takes. Owned by the caller: early_free.
 */
struct early *early_new(const struct core *core, unsigned threads, uint64_t log,
                        struct visitor *visitor);
void early_free(struct early *early); /* accepts NULL */

/*
 * After the walk: the stacks and roots of the heap, that the caller owns then. False: they have to
 * be found anew.
 */
bool early_roots(struct early *early, const struct heap *heap, struct stacks *stacks,
                 struct roots *roots);

/*
 * After early_roots: the marker in its first pass, which goes on with mark_drain; the caller owns
 * it. touched and sum: as of mark_pass. NULL: that pass has to start anew.
 */
struct marker *early_marker(struct early *early, const struct heap *heap, uint64_t *touched,
                            struct tally *sum);

#endif
