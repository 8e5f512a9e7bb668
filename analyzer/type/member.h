/*
 * member: names for places that the debug information tells: `g_cache.table[3].next` of a global or
 * thread-local variable. A module's debug information is read when a name in it is asked for.
 */
#ifndef ANALYZER_TYPE_MEMBER_H
#define ANALYZER_TYPE_MEMBER_H

#include "analyzer/analysis.h"
#include "formats/local.h"

/*
 * The variable and its member at an address of a module's data, "g_cache.table[3].next+2"; NULL:
 * not known. Owned by pool.
 */
const char *member_of_data(struct analysis *a, vaddr at, struct pool *pool);

/* The same for an offset into the TLS of a module. */
const char *member_of_tls(struct analysis *a, const struct module *module, uint64_t at,
                          struct pool *pool);

/*
 * The variable of a function at an address of a stack, "list.next"; NULL: none of locals.
 * *function: that it is of.
 */
const char *member_of_frame(struct analysis *a, const struct locals *locals, vaddr at,
                            struct pool *pool, const char **function);

/* The member at an offset of a type, ".next", "[2].name+4"; "" at the beginning. */
const char *member_text(struct analysis *a, uint32_t type, uint64_t offset, struct pool *pool);

#endif
