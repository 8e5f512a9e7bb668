/*
 * option: each option by itself: its name, whether it has an argument, and what it sets. It knows
 * neither the order of words nor which command there is.
 */
#ifndef ANALYZER_COMMAND_OPTION_H
#define ANALYZER_COMMAND_OPTION_H

#include "analyzer/command/options.h"

struct parse {
	struct options *opt;
	struct err *err;
	unsigned given;     /* bits of TAKES_*: options that not every command has */
	const char *by[32]; /* how the option of each bit was spelled */
	bool help, version;
};

struct option {
	const char *name;
	char letter; /* 0: none */
	const char *
		metavar; /* "FILE", what its argument is; NULL: it has none; "[=N]": may have one */
	const char *
		values; /* a comma list of what the argument may be; NULL: anything, or see below */
	unsigned needs; /* bits of takes; 0: every command takes it */
	/* value NULL: none was given. False: the message is in p->err. NULL: it sets `flag`. */
	bool (*set)(struct parse *p, const char *name, const char *value);
	size_t flag;      /* offset of a bool of struct options */
	const char *what; /* for help, in a line */
};

/* Has it an argument, which follows as a word of its own or after an equals sign? */
static inline bool option_has_argument(const struct option *option)
{
	return option->metavar && option->metavar[0] != '[';
}

/* May it have one, after an equals sign? */
static inline bool option_may_argument(const struct option *option)
{
	return option->metavar && option->metavar[0] == '[';
}

/* May the argument be several of the values, with commas between them? */
static inline bool option_has_list(const struct option *option)
{
	return option->values && strchr(option->metavar, ',');
}

struct command;

/* Does it make sense with this command? NULL: with any. */
bool option_fits(const struct option *option, const struct command *command);

extern const struct option option_list[];
extern const size_t noptions;

#endif
