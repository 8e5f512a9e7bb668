#include "analyzer/command/command.h"
#include "analyzer/leak/group.h"
#include "analyzer/leak/trait.h"
#include "analyzer/diff/holder.h"
#include "analyzer/diff/profile.h"
#include "analyzer/site/site.h"
#include "analyzer/leak/sort.h"
#include "analyzer/reach/effort.h"
#include "analyzer/report/text_report.h"
#include "analyzer/report/verdict.h"

/* What is leaked; what may be, where nothing is, or where a few words keep more than that. */
static unsigned suspect_classes(const struct report *r)
{
	const struct report_leaks *l = &r->leaks;

	if (!l->definite.blocks)
		return 1u << REACH_POSSIBLE;
	if (l->weak_words == ABSENT || !l->weak_words ||
	    l->possible.bytes - l->structural.bytes <= l->definite.bytes + l->indirect.bytes)
		return 1u << REACH_DEFINITE;
	return 1u << REACH_DEFINITE | 1u << REACH_POSSIBLE;
}

static void build(struct report *r, const struct options *opt, struct analysis *a)
{
	report_start(r, a);
	report_add_completeness(r, a);
	report_add_memory(r, a);
	report_add_leaks(r, a);
	if (opt->profile) { /* a profile has the types of all */
		a->typed = 0;
		analysis_types(a);
	}
	report_add_inside(r, a, true);
	/* types of what is not leaked take a look at all memory: a summary has to be quick */
	if (!a->types && !effort_is_small(a)) {
		a->typed = 1u << REACH_DEFINITE | 1u << REACH_INDIRECT;
		analysis_types(a);
	}
	report_add_groups(r, a, GROUP_BY_ALL, suspect_classes(r));
	report_add_sizes(r, a);
	report_add_keepers(r, a, opt->retained);
	report_add_damage(r, a);
	report_finish(r);
	report_add_sites(r, a);
	report_add_traits(r, a);
	command_select(opt, r);
	if (opt->format == FORMAT_JSON)
		report_add_modules(r, a);
	if (opt->profile) {
		report_add_profile(r, a, false);
		holders_keep(r, a);
	}
	if (opt->format != FORMAT_JSON)
		sort_findings(r, "retained", 0);
	verdict_find(r);
	command_limits(opt, r);
}

static int run(const struct options *opt, struct out *out)
{
	struct analysis a;
	struct report r;
	int code;

	if (opt->profile && opt->format != FORMAT_JSON) {
		command_say("--profile is a part of the JSON report: add --json");
		return EXIT_USAGE;
	}
	if (!command_open(opt, &a))
		return EXIT_INPUT;
	a.marks = true;
	build(&r, opt, &a);
	if (!command_render(opt, &r, ROWS_FINDINGS, NULL, out))
		text_summary(&r, opt, out);
	code = command_end(opt, &r, opt->format == FORMAT_TEXT || opt->format == FORMAT_HTML);
	report_free(&r);
	analysis_close(&a);
	return code;
}

const struct command cmd_summary = {
	.name = "summary",
	.args = "CORE",
	.one_line = "one screen: where the memory went, a verdict, the top suspects, what to run "
		    "next",
	.help = "`coreheap CORE` does the same.\n"
		"\n"
		"A block is leaked when nothing that the process could still use points to it: no\n"
		"register, no live thread's stack, no global, no block that is itself still in "
		"use.\n"
		"Sizes are usable sizes, as malloc_usable_size returns them.\n",
	.formats = AS_TEXT | AS_JSON | AS_PROM | AS_HTML,
	.takes = TAKES_CORE | TAKES_FILES | TAKES_FAIL_ON | TAKES_SUPPRESS | TAKES_PROFILE |
	         TAKES_RETAINED,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
