/*
 * scarce: is there memory for so much of a file at once? Where there is not, each look at a random
 * place of it is a read from disk, and what is read around it pushes out something else.
 */
#ifndef FORMATS_SCARCE_H
#define FORMATS_SCARCE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Are these bytes more than the system, or this process's control groups, leave to it? False where
 * neither tells.
 */
bool memory_is_scarce(uint64_t bytes);

#endif
