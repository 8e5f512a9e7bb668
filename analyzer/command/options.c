/*
 * One pass over argv: options anywhere, `--` ends them; the words left over are the command and its
 * arguments. What was given is remembered by bits of `needs`, and compared with what the command
 * takes once it is known.
 */
#include "analyzer/command/options.h"
#include "analyzer/command/command.h"
#include "analyzer/command/option.h"

#include <stdio.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static bool apply(struct parse *p, const struct option *o, const char *value)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		if (o->needs >> bit & 1)
			p->by[bit] = o->name;
	}
	p->given |= o->needs;
	if (o->set)
		return o->set(p, o->name, value);
	*(bool *)((char *)p->opt + o->flag) = true;
	return true;
}

static bool unknown_option(struct parse *p, const char *word, size_t n)
{
	const char *names[64];
	char name[64];
	const char *near;

	for (size_t i = 0; i < noptions; i++)
		names[i] = option_list[i].name;
	snprintf(name, sizeof(name), "%.*s", (int)(n < 63 ? n : 63), word);
	near = options_nearest(name, names, noptions);
	if (near)
		return err_set(p->err, "there is no option %s; did you mean %s?", name, near);
	return err_set(p->err, "there is no option %s; `coreheap help` lists them", name);
}

/* A word that begins with two dashes. *next is what follows it, taken where an argument is due. */
static bool long_option(struct parse *p, const char *word, const char *next, bool *took)
{
	size_t n = strcspn(word, "=");
	const char *value = word[n] ? word + n + 1 : NULL;

	for (size_t i = 0; i < noptions; i++) {
		const struct option *o = &option_list[i];

		if (strlen(o->name) != n || memcmp(o->name, word, n))
			continue;
		if (!o->metavar && value)
			return err_set(p->err, "%s takes no argument; leave out =%s", o->name,
			               value);
		if (option_has_argument(o) && !value) {
			*took = true;
			value = next;
			if (!value)
				return err_set(p->err,
				               "%s needs an argument after it; see "
				               "`coreheap help`",
				               o->name);
		}
		return apply(p, o, value);
	}
	return unknown_option(p, word, n);
}

/* A word of one dash and letters: -q, -qv, -n5, -n 5. */
static bool short_options(struct parse *p, const char *word, const char *next, bool *took)
{
	for (const char *at = word + 1; *at; at++) {
		const struct option *o = NULL;

		for (size_t i = 0; i < noptions; i++) {
			if (option_list[i].letter == *at)
				o = &option_list[i];
		}
		if (!o)
			return err_set(p->err, "there is no option -%c; `coreheap help` lists them",
			               *at);
		if (!option_has_argument(o)) {
			if (!apply(p, o, NULL))
				return false;
			continue;
		}
		*took = !at[1];
		if (*took && !next)
			return err_set(p->err, "-%c (%s) needs an argument after it", *at, o->name);
		return apply(p, o, at[1] ? at + 1 : next);
	}
	return true;
}

static bool read_words(struct parse *p, int argc, char *const *argv, const char **words, size_t *n)
{
	bool ended = false;

	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		bool took = false, good;

		if (ended || word[0] != '-' || !word[1]) {
			words[(*n)++] = word;
			continue;
		}
		if (!strcmp(word, "--")) {
			ended = true;
			continue;
		}
		good = word[1] == '-' ? long_option(p, word, next, &took)
		                      : short_options(p, word, next, &took);
		if (!good)
			return false;
		i += took;
	}
	return true;
}

static const struct command *by_name(const struct command *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] && !strcmp(list[i]->name, name))
			return list[i];
	}
	return NULL;
}

/* The command that the words ask for; *words and *n move behind its name. */
static const struct command *choose(struct parse *p, const struct command *const *list,
                                    size_t nlist, const char **words, size_t *n)
{
	const struct command *command = *n ? by_name(list, nlist, words[0]) : NULL;
	const char *names[32];
	const char *near = NULL;
	size_t nnames = 0;

	if (p->version)
		return by_name(list, nlist, "version");
	if (p->help)
		return by_name(list, nlist, "help"); /* the words stay: help COMMAND */
	if (*n == 0) {
		err_set(p->err, "no core file was given; usage: coreheap CORE, or coreheap "
		                "COMMAND CORE; "
		                "`coreheap help` lists the commands");
		return NULL;
	}
	if (command) {
		memmove(words, words + 1, --*n * sizeof(*words));
		return command;
	}
	for (size_t i = 0; i < nlist && nnames < COUNT(names); i++) {
		if (list[i])
			names[nnames++] = list[i]->name;
	}
	if (access(words[0], F_OK) != 0 && !strpbrk(words[0], "/.-"))
		near = options_nearest(words[0], names, nnames);
	if (near) {
		err_set(p->err, "there is no command (and no file) %s; did you mean %s?", words[0],
		        near);
		return NULL;
	}
	return by_name(list, nlist, "summary");
}

/* Does `key` stand in the comma list `keys`? */
static bool listed(const char *keys, const char *key)
{
	size_t n = strlen(key);

	for (; *keys; keys += strcspn(keys, ",")) {
		keys += *keys == ',';
		if (strcspn(keys, ",") == n && !memcmp(keys, key, n))
			return true;
	}
	return false;
}

static bool check_sort(struct parse *p, const struct command *c)
{
	if (!c->sorts)
		return true;
	if (p->opt->sort && !listed(c->sorts, p->opt->sort))
		return err_set(p->err, "--sort %s: %s sorts by %s", p->opt->sort, c->name,
		               c->sorts);
	return true;
}

static void formats_text(unsigned formats, char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < FORMATS && n < size; i++) {
		if (formats >> i & 1)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "",
			                      format_name((enum format)i));
	}
}

static bool check_command(struct parse *p, const struct command *c)
{
	unsigned extra = p->given & ~c->takes;
	struct options *opt = p->opt;
	char formats[64];

	if (p->help || p->version) {
		opt->format = FORMAT_TEXT;
		return true;
	}
	if (extra)
		return err_set(p->err,
		               "%s does not take %s; `coreheap help %s` lists what it "
		               "takes",
		               c->name, p->by[__builtin_ctz(extra)], c->name);
	if (!(c->formats >> opt->format & 1)) {
		formats_text(c->formats, formats, sizeof(formats));
		return err_set(p->err, "%s has no format %s; it has %s", c->name,
		               format_name(opt->format), formats);
	}
	if (condition_is_growth(&opt->fail_on) && !(c->takes & TAKES_TIMES))
		return err_set(p->err,
		               "--fail-on %s: growth is known between snapshots only: coreheap "
		               "diff OLD NEW --fail-on ...",
		               opt->fail_on.text);
	if (opt->nargs < c->min_args)
		return err_set(p->err, "usage: coreheap %s %s; `coreheap help %s` tells more",
		               c->name, c->args, c->name);
	if (opt->nargs > c->max_args)
		return err_set(p->err, "%s is one argument too many; usage: coreheap %s %s",
		               opt->arg[c->max_args], c->name, c->args);
	return check_sort(p, c);
}

void options_free(struct options *opt)
{
	if (opt->has_type)
		regfree(&opt->type);
	if (opt->has_site)
		regfree(&opt->site);
	if (opt->has_suppressions)
		suppressions_free(&opt->suppressions);
	opt->has_type = opt->has_site = opt->has_suppressions = false;
}

bool options_parse(int argc, char *const *argv, const struct command *const *list, size_t nlist,
                   const char **storage, struct options *opt, struct err *err)
{
	struct options o = { .format = FORMAT_TEXT };
	struct parse p = { .opt = &o, .err = err };
	size_t n = 0;

	if (!read_words(&p, argc, argv, storage, &n) ||
	    !(o.command = choose(&p, list, nlist, storage, &n))) {
		options_free(&o);
		return false;
	}
	/* Found by PATH: its plain name is what was typed, and what can be typed again. */
	o.program = argc > 0 && strchr(argv[0], '/') ? argv[0] : "coreheap";
	o.arg = storage;
	o.nargs = n;
	if (!check_command(&p, o.command)) {
		options_free(&o);
		return false;
	}
	*opt = o;
	return true;
}
