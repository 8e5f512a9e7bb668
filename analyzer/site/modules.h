/*
 * modules: the sites of all modules of a process, read from their files or taken from the
 * cache. Private to site.
 */
#ifndef ANALYZER_SITE_MODULES_H
#define ANALYZER_SITE_MODULES_H

#include "analyzer/site/score.h"

struct analysis;

/* Sets scorer.module, nmodules, nsites and library; site_modules_free. */
void site_modules_read(struct analysis *a, struct scorer *scorer);
void site_modules_free(struct scorer *scorer);

#endif
