/*
 * siphash: a keyed hash that cannot be undone or guessed without its key, SipHash-2-4 (Aumasson and
 * Bernstein, "SipHash: a fast short-input PRF", 2012). It knows nothing of what it hashes.
 */
#ifndef ANALYZER_SITE_SIPHASH_H
#define ANALYZER_SITE_SIPHASH_H

#include "formats/base.h"

struct siphash_key {
	uint64_t k[2];
};

/* Of n words, as their little-endian bytes. */
uint64_t siphash(const struct siphash_key *key, const uint64_t *words, size_t n);

#endif
