/*
 * untouched: mappings of a kernel's core that have no bytes in the file because nothing was ever
 * written to them. Knows what the neighbours of such a mapping look like; does not know what was in
 * those that MADV_DONTDUMP left out, which look the same otherwise.
 */
#ifndef FORMATS_UNTOUCHED_H
#define FORMATS_UNTOUCHED_H

#include "formats/core.h"

/*
 * Was this private anonymous mapping, of which nothing is saved, plainly never touched? The kernel
 * saves none of its pages then (fs/coredump.c vma_dump_size), as with MADV_DONTDUMP, and the core
 * does not tell the two apart. Three kinds are common and empty: the .bss behind a module's data;
 * what was made writable within a large reserve (V8, JVMs); and the alternate signal stacks that
 * Rust's runtime maps for each thread, of the size that the kernel asks for, behind a guard page
 * (library/std/src/sys/pal/unix/stack_overflow.rs). Anything else that was never touched would as a
 * rule have been merged with a neighbour (mm/vma.c), and is taken for left out.
 */
bool untouched_plainly(const struct core *core, const struct segment *s);

#endif
