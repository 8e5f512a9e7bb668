/*
 * select: which of a report's findings are told, and as what: those of a type or a site, without
 * suppressed ones, folded by site. It takes what is known of them as it is.
 */
#ifndef ANALYZER_LEAK_SELECT_H
#define ANALYZER_LEAK_SELECT_H

#include "analyzer/report/report.h"
#include "analyzer/leak/suppress.h"

#include <regex.h>

struct selection {
	const regex_t *type, *site;              /* NULL: any */
	const struct suppressions *suppressions; /* NULL: none */
	bool by_site;
	uint64_t min_bytes; /* with what they hold */
};

/*
 * After report_finish, once sites are known; findings that are no groups of blocks stay.
 * Suppressed ones, and what only they hold, go to report.suppressed.
 */
void report_select(struct report *report, const struct selection *selection);

/* Does the type of a block match? NULL is an unknown one, which nothing matches. */
bool select_matches(const regex_t *re, const char *name);

#endif
