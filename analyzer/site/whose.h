/*
 * whose: whose variables lead to each used block, by the fewest pointers: the program's or a
 * library's. One pass over the modules' data and over what is reached. It knows no site.
 */
#ifndef ANALYZER_SITE_WHOSE_H
#define ANALYZER_SITE_WHOSE_H

#include "analyzer/site/class.h"

#define WHOSE_NOBODY 255

struct site_whose {
	uint8_t *of; /* by id: the number of the module below, at most WHOSE_NOBODY - 1 */
	uint64_t bytes;
};

/* module[0 .. n): those whose variables count; NULL among them: none. site_whose_free. */
void site_whose_make(const struct site_classes *classes, const struct module *const *module,
                     size_t n, struct site_whose *out);
void site_whose_free(struct site_whose *whose);

#endif
