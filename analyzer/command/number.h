/*
 * number: numbers as people write them on a command line. It knows no option.
 */
#ifndef ANALYZER_COMMAND_NUMBER_H
#define ANALYZER_COMMAND_NUMBER_H

#include "formats/base.h"

/* Decimal digits alone, or hexadecimal ones after 0x, that fit. */
bool number_plain(const char *text, uint64_t *n);

#endif
