/*
 * cache: indexes of modules, kept in the user's cache folder by build-id and by what other
 * modules' allocators they were made with. What does not check out, and what was made of a core
 * whose variables hold other allocators, is made anew.
 */
#ifndef ANALYZER_CODE_CACHE_H
#define ANALYZER_CODE_CACHE_H

#include "analyzer/code/index.h"

/* False: none is kept. others as for site_index_build. */
bool site_cache_read(const struct module *module, const struct site_others *others,
                     struct site_index *out);
void site_cache_write(const struct module *module, const struct site_others *others,
                      const struct site_index *index);

#endif
