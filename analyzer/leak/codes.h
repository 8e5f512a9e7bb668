/*
 * codes: where in leaked blocks of unknown type addresses of functions stand: callbacks and tables
 * of a struct, in the same words of all of its kind, in every build and every run. Blocks of one
 * size that differ by that are of two kinds. It knows which words, not which functions.
 */
#ifndef ANALYZER_LEAK_CODES_H
#define ANALYZER_LEAK_CODES_H

#include "analyzer/reach/reach.h"
#include "analyzer/type/type.h"

struct codes;

/*
 * Looks at the definite blocks whose type is not known (types NULL: at all). NULL: none has any.
 * Owned by the caller: codes_free. The arguments must outlive it.
 */
struct codes *codes_find(const struct core *core, const struct heap *heap,
                         const struct reach *reach, const struct types *types);
void codes_free(struct codes *codes); /* accepts NULL */

/*
 * Words of this block, a bit each, that have the address of a function in blocks like it; where
 * others of its size have something else there, this one has to have one. 0: none, or its type is
 * known.
 */
uint32_t codes_of(const struct codes *codes, const struct block *block);

#endif
