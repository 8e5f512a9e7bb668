/*
 * syscalls: which system calls there are from now on, as seccomp(2) filters them by number and
 * arguments; paths are not its business. What coreheap and its libraries call is allowed. Some of
 * the rest nothing here ever calls: whoever does has taken over, and the program ends. Any other is
 * answered as by a kernel that lacks it (ENOSYS), which the C library copes with.
 */
#ifndef ANALYZER_COMMAND_SYSCALLS_H
#define ANALYZER_COMMAND_SYSCALLS_H

#include "formats/base.h"

/* Can calls be filtered here? Not where the kernel lacks it, nor under emulators. */
bool syscalls_can_be_filtered(void);

/*
 * Restricts this thread and all that it starts; none was started before, and no_new_privs is set.
 * network: servers may be talked to, by libraries that are loaded for that. taken_over is called in
 * a signal handler, with the name of the call that was refused; it must not return. False: errno.
 */
bool syscalls_restrict(bool network, void (*taken_over)(const char *call));

#endif
