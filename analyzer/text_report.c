/* Parts that several texts share: who died, the verdict, what could not be read, groups of leaks. */
#include "analyzer/text_report.h"
#include "analyzer/process.h"
#include "analyzer/text.h"

static const char *ending(struct pool *pool, const struct report *r)
{
	const char *name = process_signal_name(r->process.signal);

	if (name)
		return pool_printf(pool, ", %s", name);
	if (r->process.signal > 0)
		return pool_printf(pool, ", signal %d", r->process.signal);
	return !strcmp(r->input.kind, "gcore") ? ", snapshot of a living process" : "";
}

static const char *allocator(struct pool *pool, const struct report *r)
{
	const struct report_process *p = &r->process;

	if (p->allocator)
		return pool_printf(pool, ", %s", p->allocator);
	if (p->libc_version)
		return pool_printf(pool, ", glibc %s", p->libc_version);
	if (p->layout_versions)
		return pool_printf(pool, ", glibc of %s", p->layout_versions);
	return "";
}

void text_process(const struct report *r, struct out *out)
{
	struct pool pool = { 0 };
	const char *slash = strrchr(r->input.path, '/');

	out_style(out, STYLE_BOLD);
	out_untrusted(out, r->process.comm ? r->process.comm : "a process without a name");
	out_plain(out);
	if (r->process.pid != ABSENT)
		out_printf(out, " (pid %llu)", (unsigned long long)r->process.pid);
	out_printf(out, "%s, %s", ending(&pool, r),
	           text_plural(&pool, r->process.threads, "thread", "threads"));
	out_untrusted(out, allocator(&pool, r));
	if (r->process.timestamp)
		out_printf(out, ", %s", r->process.timestamp);
	out_str(out, "; ");
	out_untrusted(out, slash ? slash + 1 : r->input.path);
	out_printf(out, ": %s, %s\n", strcmp(r->input.kind, "gcore") ? "kernel core" : "gcore snapshot",
	           text_bytes_in(&pool, r->input.bytes));
	pool_free(&pool);
}

void text_verdict(const struct report *r, struct out *out)
{
	static const struct {
		const char *code, *word;
		enum style style;
	} words[] = {
		{ "leaks", "LEAK", STYLE_BAD },          { "possible", "POSSIBLE LEAK", STYLE_WARN },
		{ "clean", "NO LEAK", STYLE_GOOD },      { "withheld", "NO VERDICT", STYLE_WARN },
		{ "no-heap", "NO VERDICT", STYLE_WARN }, { "foreign", "NO VERDICT", STYLE_WARN },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(words[i].code, r->verdict))
			continue;
		out_style(out, words[i].style);
		out_str(out, words[i].word);
		out_plain(out);
		out_char(out, '\n');
	}
	text_wrap(out, 2, r->verdict_text);
}

void text_warnings(const struct report *r, struct out *out)
{
	for (size_t i = 0; i < r->input.warnings.n; i++)
		text_wrap(out, 2, r->input.warnings.v[i].message);
}

static void finding_row(struct table *t, const struct report_finding *f)
{
	table_bytes(t, f->bytes);
	table_count(t, f->blocks);
	table_bytes(t, f->size);
	if (f->held.blocks != ABSENT && f->held.blocks) {
		table_bytes(t, f->held.bytes);
		table_count(t, f->held.blocks);
	} else {
		table_cell(t, "%s", "");
		table_cell(t, "%s", "");
	}
	table_cell(t, "%s", f->reach);
	table_addr(t, f->example);
}

size_t text_findings(const struct report *r, uint64_t limit, struct out *out)
{
	struct table t = { .indent = 2 };
	size_t groups = 0;

	table_column(&t, "BYTES", true);
	table_column(&t, "BLOCKS", true);
	table_column(&t, "OF SIZE", true);
	table_column(&t, "HOLD BYTES", true);
	table_column(&t, "IN BLOCKS", true);
	table_column(&t, "VERDICT", false);
	table_column(&t, "EXAMPLE", false);
	for (size_t i = 0; i < r->findings.n; i++) {
		if (!r->findings.v[i].reach)
			continue;
		if (!limit || groups < limit)
			finding_row(&t, &r->findings.v[i]);
		groups++;
	}
	table_print(&t, out);
	return groups;
}
