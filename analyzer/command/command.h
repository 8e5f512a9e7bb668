/*
 * command: the list of what coreheap can do, and what every command does in the same way: open the
 * core, say on standard error what could not be read, choose the exit code.
 */
#ifndef ANALYZER_COMMAND_COMMAND_H
#define ANALYZER_COMMAND_COMMAND_H

#include "analyzer/command/options.h"
#include "analyzer/report/report.h"

enum exit_code {
	EXIT_ANALYSED = 0, /* with findings or not */
	EXIT_MATCHED = 1,  /* --fail-on */
	EXIT_USAGE = 2,
	EXIT_INPUT = 3,   /* input unusable */
	EXIT_PARTIAL = 4, /* and --strict was given */
	EXIT_INTERNAL = 70,
};

struct command {
	const char *name;
	const char *args;     /* "CORE", "CORE ADDR...", "[COMMAND]", "" */
	const char *one_line; /* for the list of commands */
	const char *help;     /* more, whole lines, for `help COMMAND`; may be NULL */
	unsigned formats;     /* AS_* bits; AS_TEXT is the default where it is among them */
	unsigned takes;       /* TAKES_* bits */
	const char *sorts;    /* "bytes,blocks,size", the first is the default; NULL: none */
	size_t min_args, max_args;
	/* Writes to out; messages to stderr by command_say. Returns an enum exit_code. */
	int (*run)(const struct options *opt, struct out *out);
};

/* In the order of help; entries may be NULL. */
extern const struct command *const commands[];
extern const size_t ncommands;
const struct command *command_find(const char *name);

extern const struct command cmd_summary, cmd_leaks, cmd_blocks, cmd_explain, cmd_arenas, cmd_maps,
	cmd_diff, cmd_threads, cmd_check, cmd_schema, cmd_help, cmd_version, cmd_completion;

/* "coreheap: ..." and a newline on standard error, made safe for terminals. */
void command_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Before the first file is opened: progress, bounds. command_open calls it. */
void command_begin(const struct options *opt);

/* Opens opt->arg[0]. False: it was said why on standard error; return EXIT_INPUT. */
bool command_open(const struct options *opt, struct analysis *a);

/* The findings so far, as the options want them: --type, --site, --suppress and their like. */
void command_select(const struct options *opt, struct report *report);

/* With -v: the limits section of the report. Call it last, before rendering. */
void command_limits(const struct options *opt, struct report *report);

/*
 * Renders the report as the options ask; `rows` are those of JSON lines, csv may be NULL where the
 * command has no such format. False: they ask for text, which is the command's own.
 */
bool command_render(const struct options *opt, const struct report *report, enum report_rows rows,
                    void (*csv)(const struct report *report, struct out *out), struct out *out);

/*
 * Ends a run over a core: says on standard error what the report's warnings tell (not with -q, and
 * not where `told`: the output said it), then chooses: EXIT_MATCHED where --fail-on holds, else
 * EXIT_PARTIAL where the core is partial and --strict was given, else EXIT_ANALYSED.
 */
int command_end(const struct options *opt, const struct report *report, bool told);

#endif
