#include "analyzer/report/report.h"
#include "analyzer/site/origin.h"
#include "analyzer/process/process.h"
#include "analyzer/diff/profile.h"

#include <stdio.h>

void report_free(struct report *report)
{
	array_free(&report->input.warnings);
	array_free(&report->process.attributes);
	array_free(&report->process.allocators);
	array_free(&report->findings);
	array_free(&report->sizes);
	array_free(&report->keepers);
	array_free(&report->arenas);
	array_free(&report->tcaches);
	array_free(&report->modules);
	array_free(&report->threads);
	array_free(&report->mappings);
	profile_free(report->profile);
	array_free(&report->memory.knobs);
	pool_free(&report->pool);
	*report = (struct report){ 0 };
}

void report_warn(struct report *report, const char *code, const char *fmt, ...)
{
	struct report_warning w = { .code = code };
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w.message = pool_strndup(&report->pool, text, sizeof(text));
	array_push(&report->input.warnings, w);
}

const char *report_hex(struct report *report, const uint8_t *bytes, size_t size)
{
	char *hex = pool_alloc(&report->pool, size * 2 + 1);

	for (size_t i = 0; i < size; i++)
		snprintf(hex + i * 2, 3, "%02x", bytes[i]);
	return size ? hex : NULL;
}

void report_start(struct report *report, struct analysis *a)
{
	const struct core *core = a->core;
	static const struct {
		const char *kind, *writer;
	} kinds[] = {
		[CORE_KERNEL] = { "core", "kernel core" },
		[CORE_GCORE] = { "gcore", "gcore snapshot" },
		[CORE_VALGRIND] = { "core", "valgrind's core" },
	};

	*report = (struct report){ 0 };
	report->input = (struct report_input){
		.path = core->path,
		.bytes = core->given_size,
		.unpacked = core->file_size,
		.compression = core->compression,
		.broken = core->trouble != NULL,
		.kind = kinds[core->kind].kind,
		.writer = kinds[core->kind].writer,
		.truncated = core->truncated,
		.damaged = core->damaged || core->bad_headers,
		.missing = core->missing,
		.heap = -1,
		.stacks = -1,
		.globals = -1,
		.tls = -1,
		.coverage = -1,
	};
	process_describe(report, a);
	if (core->trouble)
		report_warn(
			report, "stream",
			"%s\n  remedy: copy it again from where it is whole, or take and compress "
			"the core again",
			core->trouble);
	if (core->truncated)
		report_warn_truncated(report);
	for (size_t i = 0; i < core->nwarnings; i++)
		report_warn(report, "notes", "%s", core->warning[i]);
	origins_warn(analysis_origins(a), report);
	report_warn_files(report, a);
	report->partial = core->truncated || core->trouble || core->nwarnings > 0;
}

/* Which names are missing in what was just looked up, and how to have them. */
static bool warn_nameless(struct report *report, const struct modules *modules)
{
	const char *text = "", *reason = NULL;
	size_t n = 0;

	for (size_t i = 0; i < modules->n; i++) {
		const struct module *m = &modules->v[i];

		if (!m->nameless)
			continue;
		if (n++ >= 3)
			continue;
		text = pool_printf(&report->pool, "%s%s%s", text, *text ? ", " : "",
		                   base_name(m->path));
		reason = reason ? reason : m->file_missing;
	}
	if (!n)
		return false;
	if (n > 3)
		text = pool_printf(&report->pool, "%s and %zu more", text, n - 3);
	report_warn(report, "names-missing",
	            "names in %s are missing, as the files that the process had are not at hand "
	            "(%s)\n"
	            "  what the heap holds and what is reachable do not depend on them\n"
	            "  remedy: --sysroot DIR (the container's root folder, such as "
	            "/proc/PID/root), --exe FILE, --debug-dir DIR or --debuginfod; `coreheap "
	            "check` lists the files",
	            text, reason ? reason : "not found");
	return true;
}

void report_warn_files(struct report *report, struct analysis *a)
{
	const struct modules *modules = analysis_modules(a);

	while (report->file_warnings < modules->warnings.n)
		report_warn(report, "files", "%s", modules->warnings.v[report->file_warnings++]);
	if (!report->told_nameless)
		report->told_nameless = warn_nameless(report, modules);
}

void report_add_modules(struct report *report, struct analysis *a)
{
	struct modules *modules = analysis_modules(a);

	for (size_t i = 0; i < modules->n; i++) {
		const struct module *m = &modules->v[i];
		const char *file = modules_file(modules, m);
		struct report_module row = {
			.path = m->path,
			.build_id = report_hex(report, m->build_id, m->build_id_size),
			.start = m->start,
			.end = m->end,
			.file = file,
			.missing = file ? NULL : m->file_missing,
		};

		array_push(&report->modules, row);
	}
	report->has_modules = true;
	report_warn_files(report, a);
}

void report_add_leaks(struct report *report, struct analysis *a)
{
	const struct reach *reach = analysis_reach(a);

	if (!analysis_heap(a)->nspans) /* no blocks are known: neither is that none leaked */
		return;
	report->has_leaks = true;
	report->leaks = (struct report_leaks){
		.definite = reach->total[REACH_DEFINITE],
		.indirect = reach->total[REACH_INDIRECT],
		.possible = reach->total[REACH_POSSIBLE],
		.reachable = reach->total[REACH_REACHABLE],
		.withheld = reach->withheld,
		.suspended = reach->withheld_tally,
		.shared = { ABSENT, ABSENT },
		.sharers = ABSENT,
		.structural = { ABSENT, ABSENT },
		.weak_words = ABSENT,
	};
}
