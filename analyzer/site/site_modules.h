/*
 * site_modules: the sites of all modules of a process, read from their files or taken from the
 * cache. Private to site.
 */
#ifndef ANALYZER_SITE_SITE_MODULES_H
#define ANALYZER_SITE_SITE_MODULES_H

#include "analyzer/site/site_score.h"

struct analysis;

/* Sets scorer.module, nmodules and nsites; scorer.module[].index and the array are the caller's. */
void site_modules_read(struct analysis *a, struct scorer *scorer);

#endif
