#include "analyzer/command/command.h"
#include "analyzer/report/csv.h"
#include "analyzer/leak/group.h"
#include "analyzer/leak/trait.h"
#include "analyzer/site/site.h"
#include "analyzer/leak/sort.h"
#include "analyzer/report/text_report.h"
#include "analyzer/report/verdict.h"

static void add_groups(struct report *r, const struct options *opt, struct analysis *a)
{
	unsigned classes = opt->reaches;

	if (!classes) /* where nothing may be called definite, what it would be is possible */
		classes = 1u << (r->leaks.withheld ? REACH_POSSIBLE : REACH_DEFINITE);
	if (!opt->reaches && opt->format == FORMAT_FOLDED) /* it has no column for what they hold */
		classes |= 1u << REACH_INDIRECT;
	report_add_groups(r, a, opt->group_by, classes);
	if (opt->format == FORMAT_JSON) /* only it has the sizes of all that is in use */
		report_add_sizes(r, a);
}

static void build(struct report *r, const struct options *opt, struct analysis *a)
{
	/* these tell how many there are beyond those that they list */
	bool text = opt->format == FORMAT_TEXT || opt->format == FORMAT_HTML;
	bool all = text || opt->format == FORMAT_PROM;

	report_start(r, a);
	report_add_completeness(r, a);
	report_add_memory(r, a);
	report_add_leaks(r, a);
	report_add_inside(r, a, true);
	add_groups(r, opt, a);
	report_add_damage(r, a);
	report_finish(r);
	report_add_sites(r, a);
	report_add_traits(r, a);
	command_select(opt, r);
	verdict_find(r);
	if (text || opt->sort || opt->has_limit)
		sort_findings(r,
		              opt->sort ? opt->sort
		              : text    ? "retained"
		                        : "bytes",
		              all ? 0 : opt->limit);
	command_limits(opt, r);
}

static int run(const struct options *opt, struct out *out)
{
	struct analysis a;
	struct report r;
	int code;

	if (!command_open(opt, &a))
		return EXIT_INPUT;
	a.marks = true;
	build(&r, opt, &a);
	if (!command_render(opt, &r, ROWS_FINDINGS, csv_findings, out))
		text_leaks(&r, opt, out);
	code = command_end(opt, &r, opt->format == FORMAT_TEXT || opt->format == FORMAT_HTML);
	report_free(&r);
	analysis_close(&a);
	return code;
}

const struct command cmd_leaks = {
	.name = "leaks",
	.args = "CORE",
	.one_line = "leaked blocks, grouped by type, size and what hangs on them",
	.help = "A line stands for all leaked blocks of one type and usable size that no other\n"
		"leaked block holds (definite), and on which the same kinds of blocks hang "
		"(WHAT).\n"
		"What hangs on them alone (indirect) is counted under HOLD: freeing the blocks of "
		"a\n"
		"line, and what they hold, would give back both. What hangs on others as well is\n"
		"counted under SHARE.\n"
		"\n"
		"Sort keys: retained (bytes with what is held; the default of text), bytes (the\n"
		"default of json, jsonl and csv), blocks, size.\n"
		"\n"
		"  coreheap leaks core --reach possible      blocks reached only by interior "
		"pointers\n"
		"  coreheap leaks core --fail-on 'leaked>0'  for scripts: exit 1 if anything "
		"leaked\n"
		"  coreheap leaks core --format folded | flamegraph.pl >leaks.svg\n"
		"\n"
		"folded has all that leaked, by the stacks that libcoreheap_sites.so kept, or else "
		"by\n"
		"module, function and type of the likely site; the numbers are bytes.\n",
	.formats = AS_TEXT | AS_JSON | AS_JSONL | AS_CSV | AS_PROM | AS_FOLDED | AS_HTML,
	.takes = TAKES_CORE | TAKES_FILES | TAKES_FAIL_ON | TAKES_LIMIT | TAKES_SORT |
	         TAKES_MIN_BYTES | TAKES_REACH | TAKES_GROUP_BY | TAKES_TYPE | TAKES_SUPPRESS,
	.sorts = SORT_KEYS,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
