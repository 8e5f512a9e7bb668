/*
 * bash. Its readline breaks words at `=` too (COMP_WORDBREAKS), so --format=json comes as three
 * words; where it does not, the script takes them apart itself.
 */
#include "analyzer/command/completion.h"

static const char head[] =
	"# bash completion for coreheap, made by `coreheap completion bash`\n"
	"_coreheap()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} option= command= arguments=0 values= several= i\n"
	"\tlocal options= formats= sorts= first= more= commands='";
static const char loop[] = "'\n"
			   "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			   "\t\tcase ${COMP_WORDS[i]} in\n"
			   "\t\t";
static const char after_argument_options[] =
	")\n"
	"\t\t\toption=${COMP_WORDS[i]}\n"
	"\t\t\t[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))\n"
	"\t\t\t((i++))\n"
	"\t\t\t;;\n"
	"\t\t=) ((i++)) ;;\n"
	"\t\t-?*) ;;\n"
	"\t\t*) if [[ $command ]]; then ((arguments++)); else command=${COMP_WORDS[i]}; fi ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tif ((i == COMP_CWORD)); then\n"
	"\t\toption=\n"
	"\t\tif [[ $cur == --*=* ]]; then\n"
	"\t\t\toption=${cur%%=*} cur=${cur#*=}\n"
	"\t\tfi\n"
	"\telif [[ $cur == = ]]; then\n"
	"\t\tcur=\n"
	"\tfi\n"
	"\tcase $command in\n";
static const char after_commands[] = "\tesac\n"
				     "\t[[ $command ]] || first=$commands' files'\n"
				     "\tcase $option in\n"
				     "\t'')\n"
				     "\t\tif [[ $cur == -* ]]; then\n"
				     "\t\t\tvalues=$options\n"
				     "\t\telse\n"
				     "\t\t\t((arguments)) && first=$more\n"
				     "\t\t\tvalues=${first%files}\n"
				     "\t\t\t[[ $first == *files ]] && compopt -o default\n"
				     "\t\tfi\n"
				     "\t\t;;\n"
				     "\t--format) values=$formats ;;\n"
				     "\t--sort) values=$sorts ;;\n";
static const char tail[] =
	"\tesac\n"
	"\tif [[ $several && $cur == *,* ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -P \"${cur%,*},\" -W \"$values\" -- \"${cur##*,}\"))\n"
	"\telse\n"
	"\t\tCOMPREPLY=($(compgen -W \"$values\" -- \"$cur\"))\n"
	"\tfi\n"
	"\tif [[ $command$option == '' && $cur != -* ]]; then\n"
	"\t\tcompopt -o filenames\n"
	"\t\tmapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\tfi\n"
	"}\n"
	"complete -F _coreheap coreheap\n";

/* "-o | --output" */
static void put_names(const struct option *o, struct out *out)
{
	if (o->letter)
		out_printf(out, "-%c | ", o->letter);
	out_str(out, o->name);
}

static void put_argument_options(struct out *out)
{
	const char *between = "";

	for (size_t i = 0; i < noptions; i++) {
		if (!option_has_argument(&option_list[i]))
			continue;
		out_str(out, between);
		put_names(&option_list[i], out);
		between = " | ";
	}
}

static void put_list(const char *variable, const char *list, struct out *out)
{
	if (!list)
		return;
	out_printf(out, "\t\t%s='", variable);
	completion_words(out, list);
	out_str(out, "'\n");
}

static void put_first(const struct command *c, struct out *out)
{
	switch (completion_first(c)) {
	case COMPLETE_NOTHING:
		break;
	case COMPLETE_FILES:
		out_str(out, "\t\tfirst=files\n");
		break;
	case COMPLETE_COMMANDS:
		out_str(out, "\t\tfirst=$commands\n");
		break;
	case COMPLETE_NAMES:
		put_list("first", c->args, out);
		break;
	}
	if (completion_more_files(c))
		out_str(out, "\t\tmore=files\n");
}

/* What one command takes, into the script's variables. */
static void put_command(const struct command *c, struct out *out)
{
	char room[COMPLETION_ROOM];
	bool some = false;

	out_str(out, "\t\toptions='");
	for (size_t i = 0; i < noptions; i++) {
		if (!option_fits(&option_list[i], c))
			continue;
		out_printf(out, "%s%s", some ? " " : "", option_list[i].name);
		some = true;
	}
	out_str(out, "'\n");
	for (size_t i = 0; i < noptions; i++) {
		const struct option *o = &option_list[i];

		if (option_fits(o, c) && !completion_is_fixed(o))
			put_list(o->needs == TAKES_SORT ? "sorts" : "formats",
			         completion_values(c, o, room), out);
	}
	put_first(c, out);
	out_str(out, "\t\t;;\n");
}

/* The values of options that have the same for every command. */
static void put_values(struct out *out)
{
	for (size_t i = 0; i < noptions; i++) {
		const struct option *o = &option_list[i];

		if (!option_has_argument(o) || !completion_is_fixed(o))
			continue;
		if (o->values) {
			out_str(out, "\t");
			put_names(o, out);
			out_str(out, ") values='");
			completion_words(out, o->values);
			out_printf(out, "'%s ;;\n", option_has_list(o) ? " several=1" : "");
		} else if (!strcmp(o->metavar, "FILE") || !strcmp(o->metavar, "DIR")) {
			out_str(out, "\t");
			put_names(o, out);
			out_printf(out, ") compopt -o %s ;;\n",
			           *o->metavar == 'F' ? "default" : "dirnames");
		}
	}
}

void completion_bash(struct out *out)
{
	const struct command *plain = command_find("summary"); /* where a core comes first */

	out_str(out, head);
	for (size_t i = 0; i < ncommands; i++)
		out_printf(out, "%s%s", i ? " " : "", commands[i]->name);
	out_str(out, loop);
	put_argument_options(out);
	out_str(out, after_argument_options);
	for (size_t i = 0; i < ncommands; i++) {
		if (commands[i] == plain)
			continue;
		out_printf(out, "\t%s)\n", commands[i]->name);
		put_command(commands[i], out);
	}
	out_str(out, "\t*)\n");
	put_command(plain, out);
	out_str(out, after_commands);
	put_values(out);
	out_str(out, tail);
}
