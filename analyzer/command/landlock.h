/*
 * landlock: the kernel's own fence around what a process may change (Linux 5.13, landlock(7)). It
 * knows folders and what may be done below them, not why. Once it is shut, this thread and all that
 * it starts make no file, open none for writing, move, remove and execute none, but where that was
 * granted. Reading is not restricted: modules may lie anywhere on the host.
 */
#ifndef ANALYZER_COMMAND_LANDLOCK_H
#define ANALYZER_COMMAND_LANDLOCK_H

#include "formats/base.h"

/* What may be done below a folder. */
enum {
	LANDLOCK_REPLACE = 1 << 0, /* make files, rename and remove them */
	LANDLOCK_WRITE = 1 << 1,   /* open them for writing */
	LANDLOCK_FOLDERS = 1 << 2, /* make and remove folders */
};

/* A fence without a gate; -1: it cannot be had (errno), for ENOSYS, EOPNOTSUPP and EPERM because
 * the kernel lacks it, or it is switched off, or kept from us. */
int landlock_open(void);
/* Grants what the bits say below the folder, open as fd. False: errno. */
bool landlock_grant(int fence, int folder, unsigned what);
/* Shuts it, for good. no_new_privs is set. False: errno. Either way the fence is closed. */
bool landlock_shut(int fence);

#endif
