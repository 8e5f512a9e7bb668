/* fish: one `complete` for each option, with the commands that take it as its condition. */
#include "analyzer/command/completion.h"

static const char head[] =
	"# fish completion for coreheap, made by `coreheap completion fish`\n"
	"function __coreheap_command -d 'the command of the line; none: a core stands there'\n"
	"\tset -l words (commandline -opc)\n"
	"\tfor word in $words[2..-1]\n"
	"\t\tif contains -- $word $__coreheap_commands\n"
	"\t\t\techo $word\n"
	"\t\t\treturn\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"function __coreheap_named -d 'is there a command on the line?'\n"
	"\tset -l command (__coreheap_command)\n"
	"\tset -q command[1]\n"
	"end\n"
	"function __coreheap_is -d 'is the command one of these?'\n"
	"\tset -l command (__coreheap_command)\n"
	"\tset -q command[1]; or set command summary\n"
	"\tcontains -- $command $argv\n"
	"end\n"
	"set -g __coreheap_commands";

/* The condition: the commands that pass. */
static void put_condition(const struct option *o, struct out *out)
{
	if (!o->needs && strcmp(o->name, "--json") != 0)
		return;
	out_str(out, " -n '__coreheap_is");
	for (size_t i = 0; i < ncommands; i++) {
		if (option_fits(o, commands[i]))
			out_printf(out, " %s", commands[i]->name);
	}
	out_char(out, '\'');
}

static void put_argument(const struct option *o, const char *values, struct out *out)
{
	if (!option_has_argument(o))
		return;
	if (values) {
		out_str(out, option_has_list(o) ? " -x -a '(__fish_append , " : " -x -a '");
		completion_words(out, values);
		out_str(out, option_has_list(o) ? ")'" : "'");
	} else if (!strcmp(o->metavar, "FILE")) {
		out_str(out, " -r -F");
	} else if (!strcmp(o->metavar, "DIR")) {
		out_str(out, " -x -a '(__fish_complete_directories)'");
	} else {
		out_str(out, " -x");
	}
}

static void put_names(const struct option *o, struct out *out)
{
	if (o->letter)
		out_printf(out, " -s %c", o->letter);
	out_printf(out, " -l %s -d '", o->name + 2);
	completion_quoted(out, o->what, "\\");
	out_char(out, '\'');
}

static void put_option(const struct option *o, struct out *out)
{
	char room[COMPLETION_ROOM];

	if (completion_is_fixed(o)) {
		out_str(out, "complete -c coreheap");
		put_condition(o, out);
		put_names(o, out);
		put_argument(o, o->values, out);
		out_char(out, '\n');
		return;
	}
	for (size_t i = 0; i < ncommands; i++) {
		if (!option_fits(o, commands[i]))
			continue;
		out_printf(out, "complete -c coreheap -n '__coreheap_is %s'", commands[i]->name);
		put_names(o, out);
		put_argument(o, completion_values(commands[i], o, room), out);
		out_char(out, '\n');
	}
}

/* Words that are no options. fish offers files by itself: -f where there are none. */
static void put_words(const struct command *c, struct out *out)
{
	if (completion_first(c) == COMPLETE_FILES)
		return;
	out_printf(out, "complete -c coreheap -n '__coreheap_is %s' -f", c->name);
	if (completion_first(c) == COMPLETE_COMMANDS) {
		out_str(out, " -a '$__coreheap_commands'");
	} else if (completion_first(c) == COMPLETE_NAMES) {
		out_str(out, " -a '");
		completion_words(out, c->args);
		out_char(out, '\'');
	}
	out_char(out, '\n');
}

void completion_fish(struct out *out)
{
	out_str(out, head);
	for (size_t i = 0; i < ncommands; i++)
		out_printf(out, " %s", commands[i]->name);
	out_char(out, '\n');
	for (size_t i = 0; i < ncommands; i++) {
		out_str(out, "complete -c coreheap -n 'not __coreheap_named' -a ");
		out_printf(out, "%s -d '", commands[i]->name);
		completion_quoted(out, commands[i]->one_line, "\\");
		out_str(out, "'\n");
	}
	for (size_t i = 0; i < ncommands; i++)
		put_words(commands[i], out);
	for (size_t i = 0; i < noptions; i++)
		put_option(&option_list[i], out);
}
