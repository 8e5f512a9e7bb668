/* One screen: the verdict first, then what backs it and what to do next. */
#include "analyzer/text.h"
#include "analyzer/text_report.h"

#define SUSPECTS 5

static void heading(struct out *out, const char *text)
{
	out_char(out, '\n');
	out_style(out, STYLE_BOLD);
	out_str(out, text);
	out_plain(out);
	out_char(out, '\n');
}

static void region(struct table *t, const char *name, uint64_t mapped, uint64_t resident,
                   const char *remark)
{
	if (mapped == ABSENT || resident == ABSENT)
		return;
	table_cell(t, "%s", name);
	table_bytes(t, mapped);
	table_bytes(t, resident);
	table_cell(t, "%s", remark);
}

static void within_heap(struct table *t, const char *name, uint64_t bytes, const char *remark)
{
	table_cell(t, "  %s", name);
	table_bytes(t, bytes);
	table_cell(t, "%s", "");
	table_cell(t, "%s", remark);
}

static void heap_lines(struct table *t, const struct report *r)
{
	const struct report_memory *m = &r->memory;
	char bytes[TEXT_NUMBER];

	region(t, "heap (malloc)", m->space.heap, m->heap,
	       text_plural(&t->pool, m->arenas, "arena", "arenas"));
	within_heap(t, "in use", m->in_use,
	            text_plural(&t->pool, m->in_use_blocks, "block", "blocks"));
	within_heap(t, "free, kept by malloc", m->free_held, pool_printf(&t->pool, "malloc_trim(0) would "
	            "return %s", text_bytes(bytes, m->trimmable)));
	within_heap(t, "malloc's own", m->internal, "caches and arena headers");
}

static void memory_table(const struct report *r, struct out *out)
{
	const struct report_memory *m = &r->memory;
	struct table t = { .indent = 2 };

	table_column(&t, "", false);
	table_column(&t, "BYTES", true);
	table_column(&t, "IN THE CORE", true);
	table_column(&t, "", false);
	if (m->heap != ABSENT)
		heap_lines(&t, r);
	region(&t, "thread stacks", m->space.stacks, m->stacks, "");
	region(&t, "files: code and data", m->space.files, m->files, "");
	if (m->space.shared)
		region(&t, "shared memory", m->space.shared, m->shared, "");
	region(&t, "other anonymous memory", m->space.anonymous, m->anonymous, "");
	region(&t, "all mappings", m->mapped, m->resident, "");
	table_print(&t, out);
}

static const struct report_finding *first_suspect(const struct report *r)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		if (r->findings.v[i].reach)
			return &r->findings.v[i];
	}
	return NULL;
}

static void suspects(const struct report *r, struct out *out)
{
	size_t groups;

	if (!first_suspect(r))
		return;
	heading(out, r->leaks.definite.blocks ? "Top suspects: leaked blocks, by size"
	                                      : "Top suspects: possibly leaked blocks, by size");
	groups = text_findings(r, SUSPECTS, out);
	if (groups > SUSPECTS)
		out_printf(out, "  ... and %zu more sizes\n", groups - SUSPECTS);
}

static void command_line(struct table *t, const char *program, const char *rest, const char *core,
                         const char *more, const char *why)
{
	table_cell(t, "%s %s %s%s", program, rest, core, more);
	table_cell(t, "%s", why);
}

static void next_steps(const struct report *r, const struct options *opt, struct out *out)
{
	struct table t = { .indent = 2, .headless = true };
	const char *core = text_shell(&t.pool, r->input.path);
	const char *program = text_shell(&t.pool, opt->program);
	const struct report_finding *suspect = first_suspect(r);
	char at[TEXT_NUMBER + 1] = " ";

	table_column(&t, "", false);
	table_column(&t, "", false);
	if (suspect) {
		text_addr(at + 1, suspect->example);
		command_line(&t, program, "explain", core, at, "what the largest is, and who pointed to it");
		command_line(&t, program, r->leaks.definite.blocks ? "leaks" : "leaks --reach possible",
		             core, "", "all of them");
	}
	if (r->partial || r->findings.n > 0)
		command_line(&t, program, "check", core, "", "what is missing or damaged, and the remedy");
	if (r->memory.in_use != ABSENT)
		command_line(&t, program, "arenas", core, "", "what malloc keeps, and why");
	command_line(&t, program, "maps", core, "", "every mapping and what holds it");
	command_line(&t, program, "threads", core, "", "what every thread was doing");
	heading(out, "Next");
	table_print(&t, out);
}

void text_summary(const struct report *r, const struct options *opt, struct out *out)
{
	text_verdict(r, out);
	out_char(out, '\n');
	text_process(r, out);
	if (r->input.warnings.n) {
		heading(out, "What could not be read");
		text_warnings(r, out);
	}
	heading(out, "Where the memory went");
	memory_table(r, out);
	if (r->has_leaks)
		suspects(r, out);
	next_steps(r, opt, out);
}
