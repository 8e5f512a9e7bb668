#include "analyzer/command/number.h"
#include "analyzer/command/options.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* Digits of a base at *s, which moves behind them. False: none, or they do not fit. */
static bool digits(const char **s, unsigned base, uint64_t *n)
{
	const char *at = *s;
	uint64_t sum = 0;

	for (; digit(*at) < (int)base; at++) {
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)digit(*at), &sum))
			return false;
	}
	if (at == *s)
		return false;
	*n = sum;
	*s = at;
	return true;
}

bool number_plain(const char *text, uint64_t *n)
{
	bool hex = text[0] == '0' && (text[1] | 32) == 'x';
	const char *s = text + (hex ? 2 : 0);
	uint64_t sum;

	if (!digits(&s, hex ? 16 : 10, &sum) || *s)
		return false;
	*n = sum;
	return true;
}

/* What a unit stands for as a shift: "", "B", "K", "KB", "KiB", ... -1: no unit. */
static int unit_shift(const char *s)
{
	static const char letters[] = "kmgtpe";
	const char *letter = *s ? strchr(letters, *s | 32) : NULL;
	int shift = 0;

	if (letter) {
		shift = 10 * (int)(letter - letters + 1);
		s++;
		if ((*s | 32) == 'i' && (s[1] | 32) == 'b')
			s++;
	}
	if ((*s | 32) == 'b')
		s++;
	return *s ? -1 : shift;
}

/* Fractions are kept as a numerator over a power of ten, so that 1.5M is exact. */
bool options_bytes(const char *text, uint64_t *bytes)
{
	const char *s = text;
	uint64_t whole, part = 0, over = 1;
	int shift;

	if (number_plain(text, bytes))
		return true;
	if (!digits(&s, 10, &whole))
		return false;
	if (*s == '.') {
		const char *from = ++s;

		if (!digits(&s, 10, &part) || s - from > 9)
			return false;
		for (; from < s; from++)
			over *= 10;
	}
	while (*s == ' ')
		s++;
	shift = unit_shift(s);
	if (shift < 0 || (shift == 0 && over > 1) || whole > UINT64_MAX >> shift)
		return false;
	whole <<= shift;
	if (part) {
		unsigned __int128 more = ((unsigned __int128)part << shift) / over;

		if (__builtin_add_overflow(whole, (uint64_t)more, &whole))
			return false;
	}
	*bytes = whole;
	return true;
}

#define NEAR_MAX 32

/* Edits (insert, remove, replace, swap neighbours) between a and b; both at most NEAR_MAX long. */
static unsigned edits(const char *a, const char *b)
{
	unsigned row[3][NEAR_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	for (unsigned j = 0; j <= nb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *older = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    older[j - 2] + 1 < best)
				best = older[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[na % 3][nb];
}

/* The one candidate that begins with the word, or that the word begins with; NULL: none, or
 * several. */
static const char *only_beginning(const char *word, const char *const *candidates, size_t n)
{
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t a = strlen(word), b = strlen(candidates[i]), least = a < b ? a : b;

		if (least < 3 || memcmp(word, candidates[i], least))
			continue;
		if (found)
			return NULL;
		found = candidates[i];
	}
	return found;
}

const char *options_nearest(const char *word, const char *const *candidates, size_t n)
{
	const char *best = NULL;
	unsigned least = 3; /* two slips at most, and fewer than half of the word */

	if (strlen(word) > NEAR_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		unsigned e;

		if (strlen(candidates[i]) > NEAR_MAX)
			continue;
		e = edits(word, candidates[i]);
		if (e < least && e * 2 < strlen(word)) {
			least = e;
			best = candidates[i];
		}
	}
	return best ? best : only_beginning(word, candidates, n);
}
