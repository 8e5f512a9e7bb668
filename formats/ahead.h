/*
 * ahead: memory of a core that will be read from its start to its end, mapped by a second thread
 * while the first reads. Mapping a page that is in the page cache costs about as much as reading
 * it (0.28 us), in the kernel.
 */
#ifndef FORMATS_AHEAD_H
#define FORMATS_AHEAD_H

#include "formats/core.h"

struct ahead;

/* threads: with one, ahead_reach maps window after window itself. Never NULL; ahead_close. */
struct ahead *ahead_open(const struct core *core, unsigned threads);
void ahead_close(struct ahead *ahead); /* accepts NULL */

/* One more range that will be read, behind those added before; before the first ahead_reach. */
void ahead_add(struct ahead *ahead, vaddr start, vaddr end);

/*
 * The reader has come to at, and calls again when it comes to the address that is returned (at
 * least one byte on). Addresses that were not added are none of ours.
 */
vaddr ahead_reach(struct ahead *ahead, vaddr at);

#endif
