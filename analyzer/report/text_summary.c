/* One screen: the verdict first, then what backs it and what to do next. */
#include "analyzer/report/text.h"
#include "analyzer/report/text_report.h"

#define SUSPECTS 5

static const struct report_finding *first_suspect(const struct report *r)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		if (r->findings.v[i].reach)
			return &r->findings.v[i];
	}
	return NULL;
}

static bool has_possible(const struct report *r)
{
	for (size_t i = 0; i < r->findings.n; i++)
		if (r->findings.v[i].reach && !strcmp(r->findings.v[i].reach, "possible"))
			return true;
	return false;
}

const char *text_suspects_title(const struct report *r)
{
	if (!first_suspect(r) && !r->suppressed.asked)
		return NULL;
	if (r->leaks.definite.blocks && has_possible(r))
		return "Top suspects: blocks leaked, and possibly leaked, by size";
	if (r->leaks.definite.blocks)
		return "Top suspects: leaked blocks, by size";
	if (r->leaks.structural.blocks == r->leaks.possible.blocks)
		return "Kept by pointers into their middle, by size";
	return "Top suspects: possibly leaked blocks, by size";
}

static void suspects(const struct report *r, struct out *out)
{
	size_t groups;

	if (!text_suspects_title(r))
		return;
	text_heading(out, text_suspects_title(r));
	groups = text_findings(r, SUSPECTS, out);
	text_more(groups, SUSPECTS, "", out);
}

/* Where leaks do not explain the memory, what is in use may: its largest sizes. */
void text_sizes_table(const struct report *r, struct table *t)
{
	uint64_t below = UINT64_MAX;
	size_t at = SIZE_MAX; /* index of the last row: rows of equal bytes follow each other */

	if (!r->leaks.reachable.blocks ||
	    r->leaks.definite.bytes + r->leaks.indirect.bytes >= r->memory.in_use / 10)
		return;
	table_column(t, "SIZE", true);
	table_column(t, "BLOCKS", true);
	table_column(t, "BYTES", true);
	for (size_t row = 0; row < SUSPECTS; row++) {
		const struct report_size *best = NULL;
		char size[TEXT_NUMBER];

		for (size_t i = 0; i < r->sizes.n; i++) {
			const struct report_size *s = &r->sizes.v[i];
			uint64_t bytes = s->reachable.bytes;

			if ((bytes < below || (bytes == below && i > at)) &&
			    (!best || bytes > best->reachable.bytes))
				best = s;
		}
		if (!best || !best->reachable.blocks)
			break;
		below = best->reachable.bytes;
		at = (size_t)(best - r->sizes.v);
		table_cell(t, "%s B", text_count(size, best->size));
		table_count(t, best->reachable.blocks);
		table_bytes(t, best->reachable.bytes);
	}
}

/* Then it is worth a look what the rest is. */
static bool little_leaked(const struct report *r)
{
	return r->leaks.definite.bytes + r->leaks.indirect.bytes < r->memory.in_use / 2;
}

/* Many blocks of a kind are the mass, so many that each of them is little of it. */
#define MANY 8

/* "; Cache", "" */
static const char *type_text(struct pool *pool, const char *sign, const char *type)
{
	return type ? pool_printf(pool, "%s %s", sign, type) : "";
}

/* "; most of it hangs on 0x..., in 2,000 blocks of 48 B": where it accumulates. */
static const char *mass(struct pool *pool, const struct report_keeper *k)
{
	const char *text = "";
	char count[TEXT_NUMBER], size[TEXT_NUMBER];

	if (k->point != k->address)
		text = pool_printf(pool, "; most of it hangs on 0x%llx%s",
		                   (unsigned long long)k->point,
		                   type_text(pool, ",", k->point_type));
	else if (k->chain >= MANY)
		text = pool_printf(pool, "; a chain of more than %s blocks",
		                   text_count(count, k->chain));
	if (k->of < MANY || k->of_bytes < k->point_retained.bytes / 2)
		return text;
	return pool_printf(pool, "%s%s %s blocks of %s B with what hangs on them", text,
	                   *text ? "," : ";", text_count(count, k->of),
	                   text_count(size, k->of_size));
}

/* What of the memory hangs on one block, and on which root that hangs. */
void text_keepers_table(const struct report *r, struct table *t)
{
	char share[TEXT_NUMBER];

	if (!little_leaked(r))
		return;
	table_column(t, "RETAINS", true);
	table_column(t, "BLOCKS", true);
	table_column(t, "IN USE", true);
	table_column(t, "BLOCK", false);
	table_column(t, "HELD BY", false);
	for (size_t i = 0; i < r->keepers.n; i++) {
		const struct report_keeper *k = &r->keepers.v[i];

		table_bytes(t, k->retained.bytes);
		table_count(t, k->retained.blocks);
		table_cell(t, "%s", text_share(share, k->retained.bytes, r->memory.in_use));
		table_addr(t, k->address);
		table_cell(t, "%s%s%s", k->held_by ? k->held_by : "",
		           type_text(&t->pool, ";", k->type), mass(&t->pool, k));
	}
}

static void step(struct table *t, const char *why, const char *program, const char *rest,
                 const char *core, const char *more)
{
	table_cell(t, "%s", why);
	table_cell(t, "%s %s %s%s", program, rest, core, more);
}

static bool is_damaged(const struct report *r)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		if (!r->findings.v[i].reach)
			return true;
	}
	return false;
}

/* Then only a record of the process's own tells who makes them. */
static bool is_nameless(const struct report_finding *f)
{
	return !f->type && !f->site_text && !f->site.function;
}

void text_next_table(const struct report *r, const struct options *opt, struct table *t)
{
	bool file = strcmp(r->input.path, "-") != 0;
	const char *core = file ? text_shell(&t->pool, r->input.path) : "-";
	const char *program = text_shell(&t->pool, opt->program);
	const struct report_finding *suspect = first_suspect(r);
	char at[TEXT_NUMBER + 1] = " ";

	t->headless = true;
	table_column(t, "", false);
	table_column(t, "", false);
	if (suspect) {
		text_addr(at + 1, suspect->example);
		step(t, "all of them", program,
		     r->leaks.definite.blocks ? "leaks" : "leaks --reach possible", core, "");
		step(t, "the first one: what it is, who points to it", program, "explain", core,
		     at);
		if (r->leaks.definite.blocks && is_nameless(suspect)) {
			table_cell(t, "who allocates it: told by cores from the next start on");
			table_cell(t, "LD_PRELOAD=libcoreheap_sites.so COREHEAP_SITES=stack %s",
			           r->process.exe ? text_shell(&t->pool, r->process.exe)
			                          : "PROGRAM");
		}
	}
	if (r->without_keepers && little_leaked(r))
		step(t, "on which blocks the memory in use hangs", program, "summary --retained",
		     core, "");
	if (r->partial || is_damaged(r))
		step(t, "what is missing or damaged", program, "check", core, "");
	if (r->memory.in_use != ABSENT)
		step(t, "what malloc keeps", program, "arenas", core, "");
	step(t, "what every mapping holds", program, "maps", core, "");
	step(t, "what every thread was doing", program, "threads", core, "");
}

/* A table under its title; nothing where it is empty. */
static void section(const char *title, struct table *t, struct out *out)
{
	if (!t->cells.n) {
		table_free(t);
		return;
	}
	text_heading(out, title);
	t->indent = 2;
	table_print(t, out);
}

void text_summary(const struct report *r, const struct options *opt, struct out *out)
{
	struct table t = { 0 };

	text_verdict(r, out);
	out_char(out, '\n');
	text_process(r, out);
	if (r->input.warnings.n) {
		text_heading(out, "What could not be read");
		text_warnings(r, out);
	}
	text_memory_table(r, &t);
	section(TEXT_MEMORY, &t, out);
	if (r->memory.knobs.n)
		text_heading(out, TEXT_KNOBS);
	for (size_t i = 0; i < r->memory.knobs.n; i++)
		text_wrap(out, 2, r->memory.knobs.v[i].text);
	suspects(r, out);
	text_sizes_table(r, &t);
	section(TEXT_SIZES, &t, out);
	text_keepers_table(r, &t);
	section(TEXT_KEEPERS, &t, out);
	text_next_table(r, opt, &t);
	section(TEXT_NEXT, &t, out);
}
