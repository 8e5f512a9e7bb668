/*
 * hostpath: opens files of this host whose names come from a core or from a debug file, which may
 * be hostile: symbolic links inside a sysroot stay inside it, and what is no regular file of a
 * disk is never opened, as opening a device or a pseudo file may already do something. It knows no
 * file format. Private to formats/.
 */
#ifndef FORMATS_HOSTPATH_H
#define FORMATS_HOSTPATH_H

#include "formats/base.h"

/*
 * Where path leads for a process whose root folder is root: absolute links and ".." are taken from
 * there, as openat2's RESOLVE_IN_ROOT does (which containers often forbid). The result is the
 * pool's and has no link below root in it. NULL: it leads nowhere.
 */
const char *hostpath_in_root(struct pool *pool, const char *root, const char *path);

/*
 * A regular file, opened for reading; else -1 and in *missing whether there is nothing at all.
 * Never waits for a FIFO, never opens a device, a socket or a file of /proc, /sys and their like.
 */
int hostpath_open(const char *path, bool *missing);

#endif
