#include "analyzer/report/json_load.h"
#include "analyzer/report/json.h"
#include "analyzer/report/json_field.h"
#include "analyzer/diff/profile.h"

#include <jansson.h>

#define LOAD_MEMORY ((size_t)768 << 20) /* what jansson may take for it */

static size_t taken; /* bytes that jansson has asked for since the file was begun */

/* As jansson wants it: NULL where there is no more. */
static void *bounded_alloc(size_t size)
{
	if (size > LOAD_MEMORY - taken)
		return NULL;
	taken += size;
	return mem_alloc(1, size);
}

static void *plain_alloc(size_t size)
{
	return mem_alloc(1, size);
}

static void load_input(struct loading *l, const json_t *root)
{
	const json_t *o = load_object(l, root, "input"), *warnings, *w;
	struct report_input *in = &l->report->input;
	size_t i;

	in->path = l->path;
	in->kind = "report";
	in->writer = "saved report";
	in->heap = in->stacks = in->globals = in->tls = in->coverage = -1;
	if (!o) {
		load_bad(l, "input", "there");
		return;
	}
	in->truncated = load_bool(l, o, "truncated");
	in->writer = pool_printf(&l->report->pool, "saved report of %s", load_name(l, o, "path"));
	warnings = load_array(l, o, "warnings");
	json_array_foreach(warnings, i, w)
	{
		struct report_warning row = { load_name(l, w, "code"), load_name(l, w, "message") };

		array_push(&in->warnings, row);
	}
}

static void load_process(struct loading *l, const json_t *root)
{
	const json_t *o = load_object(l, root, "process"), *libc;
	struct report_process *p = &l->report->process;
	uint64_t signal;

	if (!o) {
		load_bad(l, "process", "there");
		return;
	}
	libc = load_object(l, o, "libc");
	signal = load_number(l, o, "signal");
	*p = (struct report_process){
		.comm = load_string(l, o, "comm"),
		.exe = load_string(l, o, "exe"),
		.pid = load_number(l, o, "pid"),
		.signal = signal < 128 ? (int)signal : 0,
		.threads = load_number(l, o, "threads"),
		.arch = load_name(l, o, "arch"),
		.build_id = load_string(l, o, "build_id"),
		.timestamp = load_string(l, o, "timestamp"),
		.instance = load_string(l, o, "instance"),
		.allocator = load_string(l, o, "allocator"),
	};
	if (libc) {
		p->libc_version = load_string(l, libc, "version");
		p->libc_build_id = load_string(l, libc, "build_id");
	}
}

static void load_numbers(struct loading *l, const json_t *o, const struct json_number *v)
{
	for (; v->key; v++)
		*(uint64_t *)((char *)&l->report->memory + v->at) = load_number(l, o, v->key);
}

static void load_memory(struct loading *l, const json_t *root)
{
	const json_t *o = load_object(l, root, "memory");

	if (!o)
		return;
	l->report->has_memory = true;
	load_numbers(l, o, json_memory_numbers);
	load_numbers(l, load_object(l, o, "address_space"), json_space_numbers);
}

static void load_leaks(struct loading *l, const json_t *root)
{
	const json_t *o = load_object(l, root, "leaks");
	struct report_leaks *leaks = &l->report->leaks;

	if (!o)
		return;
	l->report->has_leaks = true;
	leaks->definite = load_tally(l, o, "definite");
	leaks->indirect = load_tally(l, o, "indirect");
	leaks->possible = load_tally(l, o, "possible");
	leaks->reachable = load_tally(l, o, "reachable");
	leaks->structural = load_tally(l, o, "structural");
	leaks->weak_words = load_number(l, o, "weak_words");
	leaks->withheld = load_bool(l, o, "withheld");
	if (leaks->definite.bytes == ABSENT || leaks->indirect.bytes == ABSENT ||
	    leaks->possible.bytes == ABSENT || leaks->reachable.bytes == ABSENT)
		load_bad(l, "leaks", "whole");
}

struct report_finding load_finding(struct loading *l, const json_t *o)
{
	const json_t *site = load_object(l, o, "site");
	const char *print = load_name(l, o, "fingerprint");
	struct report_finding f = {
		.kind = load_name(l, o, "kind"),
		.reach = load_string(l, o, "reach"),
		.signature = load_string(l, o, "signature"),
		.interior = load_string(l, o, "interior"),
		.blocks = load_number(l, o, "blocks"),
		.bytes = load_number(l, o, "bytes"),
		.held = load_tally(l, o, "held"),
		.retained_bytes = load_number(l, o, "retained_bytes"),
		.size = load_number(l, o, "size"),
		.type = load_string(l, o, "type"),
		.type_confidence = load_share(l, o, "type_confidence"),
		.site = { .line = ABSENT, .offset = ABSENT },
		.site_confidence = load_share(l, o, "site_confidence"),
		.site_method = load_string(l, o, "site_method"),
		.owner = load_string(l, o, "owner"),
		.example = load_address(l, o, "example"),
		.code = load_string(l, o, "code"),
		.count = load_number(l, o, "count"),
	};

	if (strlen(print) >= sizeof(f.fingerprint))
		load_bad(l, "fingerprint", "one");
	else
		memcpy(f.fingerprint, print, strlen(print) + 1);
	if (site) {
		f.site.function = load_string(l, site, "function");
		f.site.file = load_string(l, site, "file");
		f.site.module = load_string(l, site, "module");
		f.site.line = load_number(l, site, "line");
		f.site.offset = load_number(l, site, "offset");
	}
	return f;
}

static void load_lists(struct loading *l, const json_t *root)
{
	const json_t *list = load_array(l, root, "findings"), *o;
	struct report *r = l->report;
	size_t i;

	r->has_findings = list != NULL;
	json_array_foreach(list, i, o)
	{
		array_push(&r->findings, load_finding(l, o));
		if (l->bad)
			return;
	}
	list = load_array(l, root, "sizes");
	r->has_sizes = list != NULL;
	json_array_foreach(list, i, o)
	{
		struct report_size row = {
			.size = load_number(l, o, "size"),
			.definite = load_tally(l, o, "definite"),
			.indirect = load_tally(l, o, "indirect"),
			.possible = load_tally(l, o, "possible"),
			.reachable = load_tally(l, o, "reachable"),
		};

		array_push(&r->sizes, row);
		if (l->bad)
			return;
	}
}

static bool check_schema(struct loading *l, const json_t *root)
{
	const char *schema = json_string_value(json_object_get(root, "schema"));

	if (schema && !strcmp(schema, REPORT_SCHEMA))
		return true;
	if (schema && !strncmp(schema, "coreheap.report/", 16))
		err_set(l->err,
		        "%s: a report of another version (%.40s) than this release reads "
		        "(" REPORT_SCHEMA "); make it again from its core",
		        l->path, schema);
	else
		err_set(l->err,
		        "%s: JSON, but not a report of coreheap (no \"schema\": \"" REPORT_SCHEMA
		        "\"); give a core, or what coreheap summary CORE --json wrote",
		        l->path);
	l->bad = true;
	return false;
}

static void load_root(struct loading *l, const json_t *root, const struct document *document)
{
	struct report_input *in = &l->report->input;

	if (!check_schema(l, root))
		return;
	load_input(l, root);
	in->bytes = document->given;
	in->unpacked = document->n;
	in->compression = document->compression;
	load_process(l, root);
	load_memory(l, root);
	load_leaks(l, root);
	if (!l->bad)
		load_lists(l, root);
	if (!l->bad)
		load_profile(l, root);
	l->report->partial = in->truncated;
}

bool json_load(const char *path, const struct document *document, struct report *report,
               struct err *err)
{
	struct loading l = { .path = path, .report = report, .err = err };
	json_error_t why = { 0 };
	json_t *root;

	*report = (struct report){ 0 };
	taken = 0;
	json_set_alloc_funcs(bounded_alloc, mem_free);
	root = json_loadb(document->text, document->n, JSON_REJECT_DUPLICATES, &why);
	json_set_alloc_funcs(plain_alloc, mem_free);
	if (!root)
		return err_set(err,
		               "%s: not a whole JSON file: %s (line %d); it may be cut off: copy "
		               "or make it again",
		               path, why.text, why.line);
	load_root(&l, root, document);
	json_decref(root);
	if (l.bad)
		report_free(report);
	return !l.bad;
}
