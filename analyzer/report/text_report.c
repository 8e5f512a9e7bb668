/*
 * Parts that several texts share: who died, the verdict, what could not be read, groups of leaks.
 */
#include "analyzer/report/text_report.h"
#include "analyzer/process/process.h"
#include "analyzer/report/text.h"

#define WHAT_MOST 200 /* bytes of what a finding is that a line has */

static const char *ending(struct pool *pool, const struct report *r)
{
	const char *name = process_signal_name(r->process.signal);

	if (!strcmp(r->input.kind, "gcore")) /* its signal is how gdb stopped it */
		return ", snapshot of a living process";
	if (name)
		return pool_printf(pool, ", %s", name);
	if (r->process.signal > 0)
		return pool_printf(pool, ", signal %d", r->process.signal);
	return "";
}

/* "glibc 2.36", "jemalloc", "glibc 2.36 and V8" */
static const char *allocator(struct pool *pool, const struct report *r)
{
	const struct report_process *p = &r->process;
	const char *text = p->libc_version ? pool_printf(pool, ", glibc %s", p->libc_version)
	                   : p->layout_versions
	                           ? pool_printf(pool, ", glibc of %s", p->layout_versions)
	                           : "";

	if (p->allocator)
		return pool_printf(pool, ", %s", p->allocator);
	for (size_t i = 0; i < p->allocators.n; i++) {
		const struct report_allocator *a = &p->allocators.v[i];

		if (!strcmp(a->role, "beside"))
			text = pool_printf(pool, "%s%s%s", text, *text ? " and " : ", ", a->name);
	}
	return text;
}

const char *text_compression(struct pool *pool, const struct report *r)
{
	if (!strcmp(r->input.compression, "none"))
		return "";
	return pool_printf(pool, " (%s: %s)", r->input.compression,
	                   text_bytes_in(pool, r->input.bytes));
}

const char *text_process_rest(const struct report *r, struct pool *pool)
{
	const char *path = r->input.path, *text = "";

	if (r->process.pid != ABSENT)
		text = pool_printf(pool, " (pid %llu)", (unsigned long long)r->process.pid);
	text = pool_printf(pool, "%s%s, %s%s", text, ending(pool, r),
	                   text_plural(pool, r->process.threads, "thread", "threads"),
	                   allocator(pool, r));
	if (r->process.timestamp)
		text = pool_printf(pool, "%s, %s", text, r->process.timestamp);
	return pool_printf(pool, "%s; %s: %s, %s%s", text,
	                   strcmp(path, "-") ? base_name(path) : "standard input", r->input.writer,
	                   text_bytes_in(pool, r->input.unpacked), text_compression(pool, r));
}

const char *text_process_name(const struct report *r)
{
	return r->process.comm ? r->process.comm : "a process without a name";
}

void text_process(const struct report *r, struct out *out)
{
	struct pool pool = { 0 };

	out_style(out, STYLE_BOLD);
	out_untrusted(out, text_process_name(r));
	out_plain(out);
	out_untrusted(out, text_process_rest(r, &pool));
	out_char(out, '\n');
	pool_free(&pool);
}

/* The first sentence is the verdict and stands out; the rest explains it. */
void text_verdict(const struct report *r, struct out *out)
{
	static const struct {
		const char *code;
		enum style style;
	} styles[] = {
		{ "leaks", STYLE_BAD },
		{ "clean", STYLE_GOOD },
	};
	enum style style = STYLE_WARN;
	const char *stop = strstr(r->verdict_text, ". ");
	size_t first = stop ? (size_t)(stop - r->verdict_text) + 1 : strlen(r->verdict_text);
	struct pool pool = { 0 };

	for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++) {
		if (!strcmp(styles[i].code, r->verdict))
			style = styles[i].style;
	}
	out_style(out, style);
	text_wrap(out, 0, pool_strndup(&pool, r->verdict_text, first));
	out_plain(out);
	if (stop)
		text_wrap(out, 0, stop + 2);
	pool_free(&pool);
}

/* The first line as it is, what follows it indented. */
void text_warnings(const struct report *r, struct out *out)
{
	for (size_t i = 0; i < r->input.warnings.n; i++) {
		const char *message = r->input.warnings.v[i].message;
		unsigned indent = 2;

		for (struct pool pool = { 0 }; *message; pool_free(&pool)) {
			size_t n = strcspn(message, "\n");

			text_wrap(out, indent, pool_strndup(&pool, message, n));
			message += n + (message[n] == '\n');
			indent = 4;
		}
	}
}

/* Which columns say anything in this table. */
struct columns {
	bool held, shared, verdict, interior, what, site;
};

static struct columns columns_of(const struct report *r)
{
	struct columns columns = { 0 };
	const char *reach = NULL;

	for (size_t i = 0; i < r->findings.n; i++) {
		const struct report_finding *f = &r->findings.v[i];

		if (!f->reach)
			continue;
		columns.held |= f->held.blocks != ABSENT && f->held.blocks > 0;
		columns.verdict |= reach && strcmp(reach, f->reach);
		columns.shared |= f->shared.blocks != ABSENT && f->shared.blocks > 0;
		columns.interior |= f->interior != NULL;
		columns.what |= f->signature && *f->signature != '{';
		columns.what |= f->signature && strstr(f->signature, " -> ");
		columns.what |= f->site.function != NULL;
		columns.site |= f->site_text != NULL;
		reach = f->reach;
	}
	return columns;
}

/* Two cells: of blocks and bytes; dashes where there are none. */
static void tally_cells(struct table *t, struct tally n)
{
	if (n.blocks != ABSENT && n.blocks) {
		table_count(t, n.blocks);
		table_bytes(t, n.bytes);
	} else {
		table_cell(t, n.blocks == ABSENT ? "?" : "-");
		table_cell(t, n.blocks == ABSENT ? "?" : "-");
	}
}

/* What only such blocks hold is not worked out: among them all are told of by themselves. */
static bool is_possible(const struct report_finding *f)
{
	return f->reach && !strcmp(f->reach, "possible");
}

static void finding_row(struct table *t, const struct report_finding *f, struct columns columns)
{
	const struct tally none = { 0 };
	char buf[TEXT_NUMBER];

	if (f->size == ABSENT)
		table_cell(t, "varies");
	else
		table_cell(t, "%s B", text_count(buf, f->size)); /* exact: for --size */
	table_count(t, f->blocks);
	table_bytes(t, f->bytes);
	if (columns.held)
		tally_cells(t, is_possible(f) ? none : f->held);
	if (columns.shared)
		tally_cells(t, is_possible(f) ? none : f->shared);
	if (columns.verdict)
		table_cell(t, "%s", f->reach);
	if (columns.interior)
		table_cell(t, "%s", f->interior ? f->interior : "");
	table_addr(t, f->example);
	if (columns.what) /* names of templates: JSON has all of them */
		table_cell(t, strlen(f->signature) > WHAT_MOST ? "%.*s..." : "%.*s", WHAT_MOST,
		           f->signature);
	if (columns.site)
		table_cell(t, "%s", f->site_text ? f->site_text : "");
}

static void finding_columns(struct table *t, struct columns columns)
{
	table_column(t, "SIZE", true);
	table_column(t, "BLOCKS", true);
	table_column(t, "BYTES", true);
	if (columns.held) {
		table_column(t, "HOLD BLOCKS", true);
		table_column(t, "HOLD BYTES", true);
	}
	if (columns.shared) {
		table_column(t, "SHARE BLOCKS", true);
		table_column(t, "SHARE BYTES", true);
	}
	if (columns.verdict)
		table_column(t, "VERDICT", false);
	if (columns.interior)
		table_column(t, "POINTERS", false);
	table_column(t, "EXAMPLE", false);
	if (columns.what)
		table_column(t, "WHAT", false);
	if (columns.site)
		table_column(t, "LIKELY SITE", false);
}

const char *text_finding_notes(const struct report *r, struct pool *pool)
{
	struct columns columns = columns_of(r);
	const char *notes = "";

	if (columns.held)
		notes = "HOLD: what is lost with them, as nothing else holds it.\n";
	if (columns.shared)
		notes = pool_printf(pool,
		                    "%sSHARE: what they hold together with others, so that it is "
		                    "lost with the last of them;\n%s in all, shared by %s.\n",
		                    notes, text_bytes_in(pool, r->leaks.shared.bytes),
		                    text_plural(pool, r->leaks.sharers, "leak", "leaks"));
	if (columns.interior)
		notes = pool_printf(pool,
		                    "%sPOINTERS: structural: the program keeps them by pointers "
		                    "into the middle; weak: a single\nword points there, perhaps "
		                    "by chance.\n",
		                    notes);
	if (columns.what)
		notes = pool_printf(pool, "%sWHAT: type{size} -> what it points to.\n", notes);
	return notes;
}

static void suppressed_line(const struct report *r, struct out *out)
{
	struct tally t = report_suppressed_sum(r);
	struct pool pool = { 0 };

	out_printf(out, "  suppressed: %s, %s\n", text_plural(&pool, t.blocks, "block", "blocks"),
	           text_bytes_in(&pool, t.bytes));
	pool_free(&pool);
}

size_t text_findings_table(const struct report *r, uint64_t limit, struct table *t)
{
	struct columns columns = columns_of(r);
	size_t groups = 0;

	finding_columns(t, columns);
	for (size_t i = 0; i < r->findings.n; i++) {
		if (!r->findings.v[i].reach)
			continue;
		if (!limit || groups < limit)
			finding_row(t, &r->findings.v[i], columns);
		groups++;
	}
	return groups;
}

/* Whole lines, each two columns in. */
static void indented(const char *lines, struct out *out)
{
	while (*lines) {
		size_t n = strcspn(lines, "\n") + 1;

		out_str(out, "  ");
		out_bytes(out, lines, n);
		lines += n;
	}
}

size_t text_findings(const struct report *r, uint64_t limit, struct out *out)
{
	struct table t = { .indent = 2 };
	size_t groups = text_findings_table(r, limit, &t);
	struct pool pool = { 0 };

	if (groups) {
		table_print(&t, out);
		indented(text_finding_notes(r, &pool), out);
	}
	pool_free(&pool);
	if (r->suppressed.asked)
		suppressed_line(r, out);
	return groups;
}

void text_more(size_t groups, uint64_t shown, const char *how, struct out *out)
{
	size_t more = shown && groups > shown ? groups - (size_t)shown : 0;

	if (more)
		out_printf(out, "  ... and %zu more %s%s\n", more, more == 1 ? "group" : "groups",
		           how);
}
