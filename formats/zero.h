/* zero: is memory all zero? A page of a core that is tells nothing, and is not worth storing. */
#ifndef FORMATS_ZERO_H
#define FORMATS_ZERO_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline bool bytes_are_zero(const uint8_t *p, uint64_t n)
{
	return n == 0 || (p[0] == 0 && !memcmp(p, p + 1, n - 1));
}

#endif
