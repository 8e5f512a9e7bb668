/*
 * cfi: one step from a frame to its caller by DWARF call frame information. It reads memory through
 * the caller's function only and knows no threads. Private to formats/.
 */
#ifndef FORMATS_CFI_H
#define FORMATS_CFI_H

#include "formats/image.h"

struct cfi_regs {
	const struct machine *machine;
	uint64_t v[MACHINE_DWARF]; /* by DWARF number, machine->ndwarf of them */
	uint64_t known;            /* bit by register */
};

struct cfi_memory {
	bool (*read_word)(struct cfi_memory *memory, vaddr at, uint64_t *value);
	vaddr missed; /* set by read_word where it fails */
};

enum cfi_result {
	CFI_STEP,   /* *regs is now the caller's */
	CFI_LAST,   /* the tables say that there is no caller */
	CFI_NONE,   /* no table covers this address */
	CFI_UNREAD, /* memory that the tables point to is not there: memory->missed */
	CFI_BAD,    /* the tables ask for what cannot be done */
};

/*
 * look: the address to look up in the process: pc of an activation, else pc - 1. *cfa: what
 * the frame calls its base; *signal: the frame that was interrupted comes next, its pc is exact.
 */
enum cfi_result cfi_step(const struct image *image, vaddr bias, uint64_t look,
                         struct cfi_regs *regs, struct cfi_memory *memory, vaddr *cfa,
                         bool *signal);

/* Where a variable is, by its expression. */
struct cfi_location {
	uint64_t value;   /* address, register's number, or the value itself */
	bool in_register; /* else, unless is_value, in memory */
	bool is_value;
};

/*
 * ops: n libdw operations (Dwarf_Op); cfa, frame_base: NULL where they are not known. False: the
 * expression asks for what is not known, or for what this does not do (pieces, values at the
 * function's entry).
 */
bool cfi_locate(const struct cfi_regs *regs, struct cfi_memory *memory, const vaddr *cfa,
                const vaddr *frame_base, const void *ops, size_t n, struct cfi_location *out);

#endif
