#include "analyzer/command/completion.h"

#include <stdio.h>

enum completion_kind completion_first(const struct command *c)
{
	if (!c->max_args)
		return COMPLETE_NOTHING;
	if (c->args[0] == '[')
		return COMPLETE_COMMANDS;
	return strchr(c->args, '|') ? COMPLETE_NAMES : COMPLETE_FILES;
}

bool completion_more_files(const struct command *c)
{
	return c->max_args > 1 && !strstr(c->args, "ADDR");
}

bool completion_is_fixed(const struct option *o)
{
	return o->needs != TAKES_SORT && strcmp(o->name, "--format") != 0;
}

const char *completion_values(const struct command *c, const struct option *o,
                              char room[COMPLETION_ROOM])
{
	size_t n = 0;

	if (completion_is_fixed(o))
		return o->values;
	if (o->needs == TAKES_SORT)
		return c->sorts;
	room[0] = 0;
	for (int f = 0; f < FORMATS && n < COMPLETION_ROOM; f++) {
		if (c->formats >> f & 1)
			n += (size_t)snprintf(room + n, COMPLETION_ROOM - n, "%s%s", n ? "," : "",
			                      format_name((enum format)f));
	}
	return room;
}

void completion_words(struct out *out, const char *list)
{
	for (; *list; list++)
		out_char(out, *list == ',' || *list == '|' ? ' ' : *list);
}

void completion_quoted(struct out *out, const char *text, const char *escaped)
{
	for (; *text; text++) {
		if (*text == '\'') {
			out_str(out, "'\\''");
			continue;
		}
		if (strchr(escaped, *text))
			out_char(out, '\\');
		out_char(out, *text);
	}
}
