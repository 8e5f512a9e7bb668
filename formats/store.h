/*
 * store: a sparse anonymous file that a stream is written into, to be mapped like any other. It
 * does not know what is in it.
 *
 * It is a file without a name in $TMPDIR, else in /var/tmp, and not memory: the system can write
 * its pages to the disk when memory gets tight, where a memfd's pages (and a tmpfs's, as /tmp often
 * is) stay in memory and count towards a container's limit. Only where no file can be made (a
 * read-only system) a memfd takes its place, at most half of the memory that is available. As the
 * file never has a name, nothing is left behind however the program ends.
 *
 * Pages that are all zero are not written but left as holes. So what was a hole in a sparse core is
 * one again, and so is a page that the dead process had written zeroes to: in the store a hole says
 * that a page tells nothing, no longer that it was never touched.
 */
#ifndef FORMATS_STORE_H
#define FORMATS_STORE_H

#include "formats/base.h"

struct store {
	int fd;
	uint64_t size;     /* bytes, holes included */
	uint64_t written;  /* bytes, without holes */
	uint64_t room;     /* bound on written */
	uint64_t bound;    /* bound on size */
	const char *limit; /* what the bound comes from, where the system set it; else NULL */
	bool given;        /* the bound was given by the caller */
	bool in_memory;
	char folder[256]; /* where the file is, if not in memory */
};

/*
 * Opens an empty store. bound: of its size, bytes; 0: four times what there is room for, and 64
 * GiB at least, so that a small stream that unpacks to zeroes without an end has one. What is
 * written is bounded by nine tenths of the free space in any case. False: no file can be made,
 * neither on disk nor in memory.
 */
bool store_open(struct store *store, uint64_t bound, struct err *err);

/*
 * Makes files for this many stores that are opened later, by any thread, when none can be made any
 * more. Failing is no error: store_open then does what it can.
 */
void store_reserve(size_t n);

/* Appends. False: it is full, or the system refuses; the message says which, without a name. */
bool store_write(struct store *store, const uint8_t *bytes, size_t n, struct err *err);

/* Gives the file its size (the last pages may be a hole). The descriptor is now the caller's. */
bool store_finish(struct store *store, int *fd, struct err *err);
void store_close(struct store *store); /* what was not finished is gone */

#endif
