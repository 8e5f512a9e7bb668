/*
 * written: the saved memory of a core that occupies disk, run by run. Kernel cores have a hole
 * where a page was never touched: reading it would give zeroes, and cost as much as reading data.
 * Scans of large memory go through here.
 */
#ifndef FORMATS_WRITTEN_H
#define FORMATS_WRITTEN_H

#include "formats/core.h"

/*
 * The next run of saved bytes that are no hole of the file, at or after *at and below end: moves
 * *at to it and sets *stop to its end (at most `end`; within one segment). False: there is none.
 *
 *   for (vaddr stop, at = start; core_written(core, &at, end, &stop); at = stop) ...
 */
bool core_written(const struct core *core, vaddr *at, vaddr end, vaddr *stop);

/*
 * Hint: what was written of [start, end) will be read soon. Maps them in one system call rather
 * than a page fault every 64 KiB (Linux 5.14: MADV_POPULATE_READ; without it, nothing happens).
 */
void core_will_read(const struct core *core, vaddr start, vaddr end);

/*
 * Hint: the same, but soon enough to be read from disk meanwhile. Does something only where the
 * core does not fit into memory: all that goes over much of one then says so in advance.
 */
void core_will_want(const struct core *core, vaddr start, vaddr end);

/*
 * Hint: nothing will be read any more. Unmapping a big core page by page takes as long as a fifth
 * of reading it: threads (1 at least) share that, then core_close has little to do.
 */
void core_was_read(const struct core *core, unsigned threads);

#endif
