/*
 * unwind: backtraces through libdw's CFI (.eh_frame of the files whose build-id was checked, and
 * of the vdso in the core) over the core's memory.
 */
#ifndef FORMATS_UNWIND_H
#define FORMATS_UNWIND_H

#include "formats/module.h"

#define FRAME_TRAMPOLINE "<signal handler called>" /* what gdb calls it, in place of a name */

struct frame {
	vaddr pc;
	bool activation; /* pc is exact (frame 0, interrupted by a signal); else a return address */
	bool trampoline; /* the code that a signal handler returns to: no function that anyone
	                    called */
};

/*
 * Frames of one thread (index into core.thread), innermost first, at most max. Returns their
 * number, at least 1 (the pc itself). *why is NULL at a natural end of stack, else text, static or
 * owned by modules, that says why the backtrace ends there ("no unwind information for /x (not
 * found)", ...).
 */
size_t unwind_thread(const struct core *core, struct modules *modules, size_t thread,
                     struct frame *frames, size_t max, const char **why);

#endif
