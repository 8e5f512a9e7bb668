#include "analyzer/report/csv.h"

void csv_text(struct out *out, const char *s)
{
	if (s)
		out_csv(out, s);
	out_char(out, ',');
}

void csv_number(struct out *out, uint64_t n)
{
	if (n != ABSENT)
		out_u64(out, n);
	out_char(out, ',');
}

void csv_findings(const struct report *report, struct out *out)
{
	out_str(out, "kind,fingerprint,reach,blocks,bytes,retained_bytes,size,type,site,example\n");
	for (size_t i = 0; i < report->findings.n && !out_failed(out); i++) {
		const struct report_finding *f = &report->findings.v[i];

		csv_text(out, f->kind);
		csv_text(out, f->fingerprint);
		csv_text(out, f->reach);
		csv_number(out, f->blocks);
		csv_number(out, f->bytes);
		csv_number(out, f->retained_bytes);
		csv_number(out, f->size);
		csv_text(out, f->type);
		csv_text(out, f->site_name);
		if (f->example)
			out_addr(out, f->example);
		out_char(out, '\n');
	}
}
