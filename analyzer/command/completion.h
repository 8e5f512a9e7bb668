/*
 * completion: scripts that complete coreheap's command lines in shells. They are made from the list
 * of commands and the list of options; it keeps no list of its own. It runs in no shell: what is
 * written is text.
 */
#ifndef ANALYZER_COMMAND_COMPLETION_H
#define ANALYZER_COMMAND_COMPLETION_H

#include "analyzer/command/command.h"
#include "analyzer/command/option.h"

/* The whole script for one shell. */
void completion_bash(struct out *out);
void completion_zsh(struct out *out);
void completion_fish(struct out *out);

/* ---- what the scripts are made of ---- */

/* What a command takes that is no option. */
enum completion_kind {
	COMPLETE_NOTHING,
	COMPLETE_FILES,    /* CORE, OLD NEW */
	COMPLETE_COMMANDS, /* [COMMAND] */
	COMPLETE_NAMES,    /* one of args: "bash|zsh|fish" */
};
enum completion_kind completion_first(const struct command *command);
/* Is what follows the first of them files, too? */
bool completion_more_files(const struct command *command);

/*
 * What the argument of an option of a command may be: a comma list; NULL: anything. `room` keeps it
 * where it has to be put together.
 */
#define COMPLETION_ROOM 128
const char *completion_values(const struct command *command, const struct option *option,
                              char room[COMPLETION_ROOM]);
/* Is that the same for every command? */
bool completion_is_fixed(const struct option *option);

/* A list that has commas or bars, with blanks between its names. */
void completion_words(struct out *out, const char *list);
/* Text between single quotes that are there; each of `escaped` behind a backslash. */
void completion_quoted(struct out *out, const char *text, const char *escaped);

#endif
