/* The list of commands, in the order of help. */
#include "analyzer/command/command.h"

const struct command *const commands[] = {
	&cmd_summary, &cmd_leaks,   &cmd_blocks,     &cmd_explain, &cmd_diff,
	&cmd_arenas,  &cmd_maps,    &cmd_threads,    &cmd_check,   &cmd_schema,
	&cmd_help,    &cmd_version, &cmd_completion,
};
const size_t ncommands = sizeof(commands) / sizeof(*commands);
