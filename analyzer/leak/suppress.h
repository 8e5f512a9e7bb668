/*
 * suppress: leaks that are known and not to be told of, as LeakSanitizer's suppression files name
 * them: lines `leak:PATTERN`, empty lines and comments (#). A pattern is found anywhere in a name;
 * `*` stands for anything, `^` in front and `$` at the end for the name's start and end (LLVM,
 * sanitizer_suppressions.h). It knows names only, not what they are of.
 */
#ifndef ANALYZER_LEAK_SUPPRESS_H
#define ANALYZER_LEAK_SUPPRESS_H

#include "formats/base.h"

struct suppressions {
	ARRAY(const char *) pattern;
	struct pool pool;
};

/*
 * Reads a file. False: it cannot be read, or a line is none of these; err names the line. The
 * caller ends with suppressions_free.
 */
bool suppressions_read(const char *path, struct suppressions *out, struct err *err);
void suppressions_free(struct suppressions *suppressions);

/* Does any of them match this name? name may be NULL: none does. */
bool suppressions_match(const struct suppressions *suppressions, const char *name);

/* One pattern. */
bool suppression_matches(const char *pattern, const char *name);

#endif
