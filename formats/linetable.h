/*
 * linetable: the source lines of a file's code, unit by unit, as its debug information has them.
 * libdw makes about 100 bytes of each row and keeps them, and a row may take one byte of the file;
 * so the tables that are read are bounded. Private to formats/.
 */
#ifndef FORMATS_LINETABLE_H
#define FORMATS_LINETABLE_H

#include "formats/image.h"

struct linetable; /* which tables of an image were read */

/* Source line at an address of the file; false: none is known. *file lives as long as the image. */
bool linetable_at(struct image *image, uint64_t at, const char **file, int *line);

/* The file of that number in the table of a unit, a Dwarf_Die. NULL: none. It lives as long. */
const char *linetable_file(struct image *image, void *unit, uint64_t number);

void linetable_free(struct linetable *lines); /* accepts NULL */

#endif
