#include "analyzer/command/option.h"
#include "analyzer/command/command.h"
#include "analyzer/command/number.h"
#include "analyzer/reach/reach.h"
#include "analyzer/process/when.h"

#include <stddef.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const format_names[FORMATS] = { "text", "json",   "jsonl", "csv",
	                                           "prom", "folded", "html" };

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
	return bad(p, name, value, "text, json, jsonl, csv, prom, folded or html");
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

/* The place of the first n bytes of `name` in a comma list; -1: not there. */
static int place_in(const char *list, const char *name, size_t n)
{
	for (int i = 0;; i++) {
		size_t len = strcspn(list, ",");

		if (len == n && !memcmp(list, name, n))
			return i;
		if (!list[len])
			return -1;
		list += len + 1;
	}
}

/* A comma list of names out of `names` into bits; the first of them is bit `first`. */
static bool set_bits(const char *value, const char *names, unsigned first, unsigned *bits)
{
	*bits = 0;
	for (;;) {
		size_t len = strcspn(value, ",");
		int place = place_in(names, value, len);

		if (place < 0)
			return false;
		*bits |= 1u << (first + (unsigned)place);
		if (!value[len])
			return true;
		value += len + 1;
	}
}

#define STATES "used,free,internal" /* as enum block_state */

static bool set_state(struct parse *p, const char *name, const char *value)
{
	return set_bits(value, STATES, BLOCK_USED, &p->opt->states) ||
	       bad(p, name, value, "used, free, internal, or several of them with commas");
}

#define REACHES \
	"reachable,possible,indirect,definite,leaked" /* as enum reach_class, and one more */
#define LEAKED (1u << (REACH_DEFINITE + 1))

static bool set_reach(struct parse *p, const char *name, const char *value)
{
	unsigned *bits = &p->opt->reaches;

	if (!set_bits(value, REACHES, REACH_REACHABLE, bits))
		return bad(p, name, value,
		           "definite, indirect, possible, reachable, or several of them with "
		           "commas; leaked is definite,indirect");
	if (*bits & LEAKED)
		*bits = (*bits & ~LEAKED) | 1u << REACH_DEFINITE | 1u << REACH_INDIRECT;
	return true;
}

#define GROUP_KEYS "site,type,size"

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

#define FATE_NAMES "survived,replaced,born,cohort,uncertain" /* as enum fate */

static bool set_list(struct parse *p, const char *name, const char *value)
{
	return set_bits(value, FATE_NAMES, FATE_SURVIVED, &p->opt->fates) ||
	       bad(p, name, value,
	           "survived, replaced, born, cohort, or several of them with commas");
}

static bool set_limit_bytes(struct parse *p, const char *name, const char *value)
{
	return (options_bytes(value, &p->opt->limit_bytes) && p->opt->limit_bytes > 0) ||
	       bad(p, name, value, "a size such as 512M or 4G");
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

#define COLORS "auto,always,never" /* as enum color */

static bool set_color(struct parse *p, const char *name, const char *value)
{
	int place = place_in(COLORS, value, strlen(value));

	if (place < 0)
		return bad(p, name, value, "auto, always or never");
	p->opt->color = (enum color)place;
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

#define FLAG(field) offsetof(struct options, field)

/* In the order of help. */
const struct option option_list[] = {
	{ "--format", 0, "FORMAT", NULL, 0, set_format, 0,
	  "text, json, jsonl, csv, prom, folded or html, as far as the command has them" },
	{ "--json", 0, NULL, NULL, 0, set_json, 0, "short for --format json" },
	{ "--output", 'o', "FILE", NULL, 0, set_output, 0,
	  "write the result there, readable by you alone, instead of standard output" },
	{ "--limit", 'n', "N", NULL, TAKES_LIMIT, set_limit, 0,
	  "at most N lines of the listing; 0: all" },
	{ "--sort", 0, "KEY", NULL, TAKES_SORT, set_sort, 0, "order of the listing" },
	{ "--min-bytes", 0, "N", NULL, TAKES_MIN_BYTES, set_min_bytes, 0,
	  "leave out what has fewer bytes; 64K, 1.5M" },
	{ "--state", 0, "S[,S]", STATES, TAKES_STATE, set_state, 0,
	  "only blocks that are used, free, internal" },
	{ "--reach", 0, "R[,R]", REACHES, TAKES_REACH, set_reach, 0,
	  "only blocks that are definite, indirect, possible, reachable; leaked: "
	  "definite,indirect" },
	{ "--size", 0, "N", NULL, TAKES_SIZE, set_size, 0, "only blocks of this usable size" },
	{ "--group-by", 0, "KEY", GROUP_KEYS, TAKES_GROUP_BY, set_group_by, 0,
	  "what one line of the listing stands for: site, type or size; otherwise all that is "
	  "known" },
	{ "--type", 0, "RE", NULL, TAKES_TYPE, set_type, 0,
	  "only what has a type that matches this extended regular expression" },
	{ "--site", 0, "RE", NULL, TAKES_TYPE, set_site, 0,
	  "only what was allocated in a function, file or module that matches" },
	{ "--suppress", 0, "FILE", NULL, TAKES_SUPPRESS, set_suppress, 0,
	  "leave out leaks that its lines leak:PATTERN match, as LeakSanitizer's files have them" },
	{ "--sysroot", 0, "DIR", NULL, TAKES_FILES, set_sysroot, 0,
	  "look for the process's files under DIR (build-ids are compared)" },
	{ "--exe", 0, "FILE", NULL, TAKES_FILES, set_exe, 0,
	  "the executable of the process, if not at its old place" },
	{ "--debug-dir", 0, "DIR", NULL, TAKES_FILES, set_debug_dir, 0,
	  "look for files with debug information there too" },
	{ "--no-cache", 0, NULL, NULL, TAKES_FILES, NULL, FLAG(where.no_cache),
	  "do not keep what was worked out from files, nor use what was kept" },
	{ "--no-sites", 0, NULL, NULL, TAKES_FILES, NULL, FLAG(where.no_sites),
	  "do not infer where blocks were allocated, which takes the most time" },
	{ "--debuginfod", 0, NULL, NULL, TAKES_FILES, NULL, FLAG(where.debuginfod),
	  "ask the servers of $DEBUGINFOD_URLS for files that are nowhere else: they learn "
	  "build-ids" },
	{ "--fail-on", 0, "EXPR", NULL, TAKES_FAIL_ON, set_fail_on, 0,
	  "exit with 1 if it holds: 'leaked>0', 'definite>10M', 'definite.blocks>=5'" },
	{ "--show-content", 0, "[=BYTES]", NULL, TAKES_CONTENT, set_show_content, 0,
	  "show what is in the blocks (64 bytes); may show secrets" },
	{ "--profile", 0, NULL, NULL, TAKES_PROFILE, NULL, FLAG(profile),
	  "with --json: also what `coreheap diff` needs once the core is gone" },
	{ "--retained", 0, NULL, NULL, TAKES_RETAINED, NULL, FLAG(retained),
	  "on which blocks most of the memory in use hangs, of a big heap too; takes seconds" },
	{ "--times", 0, "T,T[,T]", NULL, TAKES_TIMES, set_times, 0,
	  "when the snapshots were taken: 2026-11-21T15:37:30Z, or seconds since 1970" },
	{ "--interval", 0, "D", NULL, TAKES_TIMES, set_interval, 0,
	  "the time from one snapshot to the next: 90s, 10m, 1.5h, 2d" },
	{ "--list", 0, "FATE[,FATE]", FATE_NAMES, TAKES_TIMES, set_list, 0,
	  "instead, the newest snapshot's blocks that survived, were replaced, born, or are of the "
	  "cohort" },
	{ "--limit-bytes", 0, "N", NULL, TAKES_TIMES, set_limit_bytes, 0,
	  "tell when memory reaches N at this rate: 512M, 4G" },
	{ "--strict", 0, NULL, NULL, TAKES_CORE, NULL, FLAG(strict),
	  "exit with 4 if part of the core could not be read" },
	{ "--threads", 0, "N", NULL, TAKES_CORE, set_threads, 0,
	  "use at most N threads; the result is the same for every N" },
	{ "--max-memory", 0, "N", NULL, TAKES_CORE, set_max_memory, 0,
	  "give up rather than use more memory than N" },
	{ "--max-unpacked", 0, "N", NULL, TAKES_CORE, set_max_unpacked, 0,
	  "give up on a compressed core that unpacks to more than N bytes" },
	{ "--no-sandbox", 0, NULL, NULL, TAKES_CORE, NULL, FLAG(no_sandbox),
	  "read the core without restricting what this process can do" },
	{ "--color", 0, "WHEN", COLORS, 0, set_color, 0,
	  "auto, always or never; NO_COLOR is honoured" },
	{ "--quiet", 'q', NULL, NULL, 0, NULL, FLAG(quiet),
	  "say nothing on standard error but errors" },
	{ "--verbose", 'v', NULL, NULL, 0, NULL, FLAG(verbose),
	  "more: in text what is left out otherwise, in JSON the time and memory used" },
	{ "--help", 'h', NULL, NULL, 0, set_help, 0, "what the command does, and its options" },
	{ "--version", 'V', NULL, NULL, 0, set_version, 0,
	  "the version of coreheap and of the libraries that it uses" },
};
const size_t noptions = COUNT(option_list);

bool option_fits(const struct option *o, const struct command *c)
{
	if (!c)
		return true;
	if (o->set == set_json)
		return c->formats & AS_JSON;
	if (o->set == set_format)
		return c->formats & (c->formats - 1); /* there is a choice */
	return !(o->needs & ~c->takes);
}
