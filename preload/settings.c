/* What the environment asks for. */
#include "preload/sites.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH   16
#define MEMORY  (UINT64_C(512) << 20)
#define RATE    (UINT64_C(512) << 10)
#define SMALL   (UINT64_C(1) << 20)
#define LARGE   (UINT64_C(256) << 30)
#define OF_RATE (UINT64_C(1) << 40)

/* A number of bytes with K, M or G; false: it is none, or out of bounds. */
static bool read_bytes(const char *s, uint64_t low, uint64_t high, uint64_t *out)
{
	static const char units[] = "KMG";
	uint64_t n = 0;
	const char *unit;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return false;
	unit = *s ? strchr(units, *s) : NULL;
	if (unit) {
		unsigned shift = 10 * (unsigned)(unit - units + 1);

		if (n > UINT64_MAX >> shift)
			return false;
		n <<= shift;
		s++;
	}
	if (*s || n < low || n > high)
		return false;
	*out = n;
	return true;
}

static bool read_mode(const char *s, struct sites_settings *out)
{
	if (!strcmp(s, "caller")) {
		out->mode = SITES_CALLER;
	} else if (!strcmp(s, "stack")) {
		out->mode = SITES_STACK;
	} else if (!strcmp(s, "sampled")) {
		out->mode = SITES_SAMPLED;
	} else if (!strncmp(s, "sampled:", 8) && read_bytes(s + 8, 1, OF_RATE, &out->rate)) {
		out->mode = SITES_SAMPLED;
	} else {
		return false;
	}
	return true;
}

void sites_settings_read(struct sites_settings *out)
{
	const char *mode = getenv("COREHEAP_SITES"), *memory = getenv("COREHEAP_SITES_MEMORY");
	const char *depth = getenv("COREHEAP_SITES_DEPTH");
	uint64_t n = DEPTH;

	*out = (struct sites_settings){ .mode = SITES_STACK, .memory = MEMORY, .rate = RATE };
	if (mode && *mode && !read_mode(mode, out))
		out->bad = true;
	if (memory && *memory && !read_bytes(memory, SMALL, LARGE, &out->memory))
		out->bad = true;
	if (depth && *depth && !read_bytes(depth, 1, SITES_DEPTH, &n))
		out->bad = true;
	out->depth = out->mode == SITES_CALLER ? 1 : (unsigned)n;
}
