#include "analyzer/command/command.h"
#include "analyzer/report/text_report.h"

static int run(const struct options *opt, struct out *out)
{
	struct analysis a;
	struct report r;
	int code;

	if (!command_open(opt, &a))
		return EXIT_INPUT;
	a.thorough = true;
	report_start(&r, &a);
	report_add_completeness(&r, &a);
	report_add_damage(&r, &a);
	report_add_modules(&r, &a);
	report_finish(&r);
	command_limits(opt, &r);
	if (opt->format == FORMAT_JSON)
		json_report(&r, out);
	else
		text_check(&r, opt, out);
	code = command_end(opt, &r, opt->format == FORMAT_TEXT);
	report_free(&r);
	analysis_close(&a);
	return code;
}

const struct command cmd_check = {
	.name = "check",
	.args = "CORE",
	.one_line = "is the core whole and usable? heap damage, missing roots, missing files",
	.help = "Compares what the core's headers promise with what the file has, the heap with\n"
		"malloc's own sums, and the process's files with those on this host (by "
		"build-id).\n"
		"Ends with 0 whatever it finds; with --strict, 4 where part could not be read.\n",
	.formats = AS_TEXT | AS_JSON,
	.takes = TAKES_CORE | TAKES_FILES,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
