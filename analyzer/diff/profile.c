/*
 * The parts of a profile that are sums: groups of used blocks, mappings. The groups are findings of
 * a report of their own, so that they carry whatever findings carry, and the same fingerprints.
 */
#include "analyzer/diff/profile.h"
#include "analyzer/diff/census.h"
#include "analyzer/memory/ledger.h"
#include "analyzer/diff/sample.h"
#include "analyzer/process/when.h"

#include <stdlib.h>

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	array_free(&profile->groups);
	array_free(&profile->mappings);
	array_free(&profile->blocks);
	array_free(&profile->kin);
	mem_free(profile->kin_of);
	mem_free(profile->kin_rest);
	classes_free(&profile->classes);
	twins_free(&profile->twins);
	mem_free(profile);
}

/* ---- groups ---- */

static void add_groups(struct report *r, struct profile *p, struct analysis *a)
{
	struct report all = { .process = r->process, .pool = r->pool };

	if (p->by_size) {
		census_take(&all, p, a);
	} else {
		/* which possible blocks are structural takes longer than all the rest */
		if (!a->interior)
			a->typed = 1u << REACH_REACHABLE;
		analysis_types(a);
		report_add_groups(&all, a, GROUP_BY_ALL, ~0u);
	}
	report_finish(&all);
	r->pool = all.pool; /* what the strings of the groups are in */
	for (size_t i = 0; i < all.findings.n && i < PROFILE_GROUPS; i++)
		array_push(&p->groups, all.findings.v[i]);
	array_free(&all.findings);
}

/* ---- mappings ---- */

static bool is_malloc(enum ledger_kind kind)
{
	return kind == LEDGER_HEAP || kind == LEDGER_ARENA || kind == LEDGER_MMAPPED ||
	       kind == LEDGER_RESERVE;
}

/* Of what is told apart by name. */
static const char *path_of(const struct core *core, const struct ledger_part *part)
{
	int file = core->seg[part->segment].file;

	if ((part->kind != LEDGER_FILE && part->kind != LEDGER_SHARED) || file < 0)
		return NULL;
	return core->files[file].path;
}

static int by_kind(const void *a, const void *b)
{
	const struct profile_mapping *x = a, *y = b;
	int kind = strcmp(x->kind, y->kind);

	return kind ? kind : strcmp(x->path ? x->path : "", y->path ? y->path : "");
}

static void add_mappings(struct profile *p, struct analysis *a)
{
	struct ledger ledger;
	size_t n = 0;

	ledger_make(a->core, analysis_modules(a), analysis_heap(a), analysis_stacks(a), &ledger);
	for (size_t i = 0; i < ledger.n; i++) {
		const struct ledger_part *part = &ledger.v[i];
		struct profile_mapping m = {
			.kind = ledger_kind_name(part->kind),
			.path = path_of(a->core, part),
			.count = 1,
			.mapped = part->end - part->start,
		};

		if (is_malloc(part->kind))
			continue;
		m.resident = core_resident(a->core, part->start, part->end);
		array_push(&p->mappings, m);
	}
	ledger_free(&ledger);
	if (p->mappings.n)
		qsort(p->mappings.v, p->mappings.n, sizeof(*p->mappings.v), by_kind);
	for (size_t i = 0; i < p->mappings.n; i++) { /* one row a kind and path */
		struct profile_mapping *m = &p->mappings.v[i], *last = p->mappings.v + n - 1;

		if (n && !by_kind(last, m)) {
			last->count += m->count;
			last->mapped += m->mapped;
			last->resident += m->resident;
		} else {
			p->mappings.v[n++] = *m;
		}
	}
	p->mappings.n = n;
}

void report_add_profile(struct report *report, struct analysis *a, bool by_size)
{
	struct profile *p = mem_alloc(1, sizeof(*p));
	const struct heap *heap = analysis_heap(a);

	report->profile = p;
	when_of_core(report, a->core, p);
	add_mappings(p, a);
	if (!heap->nspans)
		return;
	for (size_t i = 0; i < heap->narenas; i++)
		p->top += heap->arena[i].top_size;
	p->by_size = by_size && !a->types;
	add_groups(report, p, a);
	sample_take(p, a);
}
