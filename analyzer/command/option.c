#include "analyzer/command/option.h"
#include "analyzer/command/number.h"
#include "analyzer/reach/reach.h"
#include "analyzer/process/when.h"

#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const format_names[FORMATS] = { "text", "json", "jsonl", "csv" };

const char *format_name(enum format format)
{
	return format_names[format];
}

static bool bad(struct parse *p, const char *name, const char *value, const char *wanted)
{
	return err_set(p->err, "%s %s: it takes %s", name, value, wanted);
}

static bool set_format(struct parse *p, const char *name, const char *value)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if (!strcmp(value, format_names[i])) {
			p->opt->format = (enum format)i;
			return true;
		}
	}
	return bad(p, name, value, "text, json, jsonl or csv");
}

static bool set_json(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->opt->format = FORMAT_JSON;
	return true;
}

static bool set_output(struct parse *p, const char *name, const char *value)
{
	if (!*value)
		return bad(p, name, "''", "a file name");
	/* "-" is standard output everywhere else, so here too */
	p->opt->output = strcmp(value, "-") ? value : NULL;
	return true;
}

static bool set_limit(struct parse *p, const char *name, const char *value)
{
	if (!number_plain(value, &p->opt->limit))
		return bad(p, name, value, "a number of lines, 0 for all");
	p->opt->has_limit = true;
	return true;
}

static bool set_sort(struct parse *p, const char *name, const char *value)
{
	(void)name;
	p->opt->sort = value;
	return true;
}

static bool set_min_bytes(struct parse *p, const char *name, const char *value)
{
	return options_bytes(value, &p->opt->min_bytes) ||
	       bad(p, name, value, "a size such as 4096, 64K or 1.5M");
}

static bool set_size(struct parse *p, const char *name, const char *value)
{
	p->opt->has_size = true;
	return options_bytes(value, &p->opt->size) ||
	       bad(p, name, value, "a block's usable size such as 24 or 4K");
}

/* A comma list of names into bits; names[0] is bit `first`. */
static bool set_bits(const char *value, const char *const *names, size_t n, unsigned first,
                     unsigned *bits)
{
	*bits = 0;
	for (;;) {
		size_t len = strcspn(value, ",");
		size_t i = 0;

		while (i < n && (strlen(names[i]) != len || memcmp(names[i], value, len)))
			i++;
		if (i == n)
			return false;
		*bits |= 1u << (first + i);
		if (!value[len])
			return true;
		value += len + 1;
	}
}

static bool set_state(struct parse *p, const char *name, const char *value)
{
	static const char *const names[] = { "used", "free", "internal" };

	return set_bits(value, names, COUNT(names), BLOCK_USED, &p->opt->states) ||
	       bad(p, name, value, "used, free, internal, or several of them with commas");
}

static bool set_reach(struct parse *p, const char *name, const char *value)
{
	static const char *const names[] = { "reachable", "possible", "indirect", "definite" };

	if (!strcmp(value, "leaked"))
		value = "definite,indirect";
	return set_bits(value, names, COUNT(names), REACH_REACHABLE, &p->opt->reaches) ||
	       bad(p, name, value,
	           "definite, indirect, possible, reachable, or several of them "
	           "with "
	           "commas; leaked is definite,indirect");
}

static bool set_group_by(struct parse *p, const char *name, const char *value)
{
	p->opt->by_site = !strcmp(value, "site");
	p->opt->group_by = !strcmp(value, "type")   ? GROUP_BY_TYPE
	                   : !strcmp(value, "size") ? GROUP_BY_SIZE
	                                            : GROUP_BY_ALL;
	return p->opt->by_site || p->opt->group_by != GROUP_BY_ALL ||
	       bad(p, name, value, "site, type or size");
}

static bool set_regex(struct parse *p, const char *name, const char *value, regex_t *re, bool *has)
{
	char why[256];
	int code;

	if (*has)
		regfree(re);
	code = regcomp(re, value, REG_EXTENDED | REG_NOSUB);
	*has = code == 0;
	if (*has)
		return true;
	regerror(code, re, why, sizeof(why));
	return err_set(p->err, "%s %s: it takes an extended regular expression (man 7 regex): %s",
	               name, value, why);
}

static bool set_type(struct parse *p, const char *name, const char *value)
{
	return set_regex(p, name, value, &p->opt->type, &p->opt->has_type);
}

static bool set_site(struct parse *p, const char *name, const char *value)
{
	return set_regex(p, name, value, &p->opt->site, &p->opt->has_site);
}

static bool set_suppress(struct parse *p, const char *name, const char *value)
{
	(void)name;
	if (p->opt->has_suppressions)
		suppressions_free(&p->opt->suppressions);
	p->opt->has_suppressions = suppressions_read(value, &p->opt->suppressions, p->err);
	return p->opt->has_suppressions;
}

static bool set_directory(struct parse *p, const char *name, const char *value, const char **where)
{
	if (access(value, R_OK | X_OK) != 0)
		return err_set(p->err, "%s %s: no such directory, or it cannot be read", name,
		               value);
	*where = value;
	return true;
}

static bool set_sysroot(struct parse *p, const char *name, const char *value)
{
	return set_directory(p, name, value, &p->opt->where.sysroot);
}

static bool set_debug_dir(struct parse *p, const char *name, const char *value)
{
	return set_directory(p, name, value, &p->opt->where.debug_dir);
}

static bool set_no_cache(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->opt->where.no_cache = true;
	return true;
}

static bool set_no_sites(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->opt->where.no_sites = true;
	return true;
}

static bool set_debuginfod(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->opt->where.debuginfod = true;
	return true;
}

static bool set_exe(struct parse *p, const char *name, const char *value)
{
	if (access(value, R_OK) != 0)
		return err_set(p->err, "%s %s: no such file, or it cannot be read", name, value);
	p->opt->where.exe = value;
	return true;
}

static bool set_fail_on(struct parse *p, const char *name, const char *value)
{
	(void)name;
	return condition_parse(value, &p->opt->fail_on, p->err);
}

static bool set_profile(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->opt->profile = true;
	return true;
}

static bool set_retained(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->opt->retained = true;
	return true;
}

static bool set_times(struct parse *p, const char *name, const char *value)
{
	(void)name;
	p->opt->times = value;
	return true;
}

static bool set_interval(struct parse *p, const char *name, const char *value)
{
	return when_duration(value, &p->opt->interval) ||
	       bad(p, name, value, "a duration such as 90s, 10m, 1.5h or 2d");
}

static bool set_list(struct parse *p, const char *name, const char *value)
{
	static const char *const names[] = { "survived", "replaced", "born", "cohort" };

	return set_bits(value, names, COUNT(names), FATE_SURVIVED, &p->opt->fates) ||
	       bad(p, name, value,
	           "survived, replaced, born, cohort, or several of them with commas");
}

static bool set_limit_bytes(struct parse *p, const char *name, const char *value)
{
	return (options_bytes(value, &p->opt->limit_bytes) && p->opt->limit_bytes > 0) ||
	       bad(p, name, value, "a size such as 512M or 4G");
}

static bool set_strict(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->opt->strict = true;
	return true;
}

static bool set_show_content(struct parse *p, const char *name, const char *value)
{
	p->opt->show_content = 64;
	return !value || options_bytes(value, &p->opt->show_content) ||
	       bad(p, name, value, "a number of bytes");
}

static bool set_threads(struct parse *p, const char *name, const char *value)
{
	uint64_t n;

	if (!number_plain(value, &n) || n == 0 || n > 4096)
		return bad(p, name, value, "a number of threads from 1 to 4096");
	p->opt->threads = (unsigned)n;
	return true;
}

static bool set_max_memory(struct parse *p, const char *name, const char *value)
{
	return (options_bytes(value, &p->opt->max_memory) && p->opt->max_memory >= 16 << 20) ||
	       bad(p, name, value, "a size of at least 16M");
}

static bool set_max_unpacked(struct parse *p, const char *name, const char *value)
{
	return (options_bytes(value, &p->opt->max_unpacked) && p->opt->max_unpacked > 0) ||
	       bad(p, name, value, "a size; 20G");
}

static bool set_color(struct parse *p, const char *name, const char *value)
{
	static const char *const names[] = { "auto", "always", "never" };

	for (size_t i = 0; i < COUNT(names); i++) {
		if (!strcmp(value, names[i])) {
			p->opt->color = (enum color)i;
			return true;
		}
	}
	return bad(p, name, value, "auto, always or never");
}

static bool set_no_sandbox(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->opt->no_sandbox = true;
	return true;
}

static bool set_quiet(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->opt->quiet = true;
	return true;
}

static bool set_verbose(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->opt->verbose = true;
	return true;
}

static bool set_help(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->help = true;
	return true;
}

static bool set_version(struct parse *p, const char *name, const char *value)
{
	(void)name, (void)value;
	p->version = true;
	return true;
}

const struct option option_list[] = {
	{ "--format", 0, ARGUMENT, 0, set_format },
	{ "--json", 0, NO_ARGUMENT, 0, set_json },
	{ "--output", 'o', ARGUMENT, 0, set_output },
	{ "--limit", 'n', ARGUMENT, TAKES_LIMIT, set_limit },
	{ "--sort", 0, ARGUMENT, TAKES_SORT, set_sort },
	{ "--min-bytes", 0, ARGUMENT, TAKES_MIN_BYTES, set_min_bytes },
	{ "--state", 0, ARGUMENT, TAKES_STATE, set_state },
	{ "--reach", 0, ARGUMENT, TAKES_REACH, set_reach },
	{ "--size", 0, ARGUMENT, TAKES_SIZE, set_size },
	{ "--group-by", 0, ARGUMENT, TAKES_GROUP_BY, set_group_by },
	{ "--type", 0, ARGUMENT, TAKES_TYPE, set_type },
	{ "--site", 0, ARGUMENT, TAKES_TYPE, set_site },
	{ "--suppress", 0, ARGUMENT, TAKES_SUPPRESS, set_suppress },
	{ "--sysroot", 0, ARGUMENT, TAKES_FILES, set_sysroot },
	{ "--exe", 0, ARGUMENT, TAKES_FILES, set_exe },
	{ "--debug-dir", 0, ARGUMENT, TAKES_FILES, set_debug_dir },
	{ "--debuginfod", 0, NO_ARGUMENT, TAKES_FILES, set_debuginfod },
	{ "--no-cache", 0, NO_ARGUMENT, TAKES_FILES, set_no_cache },
	{ "--no-sites", 0, NO_ARGUMENT, TAKES_FILES, set_no_sites },
	{ "--fail-on", 0, ARGUMENT, TAKES_FAIL_ON, set_fail_on },
	{ "--show-content", 0, OPTIONAL_ARGUMENT, TAKES_CONTENT, set_show_content },
	{ "--profile", 0, NO_ARGUMENT, TAKES_PROFILE, set_profile },
	{ "--retained", 0, NO_ARGUMENT, TAKES_RETAINED, set_retained },
	{ "--times", 0, ARGUMENT, TAKES_TIMES, set_times },
	{ "--interval", 0, ARGUMENT, TAKES_TIMES, set_interval },
	{ "--list", 0, ARGUMENT, TAKES_TIMES, set_list },
	{ "--limit-bytes", 0, ARGUMENT, TAKES_TIMES, set_limit_bytes },
	{ "--strict", 0, NO_ARGUMENT, TAKES_CORE, set_strict },
	{ "--threads", 0, ARGUMENT, TAKES_CORE, set_threads },
	{ "--max-memory", 0, ARGUMENT, TAKES_CORE, set_max_memory },
	{ "--max-unpacked", 0, ARGUMENT, TAKES_CORE, set_max_unpacked },
	{ "--no-sandbox", 0, NO_ARGUMENT, TAKES_CORE, set_no_sandbox },
	{ "--color", 0, ARGUMENT, 0, set_color },
	{ "--quiet", 'q', NO_ARGUMENT, 0, set_quiet },
	{ "--verbose", 'v', NO_ARGUMENT, 0, set_verbose },
	{ "--help", 'h', NO_ARGUMENT, 0, set_help },
	{ "--version", 'V', NO_ARGUMENT, 0, set_version },
};
const size_t noptions = COUNT(option_list);

const struct option_text option_texts[] = {
	{ "--format FORMAT", "text, json, jsonl or csv, as far as the command has them", 0 },
	{ "--json", "short for --format json", 0 },
	{ "-o, --output FILE",
	  "write the result there, readable by you alone, instead of "
	  "standard output",
	  0 },
	{ "-n, --limit N", "at most N lines of the listing; 0: all", TAKES_LIMIT },
	{ "--sort KEY", "order of the listing", TAKES_SORT },
	{ "--min-bytes N", "leave out what has fewer bytes; 64K, 1.5M", TAKES_MIN_BYTES },
	{ "--state S[,S]", "only blocks that are used, free, internal", TAKES_STATE },
	{ "--reach R[,R]",
	  "only blocks that are definite, indirect, possible, reachable; leaked: "
	  "definite,indirect",
	  TAKES_REACH },
	{ "--size N", "only blocks of this usable size", TAKES_SIZE },
	{ "--group-by KEY",
	  "what one line of the listing stands for: site, type or size; otherwise all that is "
	  "known",
	  TAKES_GROUP_BY },
	{ "--type RE", "only what has a type that matches this extended regular expression",
	  TAKES_TYPE },
	{ "--site RE", "only what was allocated in a function, file or module that matches",
	  TAKES_TYPE },
	{ "--suppress FILE",
	  "leave out leaks that its lines leak:PATTERN match, as LeakSanitizer's files have them",
	  TAKES_SUPPRESS },
	{ "--sysroot DIR", "look for the process's files under DIR (build-ids are compared)",
	  TAKES_FILES },
	{ "--exe FILE", "the executable of the process, if not at its old place", TAKES_FILES },
	{ "--debug-dir DIR", "look for files with debug information there too", TAKES_FILES },
	{ "--no-cache", "do not keep what was worked out from files, nor use what was kept",
	  TAKES_FILES },
	{ "--no-sites", "do not infer where blocks were allocated, which takes the most time",
	  TAKES_FILES },
	{ "--debuginfod",
	  "ask the servers of $DEBUGINFOD_URLS for files that are nowhere else: they learn "
	  "build-ids",
	  TAKES_FILES },
	{ "--fail-on EXPR",
	  "exit with 1 if it holds: 'leaked>0', 'definite>10M', "
	  "'definite.blocks>=5'",
	  TAKES_FAIL_ON },
	{ "--show-content[=BYTES]", "show what is in the blocks (64 bytes); may show secrets",
	  TAKES_CONTENT },
	{ "--profile", "with --json: also what `coreheap diff` needs once the core is gone",
	  TAKES_PROFILE },
	{ "--retained",
	  "on which blocks most of the memory in use hangs, of a big heap too; takes seconds",
	  TAKES_RETAINED },
	{ "--times T,T[,T]",
	  "when the snapshots were taken: 2026-11-21T15:37:30Z, or seconds since 1970",
	  TAKES_TIMES },
	{ "--interval D", "the time from one snapshot to the next: 90s, 10m, 1.5h, 2d",
	  TAKES_TIMES },
	{ "--list FATE[,FATE]",
	  "instead, the newest snapshot's blocks that survived, were replaced, born, or are of the "
	  "cohort",
	  TAKES_TIMES },
	{ "--limit-bytes N", "tell when memory reaches N at this rate: 512M, 4G", TAKES_TIMES },
	{ "--strict", "exit with 4 if part of the core could not be read", TAKES_CORE },
	{ "--threads N", "use at most N threads; the result is the same for every N", TAKES_CORE },
	{ "--max-memory N", "give up rather than use more memory than N", TAKES_CORE },
	{ "--max-unpacked N", "give up on a compressed core that unpacks to more than N bytes",
	  TAKES_CORE },
	{ "--no-sandbox", "accepted for scripts: this version has no sandbox yet", TAKES_CORE },
	{ "--color WHEN", "auto, always or never; NO_COLOR is honoured", 0 },
	{ "-q, --quiet", "say nothing on standard error but errors", 0 },
	{ "-v, --verbose",
	  "more: in text what is left out otherwise, in JSON the time and memory "
	  "used",
	  0 },
};
const size_t noption_texts = COUNT(option_texts);
