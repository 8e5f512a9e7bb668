#include "analyzer/command/command.h"
#include "analyzer/diff/diff.h"

static bool open_all(const struct options *opt, struct snapshot *snapshot)
{
	struct err err;

	command_begin(opt);
	for (size_t i = 0; i < opt->nargs; i++) {
		if (snapshot_open(opt->arg[i], &opt->where, &snapshot[i], &err))
			continue;
		command_say("%s", err.msg);
		return false;
	}
	snapshots_analyze(snapshot, opt->nargs, opt->threads, opt->fates != 0);
	return true;
}

static void render(const struct diff *d, const struct options *opt, struct out *out)
{
	if (opt->fates) {
		diff_list(d, opt, out);
		return;
	}
	switch (opt->format) {
	case FORMAT_JSON:
		diff_json(d, opt, out);
		break;
	case FORMAT_JSONL:
		diff_jsonl(d, opt, out);
		break;
	case FORMAT_CSV:
		diff_csv(d, opt, out);
		break;
	default:
		diff_text(d, opt, out);
		break;
	}
}

/* Growth is of the whole comparison; any other quantity is that of the newest snapshot. */
static int growth_code(const struct diff *d, const struct options *opt)
{
	const char *why;
	uint64_t value;

	if (diff_quantity(d, &opt->fail_on, &value, &why))
		return condition_holds(&opt->fail_on, value) ? EXIT_MATCHED : EXIT_ANALYSED;
	command_say("--fail-on %s cannot be decided: %s", opt->fail_on.text, why);
	return EXIT_ANALYSED;
}

static int finish(const struct diff *d, const struct options *opt)
{
	struct options plain = *opt;
	int code = EXIT_ANALYSED;
	bool partial = false;

	if (condition_is_growth(&opt->fail_on)) {
		code = growth_code(d, opt);
		plain.fail_on.left = CONDITION_NONE;
	}
	for (size_t i = 0; i < d->n; i++) {
		bool newest = i + 1 == d->n;
		struct options each = plain;

		if (!newest)
			each.fail_on.left = CONDITION_NONE;
		each.strict = false;
		partial = partial || d->snapshot[i].report.partial;
		if (command_end(&each, &d->snapshot[i].report, false) == EXIT_MATCHED)
			code = EXIT_MATCHED;
	}
	return code == EXIT_ANALYSED && opt->strict && partial ? EXIT_PARTIAL : code;
}

/* What options do not say of each other. NULL: all is well. */
static const char *misfit(const struct options *opt)
{
	if (opt->fates && opt->format == FORMAT_JSON)
		return "--list has the formats text, jsonl and csv";
	if (!opt->fates && (opt->has_size || opt->reaches))
		return "--size and --reach choose among the blocks that --list lists: add it";
	return NULL;
}

static int compare(const struct options *opt, struct snapshot *snapshot, struct out *out)
{
	struct diff_want want = { opt->times, opt->interval, opt->limit_bytes };
	struct diff d;
	struct err err;
	int code;

	if (!diff_make(snapshot, opt->nargs, &want, &d, &err)) {
		command_say("%s", err.msg);
		return EXIT_USAGE;
	}
	if (opt->fates && d.unmatched) {
		command_say("--list: what became of the blocks is not known: %s", d.unmatched);
		code = EXIT_INPUT;
	} else {
		command_limits(opt, &snapshot[opt->nargs - 1].report);
		render(&d, opt, out);
		code = finish(&d, opt);
	}
	diff_free(&d);
	return code;
}

static int run(const struct options *opt, struct out *out)
{
	struct snapshot *snapshot;
	int code = EXIT_INPUT;

	if (misfit(opt)) {
		command_say("%s", misfit(opt));
		return EXIT_USAGE;
	}
	snapshot = mem_alloc(opt->nargs, sizeof(*snapshot));
	if (open_all(opt, snapshot))
		code = compare(opt, snapshot, out);
	for (size_t i = 0; i < opt->nargs; i++)
		snapshot_close(&snapshot[i]);
	mem_free(snapshot);
	return code;
}

const struct command cmd_diff = {
	.name = "diff",
	.args = "OLD NEW [NEWER...]",
	.one_line = "growth between snapshots: cores or saved reports, the oldest first",
	.help = "Each argument is a core, or what `coreheap summary CORE --json --profile -o "
		"FILE`\n"
		"saved: the finer part that --profile adds tells what became of the blocks once\n"
		"the core is gone; without it totals and groups are compared.\n"
		"\n"
		"Snapshots of one process are known by random bytes that the kernel gave it. Any\n"
		"others are compared by fingerprints and totals only.\n"
		"\n"
		"Three snapshots tell more than two: a cache that fills levels off, a leak does\n"
		"not.\n"
		"\n"
		"  coreheap diff core.1 core.2 core.3 --interval 10m\n"
		"  coreheap diff old.json new.json --fail-on 'growth>100M/h'\n"
		"\n"
		"With --list the newest snapshot's blocks are listed by what became of them "
	        "(--size\n"
		"and --reach choose among them): survived, replaced, born; cohort are those that\n"
		"were new in the snapshot before and are still there.\n"
		"\n"
		"  coreheap diff core.1 core.2 core.3 --list cohort --size 72\n",
	.formats = AS_TEXT | AS_JSON | AS_JSONL | AS_CSV,
	.takes = TAKES_CORE | TAKES_FILES | TAKES_FAIL_ON | TAKES_LIMIT | TAKES_TIMES | TAKES_SIZE |
	         TAKES_REACH,
	.min_args = 2,
	.max_args = 64,
	.run = run,
};
