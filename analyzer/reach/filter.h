/*
 * filter: which of many words lie in a range? Most words of a heap are no pointers, and which are
 * is past predicting: so no branch is taken for any of them.
 */
#ifndef ANALYZER_REACH_FILTER_H
#define ANALYZER_REACH_FILTER_H

#include "formats/base.h"

/*
 * Copies those of the n words at p (any alignment) that lie in [lo, lo + size) to out, in order,
 * and returns their number. out has room for n + 4 words: a little more may be written than
 * counted.
 */
size_t filter_words(const uint8_t *p, size_t n, uint64_t lo, uint64_t size, uint64_t *out);

/* The same for a machine that does not look at all bits of a pointer: of the words & mask. */
size_t filter_masked(const uint8_t *p, size_t n, uint64_t mask, uint64_t lo, uint64_t size,
                     uint64_t *out);

/* The same for words of 4 bytes. */
size_t filter_halves(const uint8_t *p, size_t n, uint64_t lo, uint64_t size, uint64_t *out);

/* The one of the three that a machine with such words and pointers needs. */
size_t filter_pointers(const uint8_t *p, size_t n, unsigned word, uint64_t mask, uint64_t lo,
                       uint64_t size, uint64_t *out);

/*
 * Words of 4 bytes of the granules (16 bytes) of 1 KiB whose bit is set in fill, the fourth one
 * only where that in stops is not. out has room for 260.
 */
size_t filter_granules(const uint8_t *p, uint64_t fill, uint64_t stops, unsigned grain, uint64_t lo,
                       uint64_t size, uint64_t *out);

/* The two that filter_words chooses from, at run time by what the processor has; equal in result.
 */
size_t filter_plain(const uint8_t *p, size_t n, uint64_t lo, uint64_t size, uint64_t *out);
size_t filter_avx2(const uint8_t *p, size_t n, uint64_t lo, uint64_t size, uint64_t *out);
bool filter_has_avx2(void);

/*
 * The same for 128 words in a row, of which those count whose bit is set in keep: words & mask. out
 * has room for 136. The others are what it chooses from, equal in result.
 */
size_t filter_kept(const uint8_t *p, const uint64_t keep[2], uint64_t mask, uint64_t lo,
                   uint64_t size, uint64_t *out);
size_t filter_kept_plain(const uint8_t *p, const uint64_t keep[2], uint64_t mask, uint64_t lo,
                         uint64_t size, uint64_t *out);
size_t filter_kept_avx2(const uint8_t *p, const uint64_t keep[2], uint64_t mask, uint64_t lo,
                        uint64_t size, uint64_t *out);
bool filter_has_avx512(void);
size_t filter_kept_avx512(const uint8_t *p, const uint64_t keep[2], uint64_t mask, uint64_t lo,
                          uint64_t size, uint64_t *out);

#endif
