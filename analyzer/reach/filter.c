#include "analyzer/reach/filter.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

size_t filter_plain(const uint8_t *p, size_t n, uint64_t lo, uint64_t size, uint64_t *out)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t word = load64(p + 8 * i);

		out[found] = word;
		found += word - lo < size;
	}
	return found;
}

size_t filter_masked(const uint8_t *p, size_t n, uint64_t mask, uint64_t lo, uint64_t size,
                     uint64_t *out)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t word = load64(p + 8 * i) & mask;

		out[found] = word;
		found += word - lo < size;
	}
	return found;
}

size_t filter_kept_plain(const uint8_t *p, const uint64_t keep[2], uint64_t mask, uint64_t lo,
                         uint64_t size, uint64_t *out)
{
	size_t found = 0;

	for (unsigned half = 0; half < 2; half++) {
		for (uint64_t k = keep[half]; k; k &= k - 1) {
			uint64_t word = load64(p + 512 * half + 8 * (unsigned)__builtin_ctzll(k)) &
			                mask;

			out[found] = word;
			found += word - lo < size;
		}
	}
	return found;
}

size_t filter_halves(const uint8_t *p, size_t n, uint64_t lo, uint64_t size, uint64_t *out)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t word = load32(p + 4 * i);

		out[found] = word;
		found += word - lo < size;
	}
	return found;
}

size_t filter_granules(const uint8_t *p, uint64_t fill, uint64_t stops, unsigned grain, uint64_t lo,
                       uint64_t size, uint64_t *out)
{
	size_t found = 0;

	for (; fill; fill &= fill - 1) {
		unsigned i = (unsigned)__builtin_ctzll(fill);

		found += filter_halves(p + grain * i, grain / 4 - (stops >> i & 1), lo, size,
		                       out + found);
	}
	return found;
}

#if defined(__x86_64__)

bool filter_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

/* For each set of the four words that stay: their halves' places, moved to the front. */
#define HALVES(a, b, c, d)                                                             \
	{                                                                              \
		2 * a, 2 * a + 1, 2 * b, 2 * b + 1, 2 * c, 2 * c + 1, 2 * d, 2 * d + 1 \
	}
static const uint32_t front[16][8] __attribute__((aligned(32))) = {
	HALVES(0, 1, 2, 3), HALVES(0, 1, 2, 3), HALVES(1, 0, 2, 3), HALVES(0, 1, 2, 3),
	HALVES(2, 0, 1, 3), HALVES(0, 2, 1, 3), HALVES(1, 2, 0, 3), HALVES(0, 1, 2, 3),
	HALVES(3, 0, 1, 2), HALVES(0, 3, 1, 2), HALVES(1, 3, 0, 2), HALVES(0, 1, 3, 2),
	HALVES(2, 3, 0, 1), HALVES(0, 2, 3, 1), HALVES(1, 2, 3, 0), HALVES(0, 1, 2, 3),
};

/* Four words at a time. AVX2 compares signed only: both sides are moved by half the range. */
__attribute__((target("avx2"))) size_t filter_avx2(const uint8_t *p, size_t n, uint64_t lo,
                                                   uint64_t size, uint64_t *out)
{
	const uint64_t half = UINT64_C(1) << 63;
	const __m256i shift = _mm256_set1_epi64x((long long)(half - lo));
	const __m256i limit = _mm256_set1_epi64x((long long)(size ^ half));
	size_t found = 0, i = 0;

	for (; i + 4 <= n; i += 4) {
		__m256i words = _mm256_loadu_si256((const void *)(p + 8 * i));
		__m256i below = _mm256_cmpgt_epi64(limit, _mm256_add_epi64(words, shift));
		unsigned stay = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(below));
		__m256i order = _mm256_load_si256((const void *)front[stay]);

		_mm256_storeu_si256((void *)(out + found),
		                    _mm256_permutevar8x32_epi32(words, order));
		found += (unsigned)__builtin_popcount(stay);
	}
	return found + filter_plain(p + 8 * i, n - i, lo, size, out + found);
}

__attribute__((target("avx2"))) size_t filter_kept_avx2(const uint8_t *p, const uint64_t keep[2],
                                                        uint64_t mask, uint64_t lo, uint64_t size,
                                                        uint64_t *out)
{
	const uint64_t half = UINT64_C(1) << 63;
	const __m256i shift = _mm256_set1_epi64x((long long)(half - lo));
	const __m256i limit = _mm256_set1_epi64x((long long)(size ^ half));
	const __m256i bits = _mm256_set1_epi64x((long long)mask);
	size_t found = 0;

	for (unsigned h = 0; h < 2; h++, p += 512) {
		unsigned skip = keep[h] ? (unsigned)__builtin_ctzll(keep[h]) & ~3u : 0;
		const uint8_t *at = p + 8 * skip;

		for (uint64_t k = keep[h] >> skip; k; k >>= 4, at += 32) {
			__m256i words = _mm256_and_si256(_mm256_loadu_si256((const void *)at),
			                                 bits);
			__m256i below = _mm256_cmpgt_epi64(limit, _mm256_add_epi64(words, shift));
			unsigned stay = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(below)) &
			                (unsigned)k & 15;
			__m256i order = _mm256_load_si256((const void *)front[stay]);

			_mm256_storeu_si256((void *)(out + found),
			                    _mm256_permutevar8x32_epi32(words, order));
			found += (unsigned)__builtin_popcount(stay);
		}
	}
	return found;
}

bool filter_has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("popcnt");
}

/* Eight words at a time, compressed in the register: to memory takes far longer on Zen 4. */
__attribute__((target("avx512f,popcnt"))) size_t
filter_kept_avx512(const uint8_t *p, const uint64_t keep[2], uint64_t mask, uint64_t lo,
                   uint64_t size, uint64_t *out)
{
	const __m512i low = _mm512_set1_epi64((long long)lo);
	const __m512i range = _mm512_set1_epi64((long long)size);
	const __m512i bits = _mm512_set1_epi64((long long)mask);
	size_t found = 0;

	for (unsigned h = 0; h < 2; h++, p += 512) {
		unsigned skip = keep[h] ? (unsigned)__builtin_ctzll(keep[h]) & ~7u : 0;
		const uint8_t *at = p + 8 * skip;

		for (uint64_t k = keep[h] >> skip; k; k >>= 8, at += 64) {
			__m512i words = _mm512_and_si512(_mm512_loadu_si512(at), bits);
			__mmask8 stay = _mm512_mask_cmplt_epu64_mask(
				(__mmask8)k, _mm512_sub_epi64(words, low), range);

			_mm512_storeu_si512(out + found,
			                    _mm512_maskz_compress_epi64(stay, words));
			found += (unsigned)__builtin_popcount(stay);
		}
	}
	return found;
}

#else

bool filter_has_avx2(void)
{
	return false;
}

bool filter_has_avx512(void)
{
	return false;
}

size_t filter_kept_avx512(const uint8_t *p, const uint64_t keep[2], uint64_t mask, uint64_t lo,
                          uint64_t size, uint64_t *out)
{
	return filter_kept_plain(p, keep, mask, lo, size, out);
}

size_t filter_avx2(const uint8_t *p, size_t n, uint64_t lo, uint64_t size, uint64_t *out)
{
	return filter_plain(p, n, lo, size, out);
}

size_t filter_kept_avx2(const uint8_t *p, const uint64_t keep[2], uint64_t mask, uint64_t lo,
                        uint64_t size, uint64_t *out)
{
	return filter_kept_plain(p, keep, mask, lo, size, out);
}

#endif

size_t filter_kept(const uint8_t *p, const uint64_t keep[2], uint64_t mask, uint64_t lo,
                   uint64_t size, uint64_t *out)
{
	if (filter_has_avx512())
		return filter_kept_avx512(p, keep, mask, lo, size, out);
	return filter_has_avx2() ? filter_kept_avx2(p, keep, mask, lo, size, out)
	                         : filter_kept_plain(p, keep, mask, lo, size, out);
}

size_t filter_words(const uint8_t *p, size_t n, uint64_t lo, uint64_t size, uint64_t *out)
{
	return filter_has_avx2() ? filter_avx2(p, n, lo, size, out)
	                         : filter_plain(p, n, lo, size, out);
}

size_t filter_pointers(const uint8_t *p, size_t n, unsigned word, uint64_t mask, uint64_t lo,
                       uint64_t size, uint64_t *out)
{
	if (word == 4)
		return filter_halves(p, n, lo, size, out);
	return mask == UINT64_MAX ? filter_words(p, n, lo, size, out)
	                          : filter_masked(p, n, mask, lo, size, out);
}
