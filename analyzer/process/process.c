/*
 * What the core and the attributes of its file tell about the process. systemd-coredump writes
 * user.coredump.* (systemd, src/coredump/coredump.c); other handlers may follow it.
 */
#include "analyzer/process/process.h"
#include "analyzer/process/abort.h"
#include "analyzer/process/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <time.h>

#define AT_ENTRY 9 /* Linux include/uapi/linux/auxvec.h */

#define PREFIX        "user.coredump."
#define ATTRIBUTE_MAX 4096 /* bytes of one value that are kept */

/* OpenTelemetry's semantic conventions for process and host; the others keep their own name. */
static const struct {
	const char *attribute, *name;
} otel_names[] = {
	{ "comm", "process.executable.name" }, { "exe", "process.executable.path" },
	{ "hostname", "host.name" },           { "pid", "process.pid" },
	{ "uid", "process.real_user.id" },
};

static const char *otel_name(const char *attribute)
{
	for (size_t i = 0; i < sizeof(otel_names) / sizeof(*otel_names); i++) {
		if (!strcmp(attribute + sizeof(PREFIX) - 1, otel_names[i].attribute))
			return otel_names[i].name;
	}
	return attribute;
}

/* Microseconds since 1970, as systemd writes them, to RFC 3339. NULL: no such number. */
static const char *timestamp(struct pool *pool, const char *value)
{
	char text[32], *end;
	unsigned long long us = strtoull(value, &end, 10);
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;

	if (end == value || *end || us == 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 8000)
		return NULL;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return pool_printf(pool, "%s.%06lluZ", text, us % 1000000);
}

static int by_name(const void *a, const void *b)
{
	const struct report_attribute *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void add_attribute(struct report *r, const char *path, const char *attribute)
{
	char value[ATTRIBUTE_MAX + 1];
	ssize_t n = getxattr(path, attribute, value, ATTRIBUTE_MAX);
	struct report_attribute row;

	if (n < 0)
		return;
	value[n] = 0;
	row.name = pool_strndup(&r->pool, otel_name(attribute), 256);
	row.value = pool_strndup(&r->pool, value, ATTRIBUTE_MAX);
	array_push(&r->process.attributes, row);
	if (!strcmp(attribute, PREFIX "timestamp"))
		r->process.timestamp = timestamp(&r->pool, row.value);
}

static void read_attributes(struct report *r, const char *path)
{
	char list[65536]; /* the kernel's XATTR_LIST_MAX */
	ssize_t n = listxattr(path, list, sizeof(list));

	for (ssize_t at = 0; at < n; at += (ssize_t)strnlen(list + at, (size_t)(n - at)) + 1) {
		if (!strncmp(list + at, PREFIX, sizeof(PREFIX) - 1))
			add_attribute(r, path, list + at);
	}
	if (r->process.attributes.n)
		qsort(r->process.attributes.v, r->process.attributes.n,
		      sizeof(*r->process.attributes.v), by_name);
}

static void describe_modules(struct report *r, struct analysis *a)
{
	struct report_process *p = &r->process;
	struct modules *modules = analysis_modules(a);
	const struct module *libc = NULL;
	const char *version = modules_libc(a->core, modules, &libc);
	const struct filemap *entry;
	uint64_t at;

	if (modules->exe < modules->n) {
		const struct module *exe = &modules->v[modules->exe];

		p->exe = exe->path;
		p->build_id = report_hex(r, exe->build_id, exe->build_id_size);
	} else if (core_auxv(a->core, AT_ENTRY, &at) && (entry = core_file(a->core, at))) {
		p->exe = entry->path;
	}
	p->libc_version = version;
	if (libc)
		p->libc_build_id = report_hex(r, libc->build_id, libc->build_id_size);
}

/* An entry of the table fits what is newer than the table, or so it seems. */
static void doubt_layout(struct report_process *p)
{
	if (p->layout_source && !strcmp(p->layout_source, "table") && layout_lacks(p->libc_version))
		p->layout_source = "inferred";
}

static void describe_allocators(struct report_process *p, const struct allocators *all)
{
	const struct allocator *own = allocators_malloc(all);

	p->allocator = own ? own->name : NULL;
	for (size_t i = 0; i < all->n; i++) {
		const struct allocator *a = &all->v[i];
		struct report_allocator row = { a->name, allocator_role_name(a->role), a->module };

		array_push(&p->allocators, row);
	}
}

void process_describe(struct report *report, struct analysis *a)
{
	const struct core *core = a->core;
	const struct heap *heap = analysis_heap(a);
	struct report_process *p = &report->process;
	struct siphash_key key;

	*p = (struct report_process){
		.comm = core->comm[0] ? core->comm : NULL,
		.pid = core->pid > 0 ? (uint64_t)core->pid : ABSENT,
		.signal = core->signal,
		.threads = core->nthreads,
		.arch = core->machine->name,
		.layout_source = heap->nspans ? heap->layout_source : NULL,
		.layout_versions = heap->nspans ? heap->versions : NULL,
	};
	p->abort_message = abort_message(core, &report->pool);
	if (instance_key(core, &key))
		p->instance = pool_printf(&report->pool, "%016llx",
		                          (unsigned long long)instance_name(&key));
	describe_modules(report, a);
	doubt_layout(p);
	describe_allocators(p, analysis_allocators(a));
	read_attributes(report, strcmp(core->path, "-") ? core->path : "/dev/stdin");
}

const char *process_signal_name(int signal)
{
	/* Linux arch/x86/include/uapi/asm/signal.h; aarch64 has the same numbers (asm-generic) */
	static const char *const names[] = {
		NULL,       "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",  "SIGTRAP",   "SIGABRT",
		"SIGBUS",   "SIGFPE",  "SIGKILL",   "SIGUSR1", "SIGSEGV", "SIGUSR2",   "SIGPIPE",
		"SIGALRM",  "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP",   "SIGTSTP",
		"SIGTTIN",  "SIGTTOU", "SIGURG",    "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF",
		"SIGWINCH", "SIGIO",   "SIGPWR",    "SIGSYS",
	};

	size_t at = (size_t)signal; /* a negative one becomes larger than any */

	return at < sizeof(names) / sizeof(*names) ? names[at] : NULL;
}
