/*
 * The comparison as JSON: a report of the newest snapshot (its input and process), the section
 * `diff`, and the growths as its findings.
 */
#include "analyzer/diff/diff_verdict.h"
#include "analyzer/report/json.h"
#include "analyzer/command/options.h"

#include <jansson.h>
#include <math.h>

static void field_signed(json_t *o, const char *key, int64_t n)
{
	json_object_set_new(o, key, json_integer(n));
}

static void field_rate(json_t *o, const char *key, double rate)
{
	if (!isnan(rate) && rate < 9e18 && rate > -9e18)
		json_object_set_new(o, key,
		                    json_integer((json_int_t)(rate + (rate < 0 ? -0.5 : 0.5))));
}

static json_t *verdict(const struct diff *d)
{
	json_t *o = json_object();
	struct pool pool = { 0 };

	field_string(o, "code", diff_verdict_code(d));
	field_string(o, "text", diff_verdict_text(d, &pool));
	pool_free(&pool);
	return o;
}

static json_t *snapshot(const struct diff *d, size_t i)
{
	const struct snapshot *s = &d->snapshot[i];
	json_t *o = json_object(), *totals = json_object();
	struct pool pool = { 0 };

	field_string(o, "path", s->path);
	field_string(o, "kind", s->saved ? "report" : s->report.input.kind);
	field_bool(o, "profile", s->whole);
	field_number(o, "pid", s->report.process.pid);
	field_string(o, "build_id", s->report.process.build_id);
	field_string(o, "instance", s->report.process.instance);
	if (s->when.source != WHEN_UNKNOWN) {
		if (s->when.source != WHEN_GIVEN || s->when.ns > INT64_C(31536000) * 1000000000)
			field_string(o, "time", when_text(&pool, s->when.ns));
		field_string(o, "time_source", when_source_name(s->when.source));
	}
	if (d->hours)
		json_object_set_new(o, "hours", json_real(d->hours[i]));
	for (unsigned n = 0; n < TOTALS; n++)
		field_number(totals, total_name(n), total_bytes(&s->report, n));
	json_object_set_new(o, "totals", totals);
	pool_free(&pool);
	return o;
}

static json_t *survival_class(const struct survival_class *c)
{
	json_t *o = json_object();

	field_number(o, "low", c->low);
	field_number(o, "high", c->high);
	field_number(o, "survivors", c->survivors);
	field_number(o, "replaced", c->replaced);
	field_number(o, "uncertain", c->uncertain);
	field_share(o, "error", c->error);
	return o;
}

static json_t *interval(const struct survival *s)
{
	json_t *o = json_object(), *classes = json_array();

	field_bool(o, "estimated", s->estimated);
	json_object_set_new(o, "survived", json_tally(s->kept));
	json_object_set_new(o, "replaced", json_tally(s->replaced));
	json_object_set_new(o, "uncertain", json_tally(s->uncertain));
	json_object_set_new(o, "born", json_tally(s->born));
	json_object_set_new(o, "gone", json_tally(s->gone));
	json_object_set_new(o, "cohort", json_tally(s->cohort));
	json_object_set_new(o, "leaked_since", json_tally(s->lost));
	json_object_set_new(o, "disproved", json_tally(s->disproved));
	field_share(o, "error", s->error);
	for (size_t i = 0; i < s->classes.n; i++)
		json_array_append_new(classes, survival_class(&s->classes.v[i]));
	json_object_set_new(o, "classes", classes);
	return o;
}

static json_t *change(const struct diff *d)
{
	struct series series = diff_series(d);
	json_t *all = json_object();

	for (unsigned n = 0; n < TOTALS; n++) {
		uint64_t from = total_bytes(&d->snapshot[0].report, n);
		uint64_t to = total_bytes(&d->snapshot[d->n - 1].report, n);
		json_t *o;

		if (from == ABSENT || to == ABSENT)
			continue;
		o = json_object();
		field_signed(o, "bytes", (int64_t)(to - from));
		field_rate(o, "bytes_per_hour", total_rate(&series, n, 0, d->n - 1));
		field_rate(o, "last_bytes_per_hour", total_rate(&series, n, d->n - 2, d->n - 1));
		json_object_set_new(all, total_name(n), o);
	}
	return all;
}

static json_t *limit(const struct diff *d)
{
	json_t *o = json_object();

	field_number(o, "bytes", d->limit);
	field_number(o, "resident", total_bytes(&d->snapshot[d->n - 1].report, TOTAL_RESIDENT));
	if (!isnan(d->limit_hours))
		json_object_set_new(o, "hours", json_real(d->limit_hours));
	return o;
}

static json_t *section(const struct diff *d)
{
	json_t *o = json_object(), *snapshots = json_array(), *intervals = json_array();

	json_object_set_new(o, "verdict", verdict(d));
	field_string(o, "same", sameness_name(d->same));
	field_bool(o, "forks", d->forks);
	field_string(o, "time_source", d->hours ? when_source_name(d->timed) : NULL);
	field_string(o, "untimed", d->hours ? NULL : d->untimed);
	field_string(o, "matching", d->matching);
	field_string(o, "unmatched", d->unmatched);
	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(snapshots, snapshot(d, i));
	json_object_set_new(o, "snapshots", snapshots);
	for (size_t i = 0; i + 1 < d->n && !d->unmatched; i++)
		json_array_append_new(intervals, interval(&d->survival[i]));
	json_object_set_new(o, "intervals", intervals);
	json_object_set_new(o, "change", change(d));
	if (d->limit)
		json_object_set_new(o, "limit", limit(d));
	return o;
}

static json_t *point(const struct growth *g, const struct growth_point *p)
{
	json_t *o = json_object();

	field_number(o, "blocks", p->blocks);
	field_number(o, "bytes", p->bytes);
	field_number(o, g->name ? "resident" : "retained_bytes", p->retained);
	return o;
}

static json_t *finding(const struct diff *d, const struct growth *g)
{
	json_t *o = g->group ? json_finding_of(g->group) : json_object(), *series = json_array();
	const struct growth_point *last = &g->at[d->n - 1];
	struct pool pool = { 0 };

	field_string(o, "kind", growth_finding_kind(g->kind));
	field_string(o, "change", growth_kind_name(g->kind));
	field_string(o, "what", growth_what(g, &pool));
	field_number(o, "blocks", last->blocks);
	field_number(o, "bytes", last->bytes);
	field_string(o, "mapping", g->name);
	field_string(o, "path", g->path);
	field_string(o, "owner", g->holder);
	field_share(o, "owner_share", g->holder ? g->holder_share : -1);
	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(series, point(g, &g->at[i]));
	json_object_set_new(o, "series", series);
	field_signed(o, "blocks_delta", g->blocks);
	field_signed(o, "bytes_delta", g->bytes);
	field_signed(o, g->name ? "resident_delta" : "retained_delta", g->retained);
	field_signed(o, "steady_bytes", (int64_t)g->steady);
	field_rate(o, "bytes_per_hour", g->per_hour);
	field_rate(o, "last_bytes_per_hour", g->last_per_hour);
	if (g->matched) {
		json_object_set_new(o, "survived", json_tally(g->kept));
		json_object_set_new(o, "born", json_tally(g->fresh));
	}
	if (g->young.blocks) {
		json_object_set_new(o, "cohort_born", json_tally(g->young));
		json_object_set_new(o, "cohort_alive", json_tally(g->cohort));
	}
	pool_free(&pool);
	return o;
}

void diff_json(const struct diff *d, const struct options *opt, struct out *out)
{
	const struct report *newest = &d->snapshot[d->n - 1].report;
	struct report head = { .input = newest->input,
		               .process = newest->process,
		               .has_limits = newest->has_limits,
		               .elapsed_ms = newest->elapsed_ms,
		               .peak_rss = newest->peak_rss };
	size_t n = diff_rows(d, opt, 0);

	json_begin(&head, out);
	out_str(out, ",\n  \"diff\": ");
	json_put(out, section(d));
	out_str(out, ",\n  \"findings\": [");
	for (size_t i = 0; i < n && !out_failed(out); i++) {
		out_str(out, i ? ",\n    " : "\n    ");
		json_put(out, finding(d, &d->growths.v[i]));
	}
	out_str(out, n ? "\n  ]" : "]");
	json_end(&head, out);
}

void diff_jsonl(const struct diff *d, const struct options *opt, struct out *out)
{
	size_t n = diff_rows(d, opt, 0);

	json_begin_lines();
	for (size_t i = 0; i < n && !out_failed(out); i++) {
		json_put(out, finding(d, &d->growths.v[i]));
		out_char(out, '\n');
	}
}
