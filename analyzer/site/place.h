/*
 * place: the position in the source that a call has for people: inlined allocators, and what
 * the language's own headers inline, are stepped out of. Private to site.
 */
#ifndef ANALYZER_SITE_PLACE_H
#define ANALYZER_SITE_PLACE_H

#include "analyzer/site/site.h"
#include "formats/inlined.h"

#define INLINED_MOST 24 /* functions around one call that are looked at */

/* Which of the positions around a call, innermost first, is the one for people. */
size_t site_place_step(const struct inlined *at, size_t n);

/* Confidence and method are left alone. Strings are the modules'. */
void site_place(const struct core *core, struct modules *modules, const struct module *module,
                uint64_t call, struct site *out);

#endif
