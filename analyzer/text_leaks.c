/* Leaked blocks in groups, and the totals by verdict. */
#include "analyzer/text.h"
#include "analyzer/text_report.h"

#define DEFAULT_LINES 20

static void total(struct table *t, const char *verdict, struct tally n, const char *meaning)
{
	table_cell(t, "%s", verdict);
	table_count(t, n.blocks);
	table_bytes(t, n.bytes);
	table_cell(t, "%s", meaning);
}

static void totals(const struct report *r, struct out *out)
{
	const struct report_leaks *l = &r->leaks;
	struct table t = { .indent = 2 };

	table_column(&t, "VERDICT", false);
	table_column(&t, "BLOCKS", true);
	table_column(&t, "BYTES", true);
	table_column(&t, "", false);
	total(&t, "definite", l->definite, "unreachable, and held by no other leaked block");
	total(&t, "indirect", l->indirect, "unreachable, held by another leaked block");
	total(&t, "possible", l->possible,
	      l->withheld ? "reached only by pointers into their middle, or unreachable in what is "
	                    "there"
	                  : "reached only by pointers into their middle");
	total(&t, "reachable", l->reachable, "still in use");
	table_print(&t, out);
}

void text_leaks(const struct report *r, const struct options *opt, struct out *out)
{
	uint64_t lines = opt->has_limit ? opt->limit : DEFAULT_LINES;
	size_t groups;

	text_verdict(r, out);
	out_char(out, '\n');
	text_process(r, out);
	if (r->input.warnings.n) {
		out_char(out, '\n');
		text_warnings(r, out);
	}
	if (r->memory.in_use == ABSENT)
		return;
	out_char(out, '\n');
	totals(r, out);
	out_char(out, '\n');
	groups = text_findings(r, lines, out);
	if (groups == 0)
		out_str(out, "  (no group of blocks to list)\n");
	text_more(groups, lines, "; -n 0 lists all", out);
}
