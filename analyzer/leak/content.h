/*
 * content: of leaked blocks that hold no other, how much their sizes tell of the leak they hang on.
 * A buffer, a text, an array is as long as what it holds, so that as a rule the size of such a
 * block tells one leak from the next and not one kind of leak from another. It tells kinds apart
 * where there are few sizes, each of several heads, and no two of them near each other: what comes
 * from places in a program that ask for so many bytes each.
 */
#ifndef ANALYZER_LEAK_CONTENT_H
#define ANALYZER_LEAK_CONTENT_H

#include "analyzer/graph/below.h"
#include "analyzer/reach/held.h"
#include "analyzer/type/variant.h"

/*
 * Decides for the variants of this level whether finer ones, which differ by sizes of content
 * alone, are told apart. exact: with sizes. held: of the things, which are heads.
 */
void content_settle(struct variants *variants, uint32_t level, const struct below *exact,
                    const struct held *held);

/* Powers of two: 1024 to 2047 bytes are one class. */
unsigned content_class(uint64_t size);

struct content_range {
	uint64_t least, most; /* bytes; most 0: none was added */
};

/* Widens the range by what is content one or two pointers below a node, and of no known type. */
void content_add(const struct below *exact, uint32_t node, struct content_range *range);

/* "{3048-3336}", "{64}"; NULL: there is none. Owned by pool. */
const char *content_text(const struct content_range *range, struct pool *pool);

#endif
