/*
 * notes: reads PT_NOTE segments of a core into the core's threads, file map, auxiliary vector and
 * process facts. Layouts: Linux include/uapi/linux/elfcore.h, fs/binfmt_elf.c (NT_FILE),
 * and formats/machine.h. Damaged notes become warnings, never errors.
 */
#ifndef FORMATS_NOTES_H
#define FORMATS_NOTES_H

#include "formats/core.h"

/* What notes_read gathers; arrays are handed over to the core. */
struct notes {
	ARRAY(struct thread) threads;
	ARRAY(struct filemap) files;
	ARRAY(const char *) warnings;
	bool gdb; /* a note that only gdb writes, or its order of notes */
};

/* Reads one PT_NOTE segment's size bytes at data, appending to *out and filling core's scalars. */
void notes_read(struct core *core, const uint8_t *data, uint64_t size, struct notes *out);

#endif
