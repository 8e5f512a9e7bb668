/*
 * input: opens what the user named and says what it is when it is not a core: told apart by
 * content, never by name.
 */
#ifndef FORMATS_INPUT_H
#define FORMATS_INPUT_H

#include "formats/base.h"

/*
 * Opens path for reading and checks that it begins like an ELF64 core of a known machine. On
 * failure *fd may be open all the same (the caller closes it) or -1; the message names what it is
 * and the remedy.
 */
bool input_open(const char *path, int *fd, uint64_t *size, struct err *err);

#endif
