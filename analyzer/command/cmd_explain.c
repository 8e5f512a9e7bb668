#include "analyzer/command/command.h"
#include "analyzer/explain/explain.h"

#include <ctype.h>

#define DEFAULT_REFERRERS 8

static bool all_digits(const char *s, bool (*is)(unsigned char))
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!is((unsigned char)*s))
			return false;
	return true;
}

static bool is_hex(unsigned char c)
{
	return isxdigit(c) != 0;
}

static bool is_decimal(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool parse(const char *digits, unsigned base, uint64_t *n)
{
	*n = 0;
	for (; *digits; digits++) {
		unsigned char c = (unsigned char)*digits;
		unsigned digit = c <= '9' ? c - (unsigned)'0' : (c | 0x20u) - 'a' + 10u;

		if (__builtin_mul_overflow(*n, base, n) || __builtin_add_overflow(*n, digit, n))
			return false;
	}
	return true;
}

/*
 * Addresses are hexadecimal, with or without 0x, as gdb and pmap print them. A number of decimal
 * digits alone that is mapped only when it is read as decimal is refused: guessing would explain
 * another address than the one that was meant.
 */
static bool read_address(const struct core *core, const char *text, vaddr *at)
{
	bool prefixed = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = prefixed ? text + 2 : text;
	uint64_t decimal;

	if (!all_digits(digits, is_hex)) {
		command_say(
			"%s: not an address; give hexadecimal digits, with or without 0x, such as "
			"0x7f12a4c0 or 7f12a4c0",
			text);
		return false;
	}
	if (!parse(digits, 16, at)) {
		command_say("%s: no address, more than 64 bits; addresses are hexadecimal", text);
		return false;
	}
	*at = core_pointer(core, *at);
	if (!prefixed && all_digits(text, is_decimal) && !core_segment(core, *at) &&
	    parse(text, 10, &decimal) && core_segment(core, decimal)) {
		command_say(
			"%s: addresses are hexadecimal, and 0x%s is not mapped; if the number is "
			"decimal, give 0x%llx",
			text, text, (unsigned long long)decimal);
		return false;
	}
	return true;
}

static void print(const struct options *opt, struct places *places, struct report *report,
                  const vaddr *at, size_t n, struct out *out)
{
	uint64_t most = !opt->has_limit ? DEFAULT_REFERRERS : opt->limit ? opt->limit : UINT64_MAX;
	struct explanation *v;
	struct pool pool = { 0 };

	explain(places, at, n, most, opt->show_content > 0, &pool, &v);
	report_warn_files(report, places->a);
	if (opt->format == FORMAT_JSON)
		explain_json(places, report, v, n, opt->show_content, out);
	else
		explain_text(places, v, n, opt->show_content, out);
	pool_free(&pool);
}

static int run(const struct options *opt, struct out *out)
{
	size_t n = opt->nargs - 1;
	struct report report;
	struct places places;
	struct analysis a;
	vaddr *at;
	int status = EXIT_USAGE;
	bool good = true;

	if (!command_open(opt, &a))
		return EXIT_INPUT;
	a.marks = true;
	at = mem_alloc(n, sizeof(*at));
	for (size_t i = 0; i < n; i++)
		good = read_address(a.core, opt->arg[i + 1], &at[i]) && good;
	if (good) {
		report_start(&report, &a);
		report_add_completeness(&report, &a);
		places_open(&a, &places);
		print(opt, &places, &report, at, n, out);
		places_close(&places);
		status = command_end(opt, &report, opt->format == FORMAT_JSON);
		report_free(&report);
	}
	mem_free(at);
	analysis_close(&a);
	return status;
}

const struct command cmd_explain = {
	.name = "explain",
	.args = "CORE ADDR...",
	.one_line =
		"what is at an address, who points to it, the path from a root, its likely site",
	.help = "ADDR is hexadecimal, with or without 0x; of a block, any address in it will do. "
		"For each\n"
		"one: what is there, the verdict and why, the shortest chain of pointers that "
		"keeps it,\n"
		"and who points to it; also what only looks like a pointer and does not count. "
		"--limit\n"
		"bounds the pointers that are listed of each kind (8; 0: all). --show-content "
		"prints\n"
		"memory, which may be a secret.\n",
	.formats = AS_TEXT | AS_JSON,
	.takes = TAKES_CORE | TAKES_FILES | TAKES_LIMIT | TAKES_CONTENT,
	.min_args = 2,
	.max_args = SIZE_MAX,
	.run = run,
};
