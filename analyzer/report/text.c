#include "analyzer/report/text.h"

#include <stdio.h>

const char *text_bytes(char buf[TEXT_NUMBER], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0;
	double n = (double)bytes;

	if (bytes < 1024) {
		snprintf(buf, TEXT_NUMBER, "%u B", (unsigned)bytes);
		return buf;
	}
	/* 1023.5 KiB and more reads as MiB: four digits never appear */
	while (n >= (unit ? 999.5 : 1024) && unit < 6) {
		n /= 1024;
		unit++;
	}
	snprintf(buf, TEXT_NUMBER, "%.*f %s", n < 9.995 ? 2 : n < 99.95 ? 1 : 0, n, units[unit]);
	return buf;
}

const char *text_count(char buf[TEXT_NUMBER], uint64_t n)
{
	char digits[21];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	char *to = buf;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = 0;
	return buf;
}

const char *text_addr(char buf[TEXT_NUMBER], vaddr at)
{
	snprintf(buf, TEXT_NUMBER, "0x%llx", (unsigned long long)at);
	return buf;
}

const char *text_share(char buf[TEXT_NUMBER], uint64_t part, uint64_t whole)
{
	double share = whole ? 100.0 * (double)part / (double)whole : 0;

	if (!whole)
		*buf = 0;
	else if (part && share < 0.1)
		snprintf(buf, TEXT_NUMBER, "<0.1%%");
	else if (part < whole && share > 99.9)
		snprintf(buf, TEXT_NUMBER, ">99.9%%");
	else
		snprintf(buf, TEXT_NUMBER, "%.*f%%", part && share < 9.95 ? 1 : 0, share);
	return buf;
}

const char *text_bytes_in(struct pool *pool, uint64_t bytes)
{
	char buf[TEXT_NUMBER];

	return pool_strndup(pool, text_bytes(buf, bytes), TEXT_NUMBER);
}

const char *text_count_in(struct pool *pool, uint64_t n)
{
	char buf[TEXT_NUMBER];

	return pool_strndup(pool, text_count(buf, n), TEXT_NUMBER);
}

const char *text_plural(struct pool *pool, uint64_t n, const char *one, const char *many)
{
	char buf[TEXT_NUMBER];

	return pool_printf(pool, "%s %s", text_count(buf, n), n == 1 ? one : many);
}

/* Length of the UTF-8 sequence at s, decoded into *point; 0: not valid UTF-8. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *point)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80             ? 1
	             : (s[0] & 0xe0) == 0xc0 ? 2
	             : (s[0] & 0xf0) == 0xe0 ? 3
	             : (s[0] & 0xf8) == 0xf0 ? 4
	                                     : 0;

	if (len == 0 || len > n)
		return 0;
	*point = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*point = *point << 6 | (s[i] & 0x3f);
	}
	if (*point < least[len] || *point > 0x10ffff || (*point >= 0xd800 && *point < 0xe000))
		return 0;
	return len;
}

/* Control characters, and those that reorder or hide text on a screen. */
static bool harmful(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c ||
	       (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2060 && point <= 0x206f) || point == 0xfeff ||
	       (point >= 0xfff9 && point <= 0xfffb);
}

size_t text_safe(const char *s, size_t n)
{
	size_t good = 0;

	while (good < n) {
		uint32_t point;
		size_t len = decode((const unsigned char *)s + good, n - good, &point);

		if (len == 0 || harmful(point))
			break;
		good += len;
	}
	return good;
}

const char *text_escape(struct pool *pool, const char *s)
{
	struct out out;
	const char *copy;

	if (text_safe(s, strlen(s)) == strlen(s))
		return pool_copy(pool, s);
	out_memory(&out);
	out_untrusted(&out, s);
	copy = pool_strndup(pool, out_text(&out), out.n);
	out_discard(&out);
	return copy;
}

size_t text_width(const char *s)
{
	size_t width = 0;

	for (; *s; s++)
		width += ((unsigned char)*s & 0xc0) != 0x80;
	return width;
}

const char *text_shell(struct pool *pool, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=./:,@%";
	char *quoted, *to;

	if (*s && *s != '-' && s[strspn(s, plain)] == 0)
		return pool_copy(pool, s);
	quoted = to = pool_alloc(pool, strlen(s) * 4 + 5);
	if (*s == '-') { /* so that no one takes it for an option */
		*to++ = '.';
		*to++ = '/';
	}
	*to++ = '\'';
	for (; *s; s++) {
		if (*s == '\'')
			to = stpcpy(to, "'\\''");
		else
			*to++ = *s;
	}
	*to = '\'';
	return text_escape(pool, quoted);
}

/* Length of the next word; a number and its unit ("219 KiB") are one. */
static size_t word_length(const char *text)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t n = strcspn(text, " \n");

	if (!(*text >= '0' && *text <= '9') || text[n] != ' ')
		return n;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		const char *unit = text + n + 1;
		size_t len = strlen(units[i]);

		if (!strncmp(unit, units[i], len) && strcspn(unit, " \n,.;:)") == len)
			return n + 1 + strcspn(unit, " \n");
	}
	return n;
}

void text_heading(struct out *out, const char *text)
{
	out_char(out, '\n');
	out_style(out, STYLE_BOLD);
	out_str(out, text);
	out_plain(out);
	out_char(out, '\n');
}

void text_wrap(struct out *out, unsigned indent, const char *text)
{
	size_t width = out->width && out->width < 100 ? out->width : 100;
	size_t column = 0; /* 0: the line is still empty */

	while (*text) {
		size_t n = word_length(text);
		char word[256];

		if (n >= sizeof(word))
			n = sizeof(word) - 1;
		memcpy(word, text, n);
		word[n] = 0;
		if (column && column + 1 + text_width(word) > width) {
			out_char(out, '\n');
			column = 0;
		}
		for (; column < indent; column++)
			out_char(out, ' ');
		if (column > indent) {
			out_char(out, ' ');
			column++;
		}
		out_untrusted(out, word);
		column += text_width(word);
		text += n;
		if (*text == '\n') {
			out_char(out, '\n');
			column = 0;
		}
		text += *text != 0;
	}
	if (column)
		out_char(out, '\n');
}
