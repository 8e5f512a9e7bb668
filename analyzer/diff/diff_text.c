/* The comparison for people: the verdict first, then what backs it. */
#include "analyzer/diff/diff_verdict.h"
#include "analyzer/command/options.h"
#include "analyzer/report/text.h"

#include <math.h>

#define DEFAULT_LINES 20

static void verdict(const struct diff *d, struct out *out)
{
	struct pool pool = { 0 };
	const char *text = diff_verdict_text(d, &pool), *stop = strstr(text, ". ");
	size_t first = stop ? (size_t)(stop - text) + 1 : strlen(text);
	const char *code = diff_verdict_code(d);

	out_style(out, strstr(code, "leak")      ? STYLE_BAD
	               : !strcmp(code, "steady") ? STYLE_GOOD
	                                         : STYLE_WARN);
	text_wrap(out, 0, text_escape(&pool, pool_strndup(&pool, text, first)));
	out_plain(out);
	if (stop)
		text_wrap(out, 0, text_escape(&pool, stop + 2));
	pool_free(&pool);
}

/* ---- the snapshots ---- */

static void when_cell(const struct diff *d, size_t i, struct table *t)
{
	const struct snapshot *s = &d->snapshot[i];
	double apart = i && d->hours ? (d->hours[i] - d->hours[i - 1]) * 3600 : 0;

	if (s->when.source == WHEN_UNKNOWN)
		table_cell(t, "%s", "");
	else if (s->when.source == WHEN_GIVEN && s->when.ns < INT64_C(31536000) * 1000000000)
		table_cell(t, "%s%s", i ? "+" : "", when_span(&t->pool, apart)); /* --interval */
	else if (apart > 0)
		table_cell(t, "%.19s (+%s)", when_text(&t->pool, s->when.ns),
		           when_span(&t->pool, apart));
	else
		table_cell(t, "%.19s", when_text(&t->pool, s->when.ns));
}

static void snapshots(const struct diff *d, struct out *out)
{
	struct table t = { .indent = 2 };

	table_column(&t, "", true);
	table_column(&t, "SNAPSHOT", false);
	table_column(&t, "PID", true);
	table_column(&t, "TAKEN", false);
	table_column(&t, "", false);
	for (size_t i = 0; i < d->n; i++) {
		const struct snapshot *s = &d->snapshot[i];

		table_cell(&t, "%zu", i + 1);
		table_cell(&t, "%s", s->path);
		if (s->report.process.pid == ABSENT)
			table_cell(&t, "%s", "");
		else
			table_cell(&t, "%llu", (unsigned long long)s->report.process.pid);
		when_cell(d, i, &t);
		table_cell(&t, "%s%s", s->saved ? "saved report" : s->report.input.writer,
		           s->saved && !s->whole ? " without a profile" : "");
	}
	table_print(&t, out);
}

static void basis(const struct diff *d, struct out *out)
{
	static const char *const sources[] = {
		[WHEN_FILE] = "Times are those of the files' last change: a copy may have others "
			      "(--interval and --times tell better).",
		[WHEN_ATTRIBUTE] = "Times are what systemd-coredump noted.",
		[WHEN_GIVEN] = "Times are as given on the command line.",
	};
	struct pool pool = { 0 };

	if (d->hours)
		text_wrap(out, 2, sources[d->timed]);
	else
		text_wrap(out, 2, pool_printf(&pool, "No rates: %s.", d->untimed));
	if (d->forks)
		text_wrap(
			out, 2,
			"The process ids differ: forks of one process. If they are workers beside "
			"each other, not one after the other, what differs is no growth.");
	pool_free(&pool);
}

/* ---- totals ---- */

/* Of what is possible, what the program keeps so on purpose is no leak: where all tell it. */
static uint64_t bytes_told(const struct diff *d, enum total total, size_t k)
{
	uint64_t bytes = total_bytes(&d->snapshot[k].report, total), kept;

	for (size_t i = 0; total == TOTAL_POSSIBLE && i < d->n; i++) {
		if (d->snapshot[i].report.leaks.structural.bytes == ABSENT)
			return bytes;
	}
	kept = d->snapshot[k].report.leaks.structural.bytes;
	return total == TOTAL_POSSIBLE && bytes != ABSENT && kept <= bytes ? bytes - kept : bytes;
}

static void totals(const struct diff *d, struct out *out)
{
	static const char *const texts[TOTALS] = {
		[TOTAL_IN_USE] = "blocks in use",       [TOTAL_LEAKED] = "  leaked",
		[TOTAL_POSSIBLE] = "  possibly leaked", [TOTAL_FREE_HELD] = "free, kept by malloc",
		[TOTAL_STACKS] = "thread stacks",       [TOTAL_ANONYMOUS] = "other anonymous",
		[TOTAL_SHARED] = "shared memory",       [TOTAL_RESIDENT] = "all that is resident",
		[TOTAL_MAPPED] = "all mappings",
	};
	size_t shown = d->n < 6 ? d->n : 6; /* the first, and the newest ones */
	struct table t = { .indent = 2 };

	table_column(&t, "", false);
	for (size_t i = 0; i < shown; i++) {
		size_t k = i ? d->n - shown + i : 0;

		table_column(&t, pool_printf(&t.pool, "%zu", k + 1), true);
	}
	table_column(&t, "CHANGE", true);
	if (d->hours)
		table_column(&t, "PER HOUR", true);
	for (unsigned n = 0; n < TOTALS; n++) {
		uint64_t from = bytes_told(d, n, 0), to = bytes_told(d, n, d->n - 1);

		if (from == ABSENT || to == ABSENT || (!from && !to))
			continue;
		table_cell(&t, "%s", texts[n]);
		for (size_t i = 0; i < shown; i++) {
			size_t k = i ? d->n - shown + i : 0;
			uint64_t bytes = bytes_told(d, n, k);

			table_cell(&t, "%s", bytes == ABSENT ? "" : text_bytes_in(&t.pool, bytes));
		}
		table_cell(&t, "%s", signed_bytes(&t.pool, (double)to - (double)from));
		if (d->hours)
			table_cell(&t, "%s",
			           signed_bytes(&t.pool,
			                        ((double)to - (double)from) / d->hours[d->n - 1]));
	}
	table_print(&t, out);
}

/* ---- what grew ---- */

static bool any_cohort(const struct diff *d)
{
	for (size_t i = 0; i < d->growths.n; i++) {
		if (d->growths.v[i].young.bytes)
			return true;
	}
	return false;
}

static void rate_cell(struct table *t, double rate)
{
	table_cell(t, "%s", isnan(rate) ? "" : signed_bytes(&t->pool, rate));
}

static void growth_row(const struct diff *d, const struct growth *g, bool cohort, struct table *t)
{
	const struct growth_point *last = &g->at[d->n - 1];
	/* estimates, and blocks that had another verdict before, may make it more */
	uint64_t alive = g->cohort.bytes < g->young.bytes ? g->cohort.bytes : g->young.bytes;
	bool mapped = growth_by_bytes(g);
	char share[TEXT_NUMBER];

	table_cell(t, "%s", growth_kind_text(g->kind));
	table_cell(t, "%s", growth_what(g, &t->pool));
	if (last->blocks == ABSENT)
		table_cell(t, "%s", "");
	else
		table_cell(t, "%s (%s)", text_count_in(&t->pool, last->blocks),
		           signed_count(&t->pool, g->blocks));
	table_cell(t, "%s (%s)", text_bytes_in(&t->pool, mapped ? last->bytes : last->retained),
	           signed_bytes(&t->pool, (double)(mapped ? g->bytes : g->retained)));
	if (d->hours)
		rate_cell(t, g->per_hour);
	if (d->hours && d->n > 2)
		rate_cell(t, g->last_per_hour);
	if (cohort)
		table_cell(t, "%s", text_share(share, alive, g->young.bytes));
}

static void rows(const struct diff *d, const struct options *opt, struct out *out)
{
	size_t n = diff_rows(d, opt, DEFAULT_LINES);
	bool cohort = any_cohort(d);
	struct table t = { .indent = 2 };

	if (!d->growths.n) {
		out_str(out, "  (nothing changed)\n");
		return;
	}
	table_column(&t, "KIND", false);
	table_column(&t, "WHAT", false);
	table_column(&t, "BLOCKS", true);
	table_column(&t, "BYTES", true);
	if (d->hours)
		table_column(&t, "PER HOUR", true);
	if (d->hours && d->n > 2)
		table_column(&t, "LATELY", true);
	if (cohort)
		table_column(&t, "COHORT", true);
	for (size_t i = 0; i < n; i++)
		growth_row(d, &d->growths.v[i], cohort, &t);
	table_print(&t, out);
	if (n < d->growths.n)
		out_printf(out, "  ... and %zu more; -n 0 lists all\n", d->growths.n - n);
	text_wrap(out, 2,
	          "BYTES: of leaked blocks, with what only they hold. (+n): since the "
	          "first snapshot.");
	if (cohort)
		text_wrap(out, 2,
		          "COHORT: of what was new in the snapshot before the last, so "
		          "much is still there.");
}

/* ---- what became of the blocks ---- */

static bool any_uncertain(const struct diff *d)
{
	for (size_t i = 0; i + 1 < d->n; i++)
		if (d->survival[i].uncertain.blocks)
			return true;
	return false;
}

static void fate(const struct diff *d, size_t i, bool uncertain, struct table *t)
{
	const struct survival *s = &d->survival[i];
	const struct tally *const cells[] = { &s->kept, &s->replaced, &s->uncertain,
		                              &s->born, &s->gone,     &s->lost };

	table_cell(t, "%zu to %zu", i + 1, i + 2);
	for (size_t k = 0; k < sizeof(cells) / sizeof(*cells); k++)
		if (cells[k] != &s->uncertain || uncertain)
			table_cell(t, "%s%s", s->estimated && cells[k]->blocks ? "~" : "",
			           text_count_in(&t->pool, cells[k]->blocks));
	if (s->error < 0)
		table_cell(t, "%s", "");
	else
		table_cell(t, "%s%.2g%%", s->error > 0 && s->error < 1e-4 ? "<" : "",
		           s->error > 0 && s->error < 1e-4 ? 0.01 : s->error * 100);
}

static void fates(const struct diff *d, struct out *out)
{
	struct table t = { .indent = 2 };
	bool uncertain = any_uncertain(d);
	struct pool pool = { 0 };

	if (d->unmatched) {
		text_wrap(out, 2, pool_printf(&pool, "Not known: %s.", d->unmatched));
		pool_free(&pool);
		return;
	}
	table_column(&t, "", false);
	table_column(&t, "SURVIVED", true);
	table_column(&t, "REPLACED", true);
	if (uncertain)
		table_column(&t, "UNCERTAIN", true);
	table_column(&t, "BORN", true);
	table_column(&t, "GONE", true);
	table_column(&t, "LEAKED SINCE", true);
	table_column(&t, "ERROR", true);
	for (size_t i = 0; i + 1 < d->n; i++)
		fate(d, i, uncertain, &t);
	table_print(&t, out);
	text_wrap(out, 2,
	          "REPLACED: another block of this size at the same address, by its content. "
	          "ERROR: of those that survived, so many are expected to be replaced "
	          "ones that look alike.");
	if (d->survival[0].estimated)
		text_wrap(out, 2, "~: estimated from the blocks that the saved profiles sampled.");
}

/* ---- what to run next ---- */

/* The first growth that is of blocks; NULL: there is none. */
static const struct growth *first_blocks(const struct diff *d)
{
	for (size_t i = 0; i < d->growths.n; i++) {
		const struct growth *g = &d->growths.v[i];

		if (g->group && g->kind <= GROWTH_REACHABLE && g->steady > 0 &&
		    g->group->size != ABSENT)
			return g;
	}
	return NULL;
}

static void next_steps(const struct diff *d, const struct options *opt, struct out *out)
{
	const struct growth *g = first_blocks(d);
	struct table t = { .indent = 2, .headless = true };
	const char *program, *newest, *all = "";

	if (d->snapshot[d->n - 1].saved || !g)
		return;
	program = text_shell(&t.pool, opt->program);
	newest = text_shell(&t.pool, d->snapshot[d->n - 1].path);
	text_heading(out, "Next");
	table_column(&t, "", false);
	table_column(&t, "", false);
	for (size_t i = 0; i < d->n; i++)
		all = pool_printf(&t.pool, "%s %s", all, text_shell(&t.pool, d->snapshot[i].path));
	if (!d->unmatched) {
		table_cell(&t, "blocks that are new, and %s",
		           g->cohort.blocks ? "still there" : "may stay");
		table_cell(&t, "%s diff%s --list %s --size %llu -n 5", program, all,
		           g->cohort.blocks ? "cohort" : "born,replaced",
		           (unsigned long long)g->group->size);
		table_cell(&t, "%s", "one of them: what it is, who points to it");
		table_cell(&t, "%s explain %s ADDRESS", program, newest);
	}
	table_cell(&t, "%s", "what leaked by now");
	table_cell(&t, "%s leaks %s", program, newest);
	table_print(&t, out);
}

void diff_text(const struct diff *d, const struct options *opt, struct out *out)
{
	verdict(d, out);
	out_char(out, '\n');
	snapshots(d, out);
	basis(d, out);
	text_heading(out, "Where the memory went, by snapshot");
	totals(d, out);
	text_heading(out, "What changed, steady growth first");
	rows(d, opt, out);
	text_heading(out, "What became of the blocks");
	fates(d, out);
	next_steps(d, opt, out);
}
