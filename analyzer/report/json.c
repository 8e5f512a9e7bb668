/*
 * JSON of the report. The outer object is written by hand, one key or one array element a line, so
 * that a long array is never held in memory as JSON and a file can be searched by line.
 */
#include "analyzer/report/json.h"

#include <jansson.h>

typedef json_t *make_element(const struct report *r, size_t i);

static void *json_alloc(size_t size)
{
	return mem_alloc(1, size);
}

static void put_key(struct out *out, const char *key)
{
	out_printf(out, ",\n  \"%s\": ", key);
}

static void put_section(struct out *out, const char *key, json_t *value)
{
	put_key(out, key);
	json_put(out, value);
}

static void put_array(struct out *out, const char *key, make_element *make,
                      const struct report *report, size_t n)
{
	put_key(out, key);
	out_char(out, '[');
	for (size_t i = 0; i < n && !out_failed(out); i++) {
		out_str(out, i ? ",\n    " : "\n    ");
		json_put(out, make(report, i));
	}
	out_str(out, n ? "\n  ]" : "]");
}

static json_t *verdict(const struct report *r)
{
	json_t *o = json_object();

	field_string(o, "code", r->verdict);
	field_string(o, "text", r->verdict_text);
	return o;
}

static json_t *limits(const struct report *r)
{
	json_t *o = json_object();

	field_number(o, "elapsed_ms", r->elapsed_ms);
	field_number(o, "peak_rss", r->peak_rss);
	return o;
}

void json_begin_lines(void)
{
	json_set_alloc_funcs(json_alloc, mem_free);
}

void json_begin(const struct report *r, struct out *out)
{
	json_set_alloc_funcs(json_alloc, mem_free);
	out_str(out, "{\n  \"schema\": \"" REPORT_SCHEMA "\"");
	put_section(out, "tool", json_tool());
	if (r->verdict)
		put_section(out, "verdict", verdict(r));
	put_section(out, "input", json_input(&r->input));
	put_section(out, "process", json_process(&r->process));
	if (r->has_memory)
		put_section(out, "memory", json_memory(&r->memory));
	if (r->has_leaks)
		put_section(out, "leaks", json_leaks(r));
	if (r->has_findings)
		put_array(out, "findings", json_finding, r, r->findings.n);
	if (r->has_sizes)
		put_array(out, "sizes", json_size, r, r->sizes.n);
	if (r->has_keepers)
		put_array(out, "keepers", json_keeper, r, r->keepers.n);
	if (r->has_arenas)
		put_array(out, "arenas", json_arena, r, r->arenas.n);
	if (r->has_tcaches)
		put_array(out, "tcaches", json_tcache, r, r->tcaches.n);
	if (r->has_modules)
		put_array(out, "modules", json_module, r, r->modules.n);
	if (r->has_threads)
		put_array(out, "threads", json_thread, r, r->threads.n);
	if (r->has_mappings)
		put_array(out, "mappings", json_mapping, r, r->mappings.n);
	if (r->profile)
		json_profile(r->profile, out);
}

void json_end(const struct report *r, struct out *out)
{
	if (r->has_limits)
		put_section(out, "limits", limits(r));
	out_str(out, "\n}\n");
}

void json_report(const struct report *r, struct out *out)
{
	json_begin(r, out);
	json_end(r, out);
}

void jsonl_rows(const struct report *r, enum report_rows rows, struct out *out)
{
	static make_element *const makers[] = {
		[ROWS_FINDINGS] = json_finding,
		[ROWS_ARENAS] = json_arena,
		[ROWS_THREADS] = json_thread,
		[ROWS_MAPPINGS] = json_mapping,
	};
	const size_t numbers[] = {
		[ROWS_FINDINGS] = r->findings.n,
		[ROWS_ARENAS] = r->arenas.n,
		[ROWS_THREADS] = r->threads.n,
		[ROWS_MAPPINGS] = r->mappings.n,
	};

	json_set_alloc_funcs(json_alloc, mem_free);
	for (size_t i = 0; i < numbers[rows] && !out_failed(out); i++) {
		json_put(out, makers[rows](r, i));
		out_char(out, '\n');
	}
}
