/* zsh: one _arguments for each command; without one, a core stands where a command would. */
#include "analyzer/command/completion.h"

static const char head[] = "#compdef coreheap\n"
			   "# zsh completion for coreheap, made by `coreheap completion zsh`\n"
			   "_coreheap()\n"
			   "{\n"
			   "\tlocal -a commands\n"
			   "\tlocal command= word\n"
			   "\tcommands=(\n";
static const char choose[] = "\t)\n"
			     "\tfor word in ${words[2,CURRENT-1]}; do\n"
			     "\t\tif (( ${commands[(I)$word:*]} )); then\n"
			     "\t\t\tcommand=$word\n"
			     "\t\t\tbreak\n"
			     "\t\tfi\n"
			     "\tdone\n"
			     "\tcase $command in\n";
static const char tail[] = "\tesac\n"
			   "}\n"
			   "_coreheap_first()\n"
			   "{\n"
			   "\t_describe command commands\n"
			   "\t_files\n"
			   "}\n"
			   "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
			   "\t_coreheap \"$@\"\n"
			   "else\n"
			   "\tcompdef _coreheap coreheap\n"
			   "fi\n";

/* What completes the argument of an option: its action. */
static void put_action(const struct command *c, const struct option *o, struct out *out)
{
	char room[COMPLETION_ROOM];
	const char *values = completion_values(c, o, room);

	if (values && option_has_list(o)) {
		out_printf(out, "_values -s , %s ", o->name + 2);
		completion_words(out, values);
	} else if (values) {
		out_char(out, '(');
		completion_words(out, values);
		out_char(out, ')');
	} else if (!strcmp(o->metavar, "FILE")) {
		out_str(out, "_files");
	} else if (!strcmp(o->metavar, "DIR")) {
		out_str(out, "_directories");
	} else {
		out_char(out, ' ');
	}
}

/* '--limit=[at most N lines]:limit: '; with a letter '(-n --limit)'{-n+,--limit=}'[...' */
static void put_option(const struct command *c, const struct option *o, struct out *out)
{
	const char *equals = option_has_argument(o) ? "=" : option_may_argument(o) ? "=-" : "";

	out_str(out, " \\\n\t\t\t'");
	if (o->letter)
		out_printf(out, "(-%c %s)'{-%c%s,", o->letter, o->name, o->letter,
		           *equals ? "+" : "");
	out_printf(out, o->letter ? "%s%s}'[" : "%s%s[", o->name, equals);
	completion_quoted(out, o->what, "[]:\\");
	out_char(out, ']');
	if (o->metavar) {
		out_printf(out, "%s%s:", option_may_argument(o) ? "::" : ":", o->name + 2);
		put_action(c, o, out);
	}
	out_char(out, '\'');
}

static void put_words(const struct command *c, bool named, struct out *out)
{
	out_str(out,
	        named ? " \\\n\t\t\t'1: : '" : " \\\n\t\t\t'1:command or core:_coreheap_first'");
	switch (completion_first(c)) {
	case COMPLETE_NOTHING:
		break;
	case COMPLETE_FILES:
		if (named)
			out_str(out, " \\\n\t\t\t'2:core:_files'");
		break;
	case COMPLETE_COMMANDS:
		out_str(out, " \\\n\t\t\t'2:command:{_describe command commands}'");
		break;
	case COMPLETE_NAMES:
		out_str(out, " \\\n\t\t\t'2:name:(");
		completion_words(out, c->args);
		out_str(out, ")'");
		break;
	}
	if (completion_more_files(c))
		out_str(out, " \\\n\t\t\t'*:core:_files'");
	out_char(out, '\n');
}

static void put_command(const struct command *c, bool named, struct out *out)
{
	out_printf(out, "\t%s)\n\t\t_arguments -s", named ? c->name : "*");
	for (size_t i = 0; i < noptions; i++) {
		if (option_fits(&option_list[i], c))
			put_option(c, &option_list[i], out);
	}
	put_words(c, named, out);
	out_str(out, "\t\t;;\n");
}

void completion_zsh(struct out *out)
{
	out_str(out, head);
	for (size_t i = 0; i < ncommands; i++) {
		out_printf(out, "\t\t'%s:", commands[i]->name);
		completion_quoted(out, commands[i]->one_line, "");
		out_str(out, "'\n");
	}
	out_str(out, choose);
	for (size_t i = 0; i < ncommands; i++)
		put_command(commands[i], true, out);
	put_command(command_find("summary"), false, out);
	out_str(out, tail);
}
