/* Frames of a thread or of an allocation as text, one a line. */
#include "analyzer/report/text_report.h"

static void frame(const struct report_frame *f, size_t number, unsigned indent, struct out *out)
{
	out_printf(out, "%*s#%-3zu 0x%016llx  ", (int)indent, "", number,
	           (unsigned long long)f->pc);
	if (f->function)
		out_untrusted(out, f->function);
	else
		out_str(out, "??");
	if (f->offset != ABSENT)
		out_printf(out, "+0x%llx", (unsigned long long)f->offset);
	if (f->file) {
		out_str(out, " (");
		out_untrusted(out, base_name(f->file));
		out_printf(out, ":%llu)", (unsigned long long)f->line);
	}
	if (f->module) {
		out_str(out, " in ");
		out_untrusted(out, base_name(f->module));
		if (!f->function)
			out_printf(out, "+0x%llx", (unsigned long long)f->module_offset);
	}
	out_char(out, '\n');
}

void text_frames(const struct report_frame *v, size_t n, unsigned indent, struct out *out)
{
	for (size_t i = 0; i < n; i++)
		frame(&v[i], i, indent, out);
}
