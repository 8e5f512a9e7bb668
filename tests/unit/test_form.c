/* What a piece of text is said to look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyzer/leak/trait.h"

static const struct {
	const char *text, *form; /* form NULL: it is no text */
} known[] = {
	{ "GET /index HTTP/1.1", "HTTP messages" },
	{ "OPTIONS * HTTP/1.1", "HTTP messages" },
	{ "HTTP/1.1 200 OK\r\nServer: x\r\n", "HTTP messages" },
	{ "GETTER", "single names" },
	{ "SELECT a FROM b", "SQL" },
	{ "update t set a = 1", "SQL" },
	{ "https://host/path", "URLs" },
	{ "x://host", "text" },
	{ "{\"a\": 1}", "JSON" },
	{ "[{}]", "JSON" },
	{ "[\"a\"]", "JSON" },
	{ "{a}", "text" },
	{ "<a href=b>", "XML or HTML" },
	{ "a.user@host.example", "mail addresses" },
	{ "@host.example", "text" },
	{ "PATH=/bin:/usr/bin", "NAME=value" },
	{ "a b=c", "words" },
	{ "=value", "text" },
	{ "/usr/lib/libc.so.6", "paths" },
	{ "/usr lib", "words" },
	{ "10.20.30.40", "IP addresses" },
	{ "10.20.30.40:443", "IP addresses" },
	{ "10.20.30", "numbers" },
	{ "01234567-89ab-cdef-0123-456789abcdef", "UUIDs" },
	{ "01234567-89ab-cdef-0123-456789abcde", "single names" },
	{ "2026-11-22T05:17:49Z", "dates and times" },
	{ "2026-11-22", "dates and times" },
	{ "-12.5", "numbers" },
	{ "123456", "numbers" },
	{ "0123456789abcdef", "hexadecimal digits" },
	{ "0123456789ABCDEF", "hexadecimal digits" },
	{ "0123456789abcdeg", "single names" },
	{ "some words here", "words" },
	{ "some\twords", "words" },
	{ "some\nwords", "words" },
	{ "some\rwords", "words" },
	{ "libc.so.6", "names with dots" },
	{ "name_of-it", "single names" },
	{ "!?!?", "text" },
	{ "zwei W\xc3\xb6rter", "words" },
	{ "two words, cut in a lett\xc3", "words" },
	{ "\xb0S hiU", NULL }, /* the bytes of an address */
	{ "some\x01words", NULL },
	{ "some\x7fwords", NULL },
	{ "ab", NULL },
};

static void forms_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const char *form = text_form(known[i].text, strlen(known[i].text));

		if (!form != !known[i].form || (form && strcmp(form, known[i].form) != 0))
			fail_msg("%s: %s, not %s", known[i].text, form ? form : "no text",
			         known[i].form ? known[i].form : "no text");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
