/*
 * unwind: backtraces through libdw's CFI (.eh_frame of the files whose build-id was checked, and
 * of the vdso in the core) over the core's memory.
 */
#ifndef FORMATS_UNWIND_H
#define FORMATS_UNWIND_H

#include "formats/module.h"

struct frame {
	vaddr pc;
	bool activation; /* pc is exact (frame 0, signal frame); else a return address */
};

/*
 * Frames of one thread (index into core.thread), innermost first, at most max. Returns their number,
 * at least 1 (the pc itself). *why is NULL at a natural end of stack, else static or module-owned text
 * saying why the backtrace ends there ("no unwind information for /x", "stack not saved", ...).
 */
size_t unwind_thread(const struct core *core, struct modules *modules, size_t thread,
                     struct frame *frames, size_t max, const char **why);

#endif
