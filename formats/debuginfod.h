/*
 * debuginfod: asks debuginfod servers (https://sourceware.org/elfutils/Debuginfod.html) for files
 * by build-id, through elfutils' libdebuginfod, which is loaded when it is first needed. Which
 * servers: $DEBUGINFOD_URLS. What they send is not trusted and not looked at here. Private to
 * formats/.
 */
#ifndef FORMATS_DEBUGINFOD_H
#define FORMATS_DEBUGINFOD_H

#include "formats/base.h"

struct debuginfod;

enum debuginfod_what { DEBUGINFOD_EXECUTABLE, DEBUGINFOD_DEBUGINFO };

/*
 * A client; the caller ends with debuginfod_close. Never NULL: where the library or the names of
 * servers are missing it finds nothing, and debuginfod_trouble says why.
 */
struct debuginfod *debuginfod_open(void);
void debuginfod_close(struct debuginfod *client); /* accepts NULL */

/* The folder of libdebuginfod's cache, open; made where there is none. The caller closes it. -1:
 * none. */
int debuginfod_folder(void);

/*
 * The path of the file in libdebuginfod's cache, of the pool; NULL: none. A server that does not
 * answer for half a minute, or $DEBUGINFOD_TIMEOUT seconds if that is less, or cannot be reached,
 * is not asked again by this client.
 */
const char *debuginfod_find(struct debuginfod *client, struct pool *pool, enum debuginfod_what what,
                            const uint8_t *build_id, size_t size);

/* What went wrong first, as a sentence with its remedy, valid as long as the client; NULL: nothing.
 */
const char *debuginfod_trouble(const struct debuginfod *client);

#endif
