#include "analyzer/command.h"
#include "analyzer/diff.h"

static bool open_all(const struct options *opt, struct snapshot *snapshot)
{
	struct err err;

	command_begin(opt);
	for (size_t i = 0; i < opt->nargs; i++) {
		if (snapshot_open(opt->arg[i], &opt->where, opt->threads, &snapshot[i], &err))
			continue;
		command_say("%s", err.msg);
		return false;
	}
	return true;
}

static void render(const struct diff *d, const struct options *opt, struct out *out)
{
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

static int run(const struct options *opt, struct out *out)
{
	struct snapshot *snapshot = mem_alloc(opt->nargs, sizeof(*snapshot));
	struct diff_want want = { opt->times, opt->interval, opt->limit_bytes };
	int code = EXIT_INPUT;
	struct diff d;
	struct err err;

	if (open_all(opt, snapshot)) {
		if (diff_make(snapshot, opt->nargs, &want, &d, &err)) {
			command_limits(opt, &snapshot[opt->nargs - 1].report);
			render(&d, opt, out);
			code = finish(&d, opt);
			diff_free(&d);
		} else {
			command_say("%s", err.msg);
			code = EXIT_USAGE;
		}
	}
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
		"  coreheap diff old.json new.json --fail-on 'growth>100M/h'\n",
	.formats = AS_TEXT | AS_JSON | AS_JSONL | AS_CSV,
	.takes = TAKES_CORE | TAKES_FILES | TAKES_FAIL_ON | TAKES_LIMIT | TAKES_TIMES,
	.min_args = 2,
	.max_args = 64,
	.run = run,
};
