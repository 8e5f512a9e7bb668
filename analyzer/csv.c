#include "analyzer/csv.h"

static void text_field(struct out *out, const char *s)
{
	if (s)
		out_csv(out, s);
	out_char(out, ',');
}

static void number_field(struct out *out, uint64_t n)
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

		text_field(out, f->kind);
		text_field(out, f->fingerprint);
		text_field(out, f->reach);
		number_field(out, f->blocks);
		number_field(out, f->bytes);
		number_field(out, f->retained_bytes);
		number_field(out, f->size);
		text_field(out, f->type);
		text_field(out, f->site_method ? f->site_text : NULL);
		if (f->example)
			out_addr(out, f->example);
		out_char(out, '\n');
	}
}
