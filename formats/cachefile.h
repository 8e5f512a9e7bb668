/*
 * cachefile: small files of our own in the user's cache folder, $XDG_CACHE_HOME/coreheap or
 * ~/.cache/coreheap. Nobody else may have written them: folder and file have to belong to us, be
 * writable by nobody else and be no links. What is read is what was written, by its checksum; what
 * it means, and whether it can be true, the caller has to check.
 */
#ifndef FORMATS_CACHEFILE_H
#define FORMATS_CACHEFILE_H

#include "formats/base.h"

/* The bytes that were kept under this name (letters, digits, '-'); NULL: none, or not to be
 * trusted. *size: how many. The caller's: mem_free. */
void *cachefile_read(const char *name, size_t *size);

/* The folder, open; made where there is none. -1: none can be trusted. The caller closes it. */
int cachefile_folder(void);

/* Keeps bytes under a name; takes the place of what is there in one step. Failing is no error. */
void cachefile_write(const char *name, const void *bytes, size_t size);

#endif
