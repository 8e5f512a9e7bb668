#include "analyzer/report/prom.h"
#include "analyzer/process/process.h"
#include "analyzer/report/text.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct prom {
	struct pool pool;
	struct out *out;
	const char *whose; /* labels that each sample has: comm="...",pid="..." */
};

/* `name="value",` behind what there is; nothing for NULL, as an empty label is none. */
static const char *label(struct pool *pool, const char *labels, const char *name, const char *value)
{
	const char *safe = value ? text_escape(pool, value) : "";
	char *quoted, *to;

	if (!*safe)
		return labels;
	quoted = to = pool_alloc(pool, strlen(safe) * 2 + 1);
	for (; *safe; safe++) {
		if (*safe == '\\' || *safe == '"')
			*to++ = '\\';
		*to++ = *safe;
	}
	*to = 0;
	return pool_printf(pool, "%s%s%s=\"%s\"", labels, *labels ? "," : "", name, quoted);
}

static const char *label_number(struct pool *pool, const char *labels, const char *name, uint64_t n)
{
	return n == ABSENT ? labels
	                   : label(pool, labels, name,
	                           pool_printf(pool, "%llu", (unsigned long long)n));
}

static void family(struct prom *p, const char *name, const char *help)
{
	out_printf(p->out, "# HELP coreheap_%s %s\n# TYPE coreheap_%s gauge\n", name, help, name);
}

static void sample(struct prom *p, const char *name, const char *labels, uint64_t n)
{
	if (n == ABSENT)
		return;
	out_printf(p->out, "coreheap_%s{", name);
	out_str(p->out, labels);
	out_str(p->out, "} ");
	out_u64(p->out, n);
	out_char(p->out, '\n');
}

/* A family of one sample. */
static void single(struct prom *p, const char *name, const char *help, uint64_t n)
{
	if (n == ABSENT)
		return;
	family(p, name, help);
	sample(p, name, p->whose, n);
}

static void put_process(struct prom *p, const struct report *r)
{
	const struct report_process *process = &r->process;
	struct pool *pool = &p->pool;
	const char *labels = p->whose;

	labels = label(pool, labels, "exe", process->exe);
	labels = label(pool, labels, "build_id", process->build_id);
	labels = label(pool, labels, "arch", process->arch);
	labels = label(pool, labels, "libc", process->libc_version);
	labels = label(pool, labels, "allocator", process->allocator);
	labels = label(pool, labels, "signal", process_signal_name(process->signal));
	labels = label(pool, labels, "core", base_name(r->input.path));
	labels = label(pool, labels, "kind", r->input.kind);
	labels = label(pool, labels, "verdict", r->verdict);
	labels = label(pool, labels, "version", COREHEAP_VERSION);
	family(p, "info", "The process and the core that were analyzed; always 1.");
	sample(p, "info", labels, 1);
	single(p, "threads", "Threads of the process.", process->threads);
	single(p, "partial", "1 where part of the core could not be read.", r->partial);
}

static void put_completeness(struct prom *p, const struct report_input *in)
{
	const struct {
		const char *of;
		double share;
	} v[] = {
		{ "heap", in->heap },
		{ "stacks", in->stacks },
		{ "globals", in->globals },
		{ "tls", in->tls },
	};

	family(p, "completeness_ratio", "How much of what should be in the core is there, 0 to 1.");
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		if (v[i].share < 0)
			continue;
		out_printf(p->out, "coreheap_completeness_ratio{");
		out_str(p->out, label(&p->pool, p->whose, "of", v[i].of));
		out_printf(p->out, "} %.6g\n", v[i].share);
	}
}

#define AT(field) offsetof(struct report_memory, field)
static const struct {
	const char *name, *help;
	size_t at; /* of a uint64_t */
} memory_numbers[] = {
	{ "mapped_bytes", "All mappings.", AT(mapped) },
	{ "resident_bytes", "Of them resident, as far as the core tells.", AT(resident) },
	{ "in_use_bytes", "Usable bytes of blocks in use.", AT(in_use) },
	{ "in_use_blocks", "Blocks in use.", AT(in_use_blocks) },
	{ "free_held_bytes", "Usable bytes of free blocks that malloc keeps.", AT(free_held) },
	{ "free_held_blocks", "Free blocks that malloc keeps.", AT(free_blocks) },
	{ "internal_bytes", "Blocks that are malloc's own.", AT(internal) },
	{ "trimmable_bytes", "What malloc_trim(0) would return.", AT(trimmable) },
	{ "mmapped_bytes", "Of those in use, in blocks with a mapping of their own.", AT(mmapped) },
	{ "arenas", "Arenas of malloc.", AT(arenas) },
};
#undef AT

static void put_owners(struct prom *p, const struct report_memory *m, bool resident)
{
	for (int i = 0; i < OWNERS; i++) {
		const char *owner = balance_owner_name((enum balance_owner)i);

		if (m->ledger[i].bytes)
			sample(p, resident ? "memory_resident_bytes" : "memory_bytes",
			       label(&p->pool, p->whose, "owner", owner),
			       resident ? m->ledger[i].resident : m->ledger[i].bytes);
	}
}

static void put_memory(struct prom *p, const struct report_memory *m)
{
	for (size_t i = 0; i < sizeof(memory_numbers) / sizeof(*memory_numbers); i++)
		single(p, memory_numbers[i].name, memory_numbers[i].help,
		       *(const uint64_t *)((const char *)m + memory_numbers[i].at));
	family(p, "memory_bytes", "Every mapped byte, by its owner: they add up to all mappings.");
	put_owners(p, m, false);
	family(p, "memory_resident_bytes", "The same, resident as far as the core tells.");
	put_owners(p, m, true);
}

static void put_leaks(struct prom *p, const struct report *r)
{
	const struct report_leaks *l = &r->leaks;
	const struct {
		const char *reach;
		struct tally t;
	} v[] = {
		{ "definite", l->definite },
		{ "indirect", l->indirect },
		{ "possible", l->possible },
		{ "reachable", l->reachable },
	};

	family(p, "used_blocks", "Blocks in use by reach; definite and indirect ones are leaked.");
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		sample(p, "used_blocks", label(&p->pool, p->whose, "reach", v[i].reach),
		       v[i].t.blocks);
	family(p, "used_bytes", "Usable bytes of these blocks.");
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		sample(p, "used_bytes", label(&p->pool, p->whose, "reach", v[i].reach),
		       v[i].t.bytes);
	single(p, "leaks_withheld", "1 where roots are missing: nothing is called leaked then.",
	       l->withheld);
	if (r->suppressed.asked)
		single(p, "suppressed_bytes", "Of these, what suppressions left out.",
		       report_suppressed_sum(r).bytes);
}

/* ---- findings ---- */

struct row {
	const char *labels;
	uint64_t blocks, bytes, retained;
};

static int by_labels(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->labels, ((const struct row *)b)->labels);
}

static const char *finding_labels(struct prom *p, const struct report_finding *f)
{
	const char *labels = label(&p->pool, p->whose, "fingerprint", f->fingerprint);

	labels = label(&p->pool, labels, "kind", f->kind);
	labels = label(&p->pool, labels, "reach", f->reach);
	labels = label_number(&p->pool, labels, "size", f->size);
	labels = label(&p->pool, labels, "type", f->type);
	labels = label(&p->pool, labels, "site", f->site_name);
	labels = label(&p->pool, labels, "site_method", f->site_method);
	return label(&p->pool, labels, "code", f->code);
}

/* More than one finding may be of one name; a sample is told once. Returns how many rows are left.
 */
static size_t merge(struct row *v, size_t n)
{
	size_t kept = 0;

	qsort(v, n, sizeof(*v), by_labels);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(v[kept].labels, v[i].labels) != 0) {
			v[++kept] = v[i];
			continue;
		}
		v[kept].blocks += v[i].blocks;
		v[kept].bytes += v[i].bytes;
		v[kept].retained += v[i].retained;
	}
	return n ? kept + 1 : 0;
}

/* One column of the rows; `at`: its place in struct row. */
static void put_column(struct prom *p, const char *name, const char *help, const struct row *v,
                       size_t n, size_t at)
{
	if (n)
		family(p, name, help);
	for (size_t i = 0; i < n && !out_failed(p->out); i++)
		sample(p, name, v[i].labels, *(const uint64_t *)((const char *)&v[i] + at));
}

static void put_findings(struct prom *p, const struct report *r, uint64_t most)
{
	struct row *leaks = mem_alloc(r->findings.n + 1, sizeof(*leaks));
	struct row *damage = mem_alloc(r->findings.n + 1, sizeof(*damage));
	size_t nleaks = 0, ndamage = 0;

	for (size_t i = 0; i < r->findings.n; i++) {
		const struct report_finding *f = &r->findings.v[i];

		if (!f->reach)
			damage[ndamage++] = (struct row){ finding_labels(p, f), f->count, 0, 0 };
		else if (!most || nleaks < most)
			leaks[nleaks++] = (struct row){ finding_labels(p, f), f->blocks, f->bytes,
				                        f->retained_bytes };
	}
	single(p, "findings", "Findings: groups of blocks, and kinds of damage.", r->findings.n);
	nleaks = merge(leaks, nleaks);
	ndamage = merge(damage, ndamage);
	put_column(p, "finding_blocks", "Blocks of a finding, the largest findings.", leaks, nleaks,
	           offsetof(struct row, blocks));
	put_column(p, "finding_bytes", "Usable bytes of these blocks.", leaks, nleaks,
	           offsetof(struct row, bytes));
	put_column(p, "finding_retained_bytes", "The same, with what only they hold.", leaks,
	           nleaks, offsetof(struct row, retained));
	put_column(p, "damage", "How often the heap was seen damaged, or at odds, in a way.",
	           damage, ndamage, offsetof(struct row, blocks));
	mem_free(leaks);
	mem_free(damage);
}

void prom_report(const struct report *r, uint64_t most, struct out *out)
{
	struct prom p = { .out = out };

	p.whose = label(&p.pool, "", "comm", r->process.comm);
	p.whose = label_number(&p.pool, p.whose, "pid", r->process.pid);
	put_process(&p, r);
	put_completeness(&p, &r->input);
	if (r->has_memory)
		put_memory(&p, &r->memory);
	if (r->has_leaks)
		put_leaks(&p, r);
	put_findings(&p, r, most);
	out_str(out, "# EOF\n");
	pool_free(&p.pool);
}
