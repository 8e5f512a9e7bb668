/* The growths as CSV: a header line, then a line each. */
#include "analyzer/report/csv.h"
#include "analyzer/diff/diff_verdict.h"
#include "analyzer/command/options.h"

#include <math.h>

size_t diff_rows(const struct diff *d, const struct options *opt, size_t usual)
{
	uint64_t n = opt->has_limit ? opt->limit : usual;

	return n && n < d->growths.n ? (size_t)n : d->growths.n;
}

static void rate_field(struct out *out, double rate)
{
	if (!isnan(rate))
		out_printf(out, "%.0f", rate);
	out_char(out, ',');
}

static void survival_fields(const struct growth *g, struct out *out)
{
	csv_number(out, g->matched && g->group ? g->kept.blocks : ABSENT);
	csv_number(out, g->matched && g->group ? g->fresh.blocks : ABSENT);
	csv_number(out, g->young.blocks ? g->young.blocks : ABSENT);
	if (g->young.blocks)
		out_u64(out, g->cohort.blocks);
	out_char(out, '\n');
}

static void row(const struct diff *d, const struct growth *g, struct out *out)
{
	const struct growth_point *first = &g->at[0], *last = &g->at[d->n - 1];
	const struct report_finding *f = g->group;

	csv_text(out, growth_finding_kind(g->kind));
	csv_text(out, growth_kind_name(g->kind));
	csv_text(out, f ? f->fingerprint : NULL);
	csv_text(out, f ? f->reach : NULL);
	csv_text(out, f ? f->type : NULL);
	csv_text(out, f ? f->site.function : NULL);
	csv_number(out, f ? f->size : ABSENT);
	csv_text(out, g->name);
	csv_text(out, g->path);
	csv_number(out, first->blocks);
	csv_number(out, last->blocks);
	csv_number(out, first->bytes);
	csv_number(out, last->bytes);
	out_printf(out, "%lld,", (long long)g->bytes);
	csv_number(out, first->retained);
	csv_number(out, last->retained);
	rate_field(out, g->per_hour);
	rate_field(out, g->last_per_hour);
	survival_fields(g, out);
}

void diff_csv(const struct diff *d, const struct options *opt, struct out *out)
{
	size_t n = diff_rows(d, opt, 0);

	out_str(out, "kind,change,fingerprint,reach,type,site,size,mapping,path,old_blocks,"
	             "new_blocks,old_bytes,new_bytes,bytes_delta,old_retained,new_retained,"
	             "bytes_per_hour,last_bytes_per_hour,survived,born,cohort_born,cohort_alive\n");
	for (size_t i = 0; i < n && !out_failed(out); i++)
		row(d, &d->growths.v[i], out);
}
