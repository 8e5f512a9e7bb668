/*
 * site_cache: indexes of modules, kept in the user's cache folder by build-id and by what other
 * modules' allocators they were made with. What does not check out is made anew.
 */
#ifndef ANALYZER_SITE_SITE_CACHE_H
#define ANALYZER_SITE_SITE_CACHE_H

#include "analyzer/site/site_index.h"

/* False: none is kept. extra as for site_index_build. */
bool site_cache_read(const struct module *module, const struct site_export *extra, size_t nextra,
                     struct site_index *out);
void site_cache_write(const struct module *module, const struct site_export *extra, size_t nextra,
                      const struct site_index *index);

#endif
