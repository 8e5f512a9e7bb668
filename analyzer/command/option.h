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

enum argument { NO_ARGUMENT, ARGUMENT, OPTIONAL_ARGUMENT /* only with = */ };

struct option {
	const char *name;
	char letter; /* 0: none */
	enum argument argument;
	unsigned needs;
	/* value NULL: none was given. False: the message is in p->err. */
	bool (*set)(struct parse *p, const char *name, const char *value);
};

extern const struct option option_list[];
extern const size_t noptions;

#endif
