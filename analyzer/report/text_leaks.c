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

void text_totals_table(const struct report *r, struct table *t)
{
	const struct report_leaks *l = &r->leaks;

	table_column(t, "VERDICT", false);
	table_column(t, "BLOCKS", true);
	table_column(t, "BYTES", true);
	table_column(t, "", false);
	total(t, "definite", l->definite, "unreachable, and held by no other leaked block");
	total(t, "indirect", l->indirect, "unreachable, held by another leaked block");
	total(t, "possible", l->possible,
	      l->withheld ? "reached only by pointers into their middle, or unreachable in what is "
	                    "there"
	                  : "reached only by pointers into their middle");
	if (l->structural.blocks != ABSENT && l->structural.blocks)
		total(t, "  of these", l->structural,
		      "kept so on purpose: a member, a header, an array's count lies in front");
	total(t, "reachable", l->reachable, "still in use");
}

const char *text_allocated(const struct report_finding *f, struct pool *pool)
{
	const char *text = pool_printf(pool, "%s in %s from stack", text_bytes_in(pool, f->bytes),
	                               text_plural(pool, f->blocks, "allocation", "allocations"));

	if (f->estimated.bytes == ABSENT)
		return text;
	return pool_printf(pool, "%s, a sample of about %s in %s", text,
	                   text_bytes_in(pool, f->estimated.bytes),
	                   text_plural(pool, f->estimated.blocks, "allocation", "allocations"));
}

/* Who allocated what was listed. */
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
		out_printf(out, "\n  %s:\n", text_allocated(f, &pool));
		text_frames(f->frame, f->nframes, 4, out);
	}
	pool_free(&pool);
}

void text_leaks(const struct report *r, const struct options *opt, struct out *out)
{
	uint64_t lines = opt->has_limit ? opt->limit : DEFAULT_LINES;
	struct table t = { .indent = 2 };
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
	text_totals_table(r, &t);
	table_print(&t, out);
	out_char(out, '\n');
	groups = text_findings(r, lines, out);
	if (groups == 0)
		out_str(out, "  (no group of blocks to list)\n");
	text_more(groups, lines, "; -n 0 lists all", out);
	stacks(r, lines, out);
}
