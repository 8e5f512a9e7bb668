/*
 * framewalk: a backtrace with the registers of each frame, for those who evaluate expressions over
 * them. Private to formats/.
 */
#ifndef FORMATS_FRAMEWALK_H
#define FORMATS_FRAMEWALK_H

#include "formats/cfi.h"
#include "formats/unwind.h"

struct framewalk {
	/* regs: the frame's, with its pc; cfa: NULL where it is not known */
	void (*visit)(struct framewalk *fw, size_t depth, const struct frame *frame,
	              const struct cfi_regs *regs, const vaddr *cfa, struct cfi_memory *memory);
};

/* Up to max frames, innermost first; as unwind_thread. */
size_t framewalk_thread(const struct core *core, struct modules *modules, size_t thread, size_t max,
                        struct framewalk *fw, const char **why);

#endif
