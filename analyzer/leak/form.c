/* Which form a piece of text has: told by a few marks, the surest first. */
#include "analyzer/leak/trait.h"
#include "analyzer/report/text.h"

#define CUT   3 /* bytes of a character whose end is not there, at most */
#define LEAST 3 /* bytes: fewer look like text by chance */

struct traits_of_text {
	size_t digits, hex, letters, blanks, dots, colons, slashes, dashes, others;
};

static bool printable(unsigned char c)
{
	return c >= 0x20 && c != 0x7f;
}

/* Is it UTF-8 where it is not ASCII, but for a character that is cut off? */
static bool is_utf8(const char *s, size_t n)
{
	while (n) {
		size_t good = text_safe(s, n);

		if (good == n)
			return true;
		if ((unsigned char)s[good] >= 0x80)
			return n - good <= CUT;
		s += good + 1; /* a control character, of which count() judges */
		n -= good + 1;
	}
	return true;
}

static bool starts(const char *s, size_t n, const char *with)
{
	size_t len = strlen(with);

	return n >= len && !memcmp(s, with, len);
}

static bool count(const char *s, size_t n, struct traits_of_text *t)
{
	*t = (struct traits_of_text){ 0 };
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			t->blanks++;
		else if (!printable(c))
			return false;
		else if (c >= '0' && c <= '9')
			t->digits++, t->hex++;
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
			t->letters++, t->hex += (c | 0x20) <= 'f';
		else if (c == '.')
			t->dots++;
		else if (c == ':')
			t->colons++;
		else if (c == '/')
			t->slashes++;
		else if (c == '-' || c == '_')
			t->dashes++;
		else
			t->others++;
	}
	return true;
}

/* heads: NULL at its end. */
static bool starts_with_one(const char *s, size_t n, const char *const *heads)
{
	while (*heads && !starts(s, n, *heads))
		heads++;
	return *heads != NULL;
}

static bool is_request(const char *s, size_t n)
{
	static const char *const heads[] = { "GET ",     "POST ", "PUT ",   "HEAD ", "DELETE ",
		                             "OPTIONS ", "HTTP/", "PATCH ", NULL };

	return starts_with_one(s, n, heads);
}

static bool is_query(const char *s, size_t n)
{
	static const char *const heads[] = { "SELECT ", "INSERT ", "UPDATE ", "CREATE ", "select ",
		                             "insert ", "update ", "create ", NULL };

	return starts_with_one(s, n, heads);
}

/* A scheme, then "://". */
static bool is_url(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= 'a' && s[i] <= 'z')
		i++;
	return i >= 2 && starts(s + i, n - i, "://");
}

/* 10.0.0.1, 10.0.0.1:443 */
static bool is_address(const struct traits_of_text *t, size_t n)
{
	return t->dots == 3 && t->digits >= 4 && t->colons <= 1 &&
	       t->digits + t->dots + t->colons == n;
}

static const char *of_structure(const char *s, size_t n)
{
	const char *at, *equal;

	if (is_request(s, n))
		return "HTTP messages";
	if (is_query(s, n))
		return "SQL";
	if (is_url(s, n))
		return "URLs";
	if ((s[0] == '{' && memchr(s, '"', n)) || starts(s, n, "[{") || starts(s, n, "[\""))
		return "JSON";
	if (s[0] == '<' && memchr(s, '>', n))
		return "XML or HTML";
	at = memchr(s, '@', n);
	equal = memchr(s, '=', n);
	if (at && at > s && !memchr(s, ' ', n) && memchr(at, '.', n - (size_t)(at - s)))
		return "mail addresses";
	if (equal && equal > s && !memchr(s, ' ', (size_t)(equal - s)))
		return "NAME=value";
	return NULL;
}

static const char *of_counts(const char *s, size_t n, const struct traits_of_text *t)
{
	if (s[0] == '/' && !t->blanks)
		return "paths";
	if (is_address(t, n))
		return "IP addresses";
	if (t->hex + t->dashes == n && t->dashes == 4 && n == 36)
		return "UUIDs";
	if (t->digits >= 8 && t->letters <= 2 && !t->others && (t->colons >= 1 || t->dashes >= 2) &&
	    t->digits + t->dashes + t->colons + t->letters + t->dots + t->blanks == n)
		return "dates and times";
	if (t->digits + t->dots + (s[0] == '-') == n && t->digits)
		return "numbers";
	if (t->hex == n && n >= 16)
		return "hexadecimal digits";
	if (t->blanks && t->letters * 2 >= n)
		return "words";
	if (!t->blanks && t->dots && t->letters + t->digits + t->dots + t->dashes == n)
		return "names with dots";
	if (!t->blanks && t->letters + t->digits + t->dashes == n && t->letters)
		return "single names";
	return "text";
}

const char *text_form(const char *s, size_t n)
{
	struct traits_of_text t;
	const char *form;

	if (n < LEAST || !is_utf8(s, n) || !count(s, n, &t))
		return NULL;
	form = of_structure(s, n);
	return form ? form : of_counts(s, n, &t);
}
