/* Leaked blocks in groups, and the totals by verdict. */
#include "analyzer/report/text.h"
#include "analyzer/report/text_report.h"

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
	if (l->structural.blocks != ABSENT && l->structural.blocks)
		total(&t, "  of these", l->structural,
		      "kept so on purpose: a member, a header, an array's count lies in front");
	total(&t, "reachable", l->reachable, "still in use");
	table_print(&t, out);
}

/* Who allocated what was listed, in the manner of bcc's memleak. */
static void stacks(const struct report *r, uint64_t lines, struct out *out)
{
	struct pool pool = { 0 };
	uint64_t n = 0;

	for (size_t i = 0; i < r->findings.n && (!lines || n < lines); i++) {
		const struct report_finding *f = &r->findings.v[i];

		if (!f->reach)
			continue;
		n++;
		if (!f->nframes)
			continue;
		out_printf(out, "\n  %s in ", text_bytes_in(&pool, f->bytes));
		out_printf(out, "%s from stack",
		           text_plural(&pool, f->blocks, "allocation", "allocations"));
		if (f->estimated.blocks != ABSENT)
			out_printf(out, ", a sample of about %s in %s",
			           text_bytes_in(&pool, f->estimated.bytes),
			           text_plural(&pool, f->estimated.blocks, "allocation",
			                       "allocations"));
		out_str(out, ":\n");
		text_frames(f->frame, f->nframes, 4, out);
	}
	pool_free(&pool);
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
	stacks(r, lines, out);
}
