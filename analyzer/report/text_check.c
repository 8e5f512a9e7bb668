/* Is the core whole? A line for each thing that can be missing, then what is wrong in words. */
#include "analyzer/report/text.h"
#include "analyzer/report/text_report.h"

static void line(struct table *t, bool good, const char *what, const char *state)
{
	table_cell(t, "%s", good ? "ok" : "--");
	table_cell(t, "%s", what);
	table_cell(t, "%s", state);
}

static void share_line(struct table *t, const char *what, double share, const char *none)
{
	char text[TEXT_NUMBER];

	if (share < 0) {
		line(t, false, what, none);
		return;
	}
	text_share(text, (uint64_t)(share * 1e6), 1000000);
	line(t, share >= 1, what, pool_printf(&t->pool, "%s present", share >= 1 ? "all" : text));
}

static void file_line(struct table *t, const struct report *r)
{
	uint64_t whole = r->input.unpacked + r->input.missing;
	const char *packed = text_compression(&t->pool, r);
	char bytes[TEXT_NUMBER], of[TEXT_NUMBER];

	text_bytes(bytes, r->input.unpacked);
	if (r->input.truncated)
		line(t, false, "file",
		     pool_printf(&t->pool, "cut off: %s of %s present%s", bytes,
		                 text_bytes(of, whole), packed));
	else if (r->input.broken)
		line(t, false, "file",
		     pool_printf(&t->pool, "its stream is damaged: %s%s", bytes, packed));
	else
		line(t, true, "file", pool_printf(&t->pool, "whole, %s%s", bytes, packed));
}

static void modules_line(struct table *t, const struct report *r)
{
	size_t found = 0;

	if (!r->modules.n) {
		line(t, false, "program and libraries",
		     "not known: the core has no map of files, or none of them was loaded");
		return;
	}
	for (size_t i = 0; i < r->modules.n; i++)
		found += r->modules.v[i].file != NULL;
	line(t, found == r->modules.n, "program and libraries",
	     found == r->modules.n
	             ? pool_printf(&t->pool, "all %zu found on this host with the same build-id",
	                           found)
	             : pool_printf(&t->pool, "%zu of %zu found on this host with the same build-id",
	                           found, r->modules.n));
}

/* Whose heap it is, where that is not plainly glibc's. */
static void allocator_lines(struct table *t, const struct report *r)
{
	static const struct {
		const char *role, *says;
	} words[] = {
		{ "malloc", "is the program's malloc, and not glibc's: its heap is not read" },
		{ "beside", "has memory of its own beside malloc's: not read, but searched for "
		            "pointers" },
		{ "mapped", "is mapped, and nothing shows that malloc is its" },
	};

	for (size_t i = 0; i < r->process.allocators.n; i++) {
		const struct report_allocator *a = &r->process.allocators.v[i];
		const char *slash = a->module ? strrchr(a->module, '/') : NULL, *says = "", *by;

		for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
			if (!strcmp(a->role, words[k].role))
				says = words[k].says;
		by = a->module ? pool_printf(&t->pool, " (%s)", slash ? slash + 1 : a->module) : "";
		line(t, strcmp(a->role, "malloc") != 0, i ? "" : "other allocators",
		     pool_printf(&t->pool, "%s%s %s", a->name, by, says));
	}
}

static void sums_line(struct table *t, const struct report *r)
{
	uint64_t damaged = 0, differ = 0;
	bool lost = false;
	char walked[TEXT_NUMBER] = "some";

	if (r->input.coverage >= 0)
		text_share(walked, (uint64_t)(r->input.coverage * 1e6), 1000000);
	for (size_t i = 0; i < r->input.warnings.n; i++)
		lost |= !strcmp(r->input.warnings.v[i].code, "main-arena-lost");
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct report_finding *f = &r->findings.v[i];

		*(strcmp(f->kind, "corruption") ? &differ : &damaged) += f->count;
	}
	if (damaged)
		line(t, false, "heap's structure",
		     pool_printf(&t->pool, "damaged in %s, %s of its bytes walked",
		                 text_plural(&t->pool, damaged, "place", "places"), walked));
	else if (differ)
		line(t, false, "heap's structure", "malloc's sums disagree with what was found");
	else if (lost)
		line(t, true, "heap's structure", "undamaged; malloc's own sums are not there");
	else
		line(t, true, "heap's structure", "undamaged, and malloc's own sums agree");
}

/* Which glibc malloc's structures are of, and how that is known. */
static void layout_line(struct table *t, const struct report *r)
{
	const char *source = r->process.layout_source, *versions = r->process.layout_versions;

	if (!source)
		return;
	if (!versions)
		line(t, false, "malloc's layout",
		     pool_printf(&t->pool, "that of no known glibc: %s",
		                 strcmp(source, "dwarf") ? "inferred from the heap's structure"
		                                         : "read from libc's debug information"));
	else if (!strcmp(source, "inferred"))
		line(t, false, "malloc's layout",
		     pool_printf(&t->pool, "inferred from the heap's structure: as in glibc %s",
		                 versions));
	else
		line(t, true, "malloc's layout",
		     pool_printf(&t->pool, "as in glibc %s%s", versions,
		                 strcmp(source, "dwarf")
		                         ? ""
		                         : ", and libc's debug information agrees"));
}

static const char *headline(const struct report *r)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		if (!strcmp(r->findings.v[i].kind, "corruption"))
			return r->partial ? "PARTIAL CORE, DAMAGED HEAP" : "DAMAGED HEAP";
	}
	return r->partial ? "PARTIAL CORE" : "WHOLE CORE";
}

static void findings(const struct report *r, struct out *out)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct report_finding *f = &r->findings.v[i];
		struct pool pool = { 0 };
		char at[TEXT_NUMBER];

		const char *text = pool_printf(&pool, "%s %s: %s", f->kind, f->code, f->message);

		if (f->example && !strstr(f->message, text_addr(at, f->example)))
			text = pool_printf(&pool, "%s, at %s", text, at);
		if (f->front.addr)
			text = pool_printf(
				&pool, "%s. The block in front of it, %s, is %s and of %llu bytes",
				text, text_addr(at, f->front.addr),
				f->front.state == BLOCK_USED   ? "used"
				: f->front.state == BLOCK_FREE ? "free"
							       : "malloc's own",
				(unsigned long long)f->front.size);
		if (f->count > 1)
			text = pool_printf(&pool, "%s (%llu times)", text,
			                   (unsigned long long)f->count);
		text_wrap(out, 2, text);
		pool_free(&pool);
	}
}

static void missing_files(const struct report *r, struct out *out)
{
	struct table t = { .indent = 2, .headless = true };

	table_column(&t, "", false);
	table_column(&t, "", false);
	for (size_t i = 0; i < r->modules.n; i++) {
		const struct report_module *m = &r->modules.v[i];

		if (m->file)
			continue;
		table_cell(&t, "%s", m->path);
		table_cell(&t, "%s%s%s", m->missing ? m->missing : "not found",
		           m->build_id ? ", build-id " : "", m->build_id ? m->build_id : "");
	}
	if (t.cells.n == 0)
		return;
	out_str(out,
	        "\nFiles that are missing here. Names and backtraces depend on them; the heap, "
	        "what is\nreachable and the sizes do not. Remedy: --sysroot DIR (the "
	        "container's root folder, such\nas /proc/PID/root), --exe FILE, "
	        "--debug-dir DIR, or --debuginfod.\n");
	table_print(&t, out);
}

void text_check(const struct report *r, const struct options *opt, struct out *out)
{
	struct table t = { .indent = 2, .headless = true };

	(void)opt;
	out_style(out, r->partial || r->findings.n ? STYLE_WARN : STYLE_GOOD);
	out_str(out, headline(r));
	out_plain(out);
	out_char(out, '\n');
	text_process(r, out);
	out_char(out, '\n');
	table_column(&t, "", false);
	table_column(&t, "", false);
	table_column(&t, "", false);
	file_line(&t, r);
	share_line(&t, "heap", r->input.heap,
	           r->process.allocator    ? "not glibc's"
	           : r->input.heap_missing ? "not in the core"
	                                   : "none found");
	if (r->input.heap >= 0)
		sums_line(&t, r);
	layout_line(&t, r);
	allocator_lines(&t, r);
	share_line(&t, "thread stacks", r->input.stacks, "none found");
	share_line(&t, "global data", r->input.globals, "none found");
	share_line(&t, "thread-local data", r->input.tls, "none found");
	modules_line(&t, r);
	table_print(&t, out);
	if (r->input.warnings.n || r->findings.n)
		out_char(out, '\n');
	text_warnings(r, out);
	findings(r, out);
	missing_files(r, out);
}
