/*
 * input: opens what the user named and says what it is when it is not a core: told apart by
 * content, never by name. What is compressed or comes from a pipe is streamed into a store first.
 */
#ifndef FORMATS_INPUT_H
#define FORMATS_INPUT_H

#include "formats/base.h"

struct input {
	int fd;        /* a regular file that holds the core; the caller closes it */
	uint64_t size; /* of the core, bytes */
	uint64_t read; /* of what was given, bytes: the file, or what came through the pipe */
	const char *compression; /* "zstd", "lz4", "xz", "gzip"; "none" */
	bool damaged;            /* some of what came out of it may be wrong */
	char trouble[384];       /* why not all came out of it and what that means; "": all did */
};

/*
 * Opens path ("-": standard input, once in a process) and checks that it begins like an ELF64
 * x86-64 core. A compressed stream that is cut off or damaged is taken as far as it goes: see
 * trouble. On failure nothing is open; the message names what it is and the remedy.
 */
bool input_open(const char *path, struct input *input, struct err *err);

/*
 * For whoever has to look at standard input before it is known to be a core: makes it a regular
 * file that stands at its start, copied into a store where it is none; *fd, the caller's, shares
 * its position. False: it was used before, or cannot be read.
 */
bool input_peek_stdin(int *fd, struct err *err);
/* It was no core, and has been used. */
void input_use_stdin(void);

/*
 * What a compressed core, or one from a pipe, may unpack to: bytes; 0, unless set: see store.h. For
 * the whole process.
 */
void input_bound(uint64_t bytes);

#endif
