#include "analyzer/command/command.h"
#include "analyzer/command/option.h"
#include "analyzer/report/text.h"

static void list_options(const struct command *c, struct out *out)
{
	struct table t = { .indent = 2, .headless = true };

	table_column(&t, "", false);
	table_column(&t, "", false);
	for (size_t i = 0; i < noptions; i++) {
		const struct option *o = &option_list[i];
		const char *blank = option_has_argument(o) ? " " : "";

		if (!option_fits(o, c))
			continue;
		if (o->letter)
			table_cell(&t, "-%c, %s%s%s", o->letter, o->name, blank,
			           o->metavar ? o->metavar : "");
		else
			table_cell(&t, "%s%s%s", o->name, blank, o->metavar ? o->metavar : "");
		table_cell(&t, "%s", o->what);
	}
	table_print(&t, out);
}

static void list_formats(const struct command *c, struct out *out)
{
	const char *before = "Formats: ";

	for (int f = 0; f < FORMATS; f++) {
		if (!(c->formats >> f & 1))
			continue;
		out_str(out, before);
		out_str(out, format_name((enum format)f));
		before = ", ";
	}
	out_char(out, '\n');
}

static void help_command(const struct command *c, struct out *out)
{
	out_printf(out, "coreheap %s %s\n", c->name, c->args);
	text_wrap(out, 2, c->one_line);
	if (c->help) {
		out_char(out, '\n');
		out_str(out, c->help);
	}
	out_char(out, '\n');
	list_formats(c, out);
	out_str(out, "Options:\n");
	list_options(c, out);
}

static void help_all(struct out *out)
{
	struct table t = { .indent = 2, .headless = true };

	out_str(out, "coreheap tells from a core dump where a process's memory went and what "
	             "leaked.\n"
	             "\nusage: coreheap CORE\n       coreheap COMMAND CORE [OPTION...]\n\n");
	table_column(&t, "", false);
	table_column(&t, "", false);
	for (size_t i = 0; i < ncommands; i++) {
		if (!commands[i])
			continue;
		table_cell(&t, "%s %s", commands[i]->name, commands[i]->args);
		table_cell(&t, "%s", commands[i]->one_line);
	}
	table_print(&t, out);
	out_str(out, "\nOptions (`coreheap help COMMAND` lists those of a command):\n");
	list_options(NULL, out);
	out_str(out,
	        "\nExit status: 0 analysed, 1 --fail-on holds, 2 wrong usage, 3 input "
	        "unusable,\n"
	        "4 partial and --strict was given, 70 internal error.\n"
	        "\nA core comes from a crash (ulimit -c unlimited; coredumpctl dump -o core PID) "
	        "or from\n"
	        "a process that goes on living (gcore PID).\n");
}

static int run(const struct options *opt, struct out *out)
{
	const struct command *c;

	if (opt->nargs == 0) {
		help_all(out);
		return EXIT_ANALYSED;
	}
	c = command_find(opt->arg[0]);
	if (!c) {
		command_say("there is no command %s; `coreheap help` lists them", opt->arg[0]);
		return EXIT_USAGE;
	}
	help_command(c, out);
	return EXIT_ANALYSED;
}

const struct command cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.one_line = "this list, or more about one command",
	.formats = AS_TEXT,
	.max_args = 1,
	.run = run,
};
