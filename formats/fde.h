/*
 * fde: where functions begin and end, as .eh_frame tells it. Stripped files keep that section: it
 * is what exceptions and backtraces need. Addresses are the file's own. Private to formats/.
 */
#ifndef FORMATS_FDE_H
#define FORMATS_FDE_H

#include "formats/image.h"

struct fde {
	uint64_t start, end; /* end > start */
	bool symbol;         /* from a symbol table */
};

struct fde_list {
	struct fde *v;
	size_t n, cap;
};

/* Adds every entry. *damaged: the section cannot be true somewhere; what was before is there. */
void fde_read(const struct image *image, struct fde_list *list, bool *damaged);

void fde_add(struct fde_list *list, uint64_t start, uint64_t end, bool symbol);

/*
 * By address; one of several with one start stays (that of .eh_frame, if any), and each ends where
 * the next begins, at the latest.
 */
void fde_sort(struct fde_list *list);

#endif
