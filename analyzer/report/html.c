#include "analyzer/report/html.h"
#include "analyzer/report/text_report.h"

#define FINDINGS 100 /* that are listed unless told */

static const char head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" "
	"content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<style>\n"
	":root { --text: #1b1f24; --page: #fff; --faint: #57606a; --line: #d0d7de; --row: "
        "#f6f8fa;\n"
	"  --bad: #b3261e; --good: #1a7f37; --warn: #8a5a00; }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"  :root { --text: #e6edf3; --page: #0d1117; --faint: #9198a1; --line: #30363d;\n"
	"    --row: #161b22; --bad: #ff7b72; --good: #56d364; --warn: #e3b341; } }\n"
	"body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: "
        "var(--page);\n"
	"  max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }\n"
	"h1 { font-size: 1.35rem; line-height: 1.35; margin: 0 0 .5rem; }\n"
	"h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }\n"
	".bad { color: var(--bad); } .good { color: var(--good); } .warn { color: var(--warn); }\n"
	".lines, pre { white-space: pre-line; } pre { white-space: pre; margin: .3rem 0; }\n"
	".faint, th { color: var(--faint); }\n"
	".wide { overflow-x: auto; }\n"
	"table { border-collapse: collapse; font-variant-numeric: tabular-nums; }\n"
	"th { text-align: left; font-weight: 600; font-size: .8rem; }\n"
	"th, td { padding: .2rem .9rem .2rem 0; vertical-align: top; white-space: pre;\n"
	"  border-bottom: 1px solid var(--line); }\n"
	"tbody tr:hover { background: var(--row); }\n"
	".n { text-align: right; }\n"
	"pre, .code td:last-child { font: 13px/1.5 ui-monospace, monospace; }\n"
	"pre { overflow-x: auto; }\n"
	"</style>\n"
	"<title>";

void html_text(struct out *out, const char *s)
{
	static const struct {
		char c;
		const char *entity;
	} entities[] = {
		{ '&', "&amp;" },  { '<', "&lt;" },   { '>', "&gt;" },
		{ '"', "&quot;" }, { '\'', "&#39;" },
	};
	struct pool pool = { 0 };

	for (const char *at = text_escape(&pool, s); *at; at++) {
		const char *entity = NULL;

		for (size_t i = 0; i < sizeof(entities) / sizeof(*entities); i++)
			entity = *at == entities[i].c ? entities[i].entity : entity;
		if (entity)
			out_str(out, entity);
		else
			out_char(out, *at);
	}
	pool_free(&pool);
}

static void paragraph(struct out *out, const char *text)
{
	out_str(out, "<p>");
	html_text(out, text);
	out_str(out, "</p>\n");
}

/* Lines stay lines. */
static void lines(struct out *out, const char *tag, const char *text)
{
	struct pool pool = { 0 };

	out_printf(out, "<%s>", tag);
	while (*text) {
		size_t n = strcspn(text, "\n");

		html_text(out, pool_strndup(&pool, text, n));
		text += n;
		if (*text == '\n') {
			text++;
			out_char(out, '\n');
		}
	}
	out_printf(out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
	pool_free(&pool);
}

static void heading(struct out *out, const char *text)
{
	out_str(out, "<h2>");
	html_text(out, text);
	out_str(out, "</h2>\n");
}

static void row(const struct table *t, const char *const *cells, struct out *out)
{
	const char *tag = cells ? "td" : "th";

	out_str(out, "<tr>");
	for (size_t i = 0; i < t->ncolumns; i++) {
		out_printf(out, "<%s%s>", tag, t->column[i].right ? " class=\"n\"" : "");
		html_text(out, cells ? cells[i] : t->column[i].title);
		out_printf(out, "</%s>", tag);
	}
	out_str(out, "</tr>\n");
}

/* Writes and empties it; nothing, and no title either, where it has no cells. */
static void table(const char *title, struct table *t, struct out *out)
{
	size_t rows = t->ncolumns ? t->cells.n / t->ncolumns : 0;

	if (rows) {
		heading(out, title);
		out_printf(out, "<div class=\"wide\"><table%s>\n",
		           t->headless ? " class=\"code\"" : "");
		if (!t->headless) {
			out_str(out, "<thead>");
			row(t, NULL, out);
			out_str(out, "</thead>\n");
		}
		out_str(out, "<tbody>\n");
		for (size_t r = 0; r < rows; r++)
			row(t, t->cells.v + r * t->ncolumns, out);
		out_str(out, "</tbody></table></div>\n");
	}
	table_free(t);
}

static void verdict(const struct report *r, struct out *out)
{
	const char *stop = strstr(r->verdict_text, ". ");
	size_t first = stop ? (size_t)(stop - r->verdict_text) + 1 : strlen(r->verdict_text);
	struct pool pool = { 0 };
	const char *style = !strcmp(r->verdict, "leaks")   ? "bad"
	                    : !strcmp(r->verdict, "clean") ? "good"
	                                                   : "warn";
	const char *sentence = pool_strndup(&pool, r->verdict_text, first);

	html_text(out, text_process_name(r));
	out_str(out, ": ");
	html_text(out, sentence);
	out_printf(out, "</title>\n</head>\n<body>\n<h1 class=\"%s\">", style);
	html_text(out, sentence);
	out_str(out, "</h1>\n");
	if (stop)
		paragraph(out, stop + 2);
	out_str(out, "<p><b>");
	html_text(out, text_process_name(r));
	out_str(out, "</b>");
	html_text(out, text_process_rest(r, &pool));
	out_str(out, "</p>\n");
	pool_free(&pool);
}

/* Who allocated what was listed, folded up: a stack is long. */
static void stacks(const struct report *r, uint64_t most, struct out *out)
{
	struct pool pool = { 0 };
	uint64_t n = 0;

	for (size_t i = 0; i < r->findings.n && (!most || n < most); i++) {
		const struct report_finding *f = &r->findings.v[i];
		struct out frames;

		if (!f->reach)
			continue;
		n++;
		if (!f->nframes)
			continue;
		out_str(out, "<details><summary>");
		html_text(out, text_allocated(f, &pool));
		out_str(out, "</summary>\n");
		out_memory(&frames);
		text_frames(f->frame, f->nframes, 0, &frames);
		lines(out, "pre", out_text(&frames));
		out_discard(&frames);
		out_str(out, "</details>\n");
	}
	pool_free(&pool);
}

static void findings(const struct report *r, uint64_t most, struct out *out)
{
	struct table t = { 0 };
	struct pool pool = { 0 };
	size_t groups = text_findings_table(r, most, &t);

	table(text_suspects_title(r) ? text_suspects_title(r) : "", &t, out);
	if (groups)
		lines(out, "p class=\"faint lines\"", text_finding_notes(r, &pool));
	if (most && groups > most)
		paragraph(out, pool_printf(&pool,
		                           "... and %zu more; coreheap leaks --format=html "
		                           "-n 0 lists all",
		                           groups - (size_t)most));
	if (r->suppressed.asked)
		paragraph(out, pool_printf(&pool, "suppressed: %s",
		                           text_bytes_in(&pool, report_suppressed_sum(r).bytes)));
	stacks(r, most, out);
	pool_free(&pool);
}

static void damage(const struct report *r, struct out *out)
{
	bool titled = false;

	for (size_t i = 0; i < r->findings.n; i++) {
		if (r->findings.v[i].reach || !r->findings.v[i].message)
			continue;
		if (!titled)
			heading(out, "Damage of the heap");
		titled = true;
		paragraph(out, r->findings.v[i].message);
	}
}

void html_report(const struct report *r, const struct options *opt, struct out *out)
{
	struct table t = { 0 };

	out_str(out, head);
	verdict(r, out);
	if (r->input.warnings.n)
		heading(out, "What could not be read");
	for (size_t i = 0; i < r->input.warnings.n; i++)
		lines(out, "p class=\"lines\"", r->input.warnings.v[i].message);
	damage(r, out);
	if (r->memory.in_use != ABSENT) {
		text_totals_table(r, &t);
		table("Blocks in use, by verdict", &t, out);
		findings(r, opt->has_limit ? opt->limit : FINDINGS, out);
	}
	text_memory_table(r, &t);
	table(TEXT_MEMORY, &t, out);
	if (r->memory.knobs.n)
		heading(out, TEXT_KNOBS);
	for (size_t i = 0; i < r->memory.knobs.n; i++)
		paragraph(out, r->memory.knobs.v[i].text);
	text_sizes_table(r, &t);
	table(TEXT_SIZES, &t, out);
	text_keepers_table(r, &t);
	table(TEXT_KEEPERS, &t, out);
	text_next_table(r, opt, &t);
	table(TEXT_NEXT, &t, out);
	out_str(out, "<p class=\"faint\">coreheap " COREHEAP_VERSION "</p>\n</body>\n</html>\n");
}
