/*
 * options: the command line as data. It knows every option's name, its argument's form and which
 * commands take it (by the command's table entry); it runs nothing and prints nothing.
 */
#ifndef ANALYZER_COMMAND_OPTIONS_H
#define ANALYZER_COMMAND_OPTIONS_H

#include "analyzer/command/condition.h"
#include "analyzer/leak/group.h"
#include "analyzer/command/out.h"
#include "analyzer/leak/suppress.h"
#include "formats/module.h"

#include <regex.h>

struct command;

/* What became of a block of the newest snapshot. */
enum fate {
	FATE_SURVIVED,
	FATE_REPLACED, /* at its address was another one of its size */
	FATE_BORN,
	FATE_COHORT,    /* of the survived: it was new in the snapshot before the last */
	FATE_UNCERTAIN, /* survived or replaced */
	FATES
};

enum format {
	FORMAT_TEXT,
	FORMAT_JSON,
	FORMAT_JSONL,
	FORMAT_CSV,
	FORMAT_PROM,
	FORMAT_FOLDED,
	FORMAT_HTML,
	FORMATS
};

/* Bits for struct command's formats. */
enum {
	AS_TEXT = 1 << FORMAT_TEXT,
	AS_JSON = 1 << FORMAT_JSON,
	AS_JSONL = 1 << FORMAT_JSONL,
	AS_CSV = 1 << FORMAT_CSV,
	AS_PROM = 1 << FORMAT_PROM,
	AS_FOLDED = 1 << FORMAT_FOLDED,
	AS_HTML = 1 << FORMAT_HTML,
};

/* Bits for struct command's takes: the options that not every command has. */
enum {
	TAKES_LIMIT = 1 << 0,     /* -n, --limit N */
	TAKES_SORT = 1 << 1,      /* --sort KEY, one of the command's sorts */
	TAKES_MIN_BYTES = 1 << 2, /* --min-bytes N */
	TAKES_STATE = 1 << 3,     /* --state S[,S] */
	TAKES_REACH = 1 << 4,     /* --reach R[,R] */
	TAKES_SIZE = 1 << 5,      /* --size N */
	TAKES_GROUP_BY = 1 << 6,  /* --group-by KEY */
	TAKES_FILES = 1 << 7,     /* --sysroot, --exe, --debug-dir, --debuginfod */
	TAKES_FAIL_ON = 1 << 8,   /* --fail-on EXPR */
	TAKES_CONTENT = 1 << 9,   /* --show-content[=BYTES] */
	TAKES_CORE = 1 << 10,     /* a core: --strict, --threads, --max-memory, --no-sandbox */
	TAKES_PROFILE = 1 << 11,  /* --profile */
	TAKES_TIMES = 1 << 12,    /* --times, --interval, --limit-bytes */
	TAKES_TYPE = 1 << 16,     /* --type RE, --site RE */
	TAKES_SUPPRESS = 1 << 17, /* --suppress FILE */
	TAKES_RETAINED = 1 << 18, /* --retained */
};

struct options {
	const char *program; /* how it was called, for the commands that it tells to run next */
	const struct command *command;
	enum format format;
	const char *output; /* -o; NULL: standard output */
	bool has_limit;
	uint64_t limit;     /* rows; meaningful if has_limit; 0: all */
	const char *sort;   /* one of the command's sorts; NULL: the first of them */
	uint64_t min_bytes; /* 0: no bound */
	unsigned states;    /* bits by enum block_state; 0: all */
	unsigned reaches;   /* bits by enum reach_class; 0: the command's default */
	bool has_size;
	uint64_t size; /* usable bytes, exactly */
	enum group_by group_by;
	bool by_site;       /* groups of one site are one */
	regex_t type, site; /* meaningful if has_type, has_site */
	bool has_type, has_site;
	struct suppressions suppressions;
	bool has_suppressions;
	struct module_options where;
	struct condition fail_on; /* left == CONDITION_NONE: not given */
	uint64_t show_content;    /* bytes of each block to show; 0: none */
	bool profile;             /* with JSON: the part that `diff` needs, too */
	bool retained;            /* what blocks retain, however many there are */
	const char *times;        /* a comma list of when snapshots were taken; NULL: not given */
	int64_t interval;         /* ns between snapshots; 0: not given */
	unsigned fates;           /* of diff: blocks to list, bits by enum fate; 0: no list */
	uint64_t limit_bytes;     /* that the process must stay below; 0: not given */
	unsigned threads;         /* 0: as many as there are processors */
	uint64_t max_memory;      /* bytes; 0: no bound */
	uint64_t max_unpacked;    /* bytes of a core that comes compressed or through a pipe; 0:
	                             formats/store.h's own bound */
	enum color color;
	bool strict, quiet, verbose, no_sandbox;
	const char *const *arg; /* what is no option: arg[0] is CORE, for explain then ADDR... */
	size_t nargs;
};

/*
 * Reads argv[1..argc). The command is found by name in commands[] (NULL entries are skipped); a
 * first word that names no command but a file, or that looks like a path, means `summary`. False:
 * the message says what was wrong and the remedy (exit 2). *opt points into argv and into `storage`
 * (argc entries), which must outlive it.
 */
bool options_parse(int argc, char *const *argv, const struct command *const *commands,
                   size_t ncommands, const char **storage, struct options *opt, struct err *err);

void options_free(struct options *opt); /* what options_parse set */

/* "10M", "1.5GiB", "4096", "0x1000": bytes; suffixes K M G T, with or without iB/B, of 1024. */
bool options_bytes(const char *text, uint64_t *bytes);

const char *format_name(enum format format);

/* The candidate nearest to word by edits, or by how it begins, if near enough to be meant; or NULL.
 */
const char *options_nearest(const char *word, const char *const *candidates, size_t n);

#endif
