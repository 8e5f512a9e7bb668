/*
 * source: a file or a pipe, read from front to back, with some bytes of look-ahead. It does not
 * know what they mean.
 */
#ifndef FORMATS_SOURCE_H
#define FORMATS_SOURCE_H

#include "formats/base.h"

#define SOURCE_AHEAD ((size_t)64 << 10) /* source_want can see that far */

struct source {
	int fd;         /* the caller's */
	uint8_t *buf;   /* owned */
	size_t at, n;   /* buf[at .. n) has been read and not yet been taken */
	uint64_t taken; /* bytes */
	bool ended;     /* nothing comes any more; see error */
	int error;      /* errno of the read that failed; 0: the end */
};

void source_open(struct source *source, int fd); /* from where fd stands */
void source_close(struct source *source);        /* fd stays open */

/*
 * What is ahead: at least `want` bytes (at most SOURCE_AHEAD) unless the source ends before. *n:
 * how many there are, 0 at the end. Valid until the next call.
 */
const uint8_t *source_want(struct source *source, size_t want, size_t *n);
void source_take(struct source *source, size_t n); /* at most as many as are ahead */

#endif
