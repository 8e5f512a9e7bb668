/*
 * feed: windows of a core that does not fit into memory, each read once, in order, by threads of
 * its own while others look at those before. They go past the page cache (O_DIRECT) where the file
 * system lets them, into buffers of our own: what a mapping of the file costs is then not paid, a
 * page's fault, its place in the cache and its removal from there, together more than a disk's
 * time. What is in a window it does not know.
 */
#ifndef FORMATS_FEED_H
#define FORMATS_FEED_H

#include "formats/core.h"

#define FEED_WINDOW (UINT64_C(2) << 20)   /* bytes of the file, whose multiples part windows */
#define FEED_TAIL   (UINT64_C(256) << 10) /* bytes behind a window that are its holder's to fill */

struct feed;

/*
 * Called by a feeding thread for window after window, once for each, one after the other. mem: its
 * bytes, that the callee owns until feed_take_back, and FEED_TAIL more that may be written; NULL:
 * they were not read, as they cannot be, or are a hole.
 */
typedef void feed_arrived(void *of, size_t window, uint8_t *mem);

/* Never NULL; feed_close. buffers: how many windows may be held at a time. */
struct feed *feed_open(const struct core *core, unsigned buffers, feed_arrived *arrived, void *of);

/* One more window, of the bytes between two multiples of FEED_WINDOW in the file at most, in one
 * piece. */
void feed_add(struct feed *feed, vaddr start, vaddr end);

/* The address up to which a window that starts there may go. */
vaddr feed_window_end(const struct core *core, vaddr start, vaddr end);

/* Begins. False: the system gives no thread; nothing will arrive. */
bool feed_start(struct feed *feed);

void feed_take_back(struct feed *feed, uint8_t *mem); /* accepts NULL */

/* Waits until all have arrived, which needs all buffers that were lent taken back. */
void feed_close(struct feed *feed);

#endif
