/*
 * library: blocks that the language's own libraries ask for themselves and keep on behalf of
 * who called them: regcomp's, setlocale's. Which of their sites some other module's calls come to,
 * and which calls those are. It knows no block.
 */
#ifndef ANALYZER_SITE_LIBRARY_H
#define ANALYZER_SITE_LIBRARY_H

#include "analyzer/code/index.h"

struct score_module;

struct library_call {
	uint32_t site;   /* the library's, among those of all modules */
	uint32_t depth;  /* of calls between this one and the site */
	uint32_t module; /* that calls: index of the score_module */
	uint32_t number; /* among all such calls, of all modules */
	const struct site_use *use;
};

struct library {
	struct library_call *v; /* sorted by site, then depth, then place */
	size_t n, numbers;
	uint64_t *called; /* bit by site: there are some */
	uint32_t nsites;
	uint32_t *found; /* by number: classes of blocks that are what it comes to */
	float *prior;    /* by site: logarithm, of what its calls were found to have made already */
};

/* Of all modules, once their sites are numbered, which are nsites. library_free. */
void library_make(const struct score_module *module, size_t n, uint32_t nsites,
                  struct library *out);
void library_free(struct library *library);

/* The calls that come to this site; *n: how many. */
const struct library_call *library_calls(const struct library *library, uint32_t site, size_t *n);

/*
 * A class of blocks is found to be this site's: what its calls come to else is likelier then, from
 * library_settle on, which counts anew.
 */
void library_found(struct library *library, uint32_t site);
void library_settle(struct library *library);

#endif
