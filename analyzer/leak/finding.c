/*
 * Findings of the report and their fingerprints. A fingerprint says what a leak is and nothing of
 * this run: program name, kind, type or else size of the blocks, what hangs on them, site or owner.
 * Any of them that is unknown counts as empty, so a fingerprint changes when more becomes known;
 * the version in front ("h1:") changes when the rule does.
 */
#include "analyzer/leak/group.h"
#include "analyzer/reach/effort.h"
#include "analyzer/report/report.h"
#include "analyzer/site/origin.h"
#include "analyzer/site/site.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * The executable's name, else comm: a kernel core's comm is that of the thread that dumped, so it
 * can differ from run to run. Linux marks the path of a removed file with " (deleted)".
 */
static const char *program_name(struct report *r)
{
	static const char deleted[] = " (deleted)";
	const char *exe = r->process.exe;
	size_t n;

	if (!exe || !*exe)
		return r->process.comm ? r->process.comm : "";
	exe = base_name(exe);
	n = strlen(exe);
	if (n > sizeof(deleted) - 1 && !strcmp(exe + n - (sizeof(deleted) - 1), deleted))
		n -= sizeof(deleted) - 1;
	return pool_strndup(&r->pool, exe, n);
}

/* Of blocks of one size of which no more is known: as group.c has it. */
static void sign_size(struct report *r, struct report_finding *f)
{
	const struct look look = { .type = f->type, .size = f->size };

	f->key = hash_number(look_key(&look), 0);
	f->signature = look_text(&look, &r->pool);
}

/* Without lines and offsets, which the next release has elsewhere. */
static const char *where_of(const struct report_finding *f)
{
	const char *owner = f->owner;

	if (f->site.function)
		return f->site.function;
	if (f->owned)
		owner = f->owned->type ? f->owned->type : f->owned->site.function;
	return owner ? owner : "";
}

static void sign(struct report *r, const char *program, struct report_finding *f)
{
	const char *where = where_of(f);
	uint64_t h = hash_text(hash_text(HASH_START, program), f->kind);

	if (*f->fingerprint) /* it was read from a report */
		return;
	if (!f->code && !f->signature)
		sign_size(r, f);
	/* Heads and what they hold are different findings of one kind. */
	h = hash_text(h, f->reach && !strcmp(f->reach, "indirect") ? "indirect" : f->code);
	h = hash_number(hash_text(h, where), f->key);
	snprintf(f->fingerprint, sizeof(f->fingerprint), "h1:%016llx", (unsigned long long)h);
	f->signature = pool_printf(&r->pool, "%s%s%s", f->signature ? f->signature : f->code,
	                           *where ? " at " : "", where);
}

static int by_bytes(const void *a, const void *b)
{
	const struct report_finding *x = a, *y = b;
	uint64_t xb = x->bytes == ABSENT ? 0 : x->bytes, yb = y->bytes == ABSENT ? 0 : y->bytes;

	if (xb != yb)
		return xb > yb ? -1 : 1;
	if (strcmp(x->signature, y->signature))
		return strcmp(x->signature, y->signature);
	return x->example < y->example ? -1 : x->example > y->example;
}

void report_finish(struct report *report)
{
	const char *program = program_name(report);

	for (size_t i = 0; i < report->findings.n; i++)
		sign(report, program, &report->findings.v[i]);
	if (report->findings.n)
		qsort(report->findings.v, report->findings.n, sizeof(*report->findings.v),
		      by_bytes);
}

static struct report_finding blank(const char *kind)
{
	return (struct report_finding){
		.kind = kind,
		.blocks = ABSENT,
		.bytes = ABSENT,
		.size = ABSENT,
		.count = ABSENT,
		.held = { ABSENT, ABSENT },
		.shared = { ABSENT, ABSENT },
		.sharers = ABSENT,
		.estimated = { ABSENT, ABSENT },
		.retained_bytes = ABSENT,
		.type_confidence = -1,
		.site_confidence = -1,
		.site = { .line = ABSENT, .offset = ABSENT },
	};
}

/* Unknown where one of the two is. */
static uint64_t sum(uint64_t a, uint64_t b)
{
	return a == ABSENT || b == ABSENT ? ABSENT : a + b;
}

static void add_origin(struct report_finding *f, const struct group *g)
{
	f->site = g->origin->site;
	f->site_name = g->origin->text;
	f->site_method = g->origin->method;
	f->frame = g->origin->frame;
	f->nframes = g->origin->n;
	if (!strcmp(f->site_method, "sampled"))
		f->estimated = (struct tally){ (uint64_t)(g->stand_for + .5),
			                       (uint64_t)(g->stand_for_bytes + .5) };
}

/* told: possible ones are told apart by how they are kept. */
static void add_group(struct report *report, const struct group *g, bool told)
{
	bool leaked = g->reach == REACH_DEFINITE || g->reach == REACH_INDIRECT;
	struct report_finding f = blank(leaked ? "leak" : reach_name(g->reach));

	f.reach = reach_name(g->reach);
	f.blocks = g->own.blocks;
	f.bytes = g->own.bytes;
	f.size = g->size;
	f.example = g->example;
	f.key = g->structural ? hash_number(g->key, 1) : g->key;
	f.interior = !told || g->reach != REACH_POSSIBLE ? NULL
	             : g->structural                     ? "structural"
	                                                 : "weak";
	f.signature = pool_printf(&report->pool, "%s", g->signature);
	f.type = g->type;
	f.type_confidence = g->confidence;
	if (g->npicks) {
		vaddr *pick = pool_alloc(&report->pool, g->npicks * sizeof(*pick));

		memcpy(pick, g->pick, g->npicks * sizeof(*pick));
		f.pick = pick;
		f.npicks = g->npicks;
	}
	if (g->origin)
		add_origin(&f, g);
	if (g->reach == REACH_DEFINITE) {
		f.held = g->held;
		f.retained_bytes = sum(g->own.bytes, g->held.bytes);
		f.shared = g->shared;
		f.sharers = g->sharers;
	}
	array_push(&report->findings, f);
}

/* Verdicts whose blocks' types are wanted; 0: all, as where sites are judged by all blocks. */
static unsigned typed_for(struct analysis *a, unsigned classes)
{
	if (sites_whole(a))
		return 0;
	if (classes & 1u << REACH_DEFINITE) /* what hangs on a leak tells what it is */
		classes |= 1u << REACH_INDIRECT;
	return classes;
}

static void make_groups(struct analysis *a, enum group_by by, unsigned classes, struct groups *out)
{
	struct grouping how = { .core = a->core, .classes = classes, .by = by };

	how.heap = analysis_heap(a);
	how.reach = analysis_reach(a);
	if (by < GROUP_BY_SIZE) {
		if (!a->types)
			a->typed = typed_for(a, classes);
		how.types = analysis_types(a);
		/* with the types of all, or it would be another answer */
		if (classes & 1u << REACH_POSSIBLE &&
		    (!a->typed || a->typed & 1u << REACH_POSSIBLE))
			how.interior = analysis_interior(a);
	}
	if (by == GROUP_BY_ALL && origins_exact(analysis_origins(a))->found)
		how.origins = analysis_origins(a);
	groups_make(&how, out);
}

void report_add_inside(struct report *report, struct analysis *a, bool few)
{
	if (!report->leaks.possible.blocks || report->leaks.withheld || a->types ||
	    (few && !effort_is_small(a)))
		return;
	a->typed = 0;
	report->leaks.structural = interior_tally(analysis_interior(a));
	report->leaks.weak_words = interior_weak_words(a->interior);
}

void report_add_groups(struct report *report, struct analysis *a, enum group_by by,
                       unsigned classes)
{
	struct groups groups;
	bool told;

	make_groups(a, by, classes, &groups);
	told = a->interior && classes & 1u << REACH_POSSIBLE;
	if (told) {
		report->leaks.structural = interior_tally(a->interior);
		report->leaks.weak_words = interior_weak_words(a->interior);
	}
	report->has_findings = true;
	if (classes & 1u << REACH_DEFINITE) {
		report->leaks.shared = groups.shared;
		report->leaks.sharers = groups.sharers;
	}
	for (size_t i = 0; i < groups.n; i++)
		add_group(report, &groups.v[i], told);
	groups_free(&groups);
}

static int by_size(const void *a, const void *b)
{
	const struct report_size *x = a, *y = b;

	return x->size < y->size ? -1 : x->size > y->size;
}

static void add_tally(struct tally *to, const struct tally *more)
{
	to->blocks += more->blocks;
	to->bytes += more->bytes;
}

static void merge_size(struct report_size *to, const struct report_size *from)
{
	add_tally(&to->definite, &from->definite);
	add_tally(&to->indirect, &from->indirect);
	add_tally(&to->possible, &from->possible);
	add_tally(&to->reachable, &from->reachable);
}

void report_add_sizes(struct report *report, struct analysis *a)
{
	struct groups groups;
	size_t n = 0;

	make_groups(a, GROUP_SIZES, ~0u, &groups);
	report->has_sizes = report->has_leaks;
	for (size_t i = 0; i < groups.n; i++) {
		const struct group *g = &groups.v[i];
		struct report_size row = { .size = g->size };
		struct tally *const by_reach[REACH_CLASSES] = {
			[REACH_DEFINITE] = &row.definite,
			[REACH_INDIRECT] = &row.indirect,
			[REACH_POSSIBLE] = &row.possible,
			[REACH_REACHABLE] = &row.reachable,
		};

		if (by_reach[g->reach]) {
			*by_reach[g->reach] = g->own;
			array_push(&report->sizes, row);
		}
	}
	if (report->sizes.n)
		qsort(report->sizes.v, report->sizes.n, sizeof(*report->sizes.v), by_size);
	for (size_t i = 0; i < report->sizes.n; i++) { /* one row a size */
		if (n && report->sizes.v[n - 1].size == report->sizes.v[i].size)
			merge_size(&report->sizes.v[n - 1], &report->sizes.v[i]);
		else
			report->sizes.v[n++] = report->sizes.v[i];
	}
	report->sizes.n = n;
	groups_free(&groups);
}

void report_add_damage(struct report *report, struct analysis *a)
{
	const struct heap *heap = analysis_heap(a);

	report->has_findings = true;
	for (size_t i = 0; i < heap->nfindings; i++) {
		const struct heap_finding *h = &heap->finding[i];
		struct report_finding f = blank(h->damage ? "corruption" : "disagreement");

		f.code = h->code;
		f.message = h->message;
		f.example = h->at;
		f.at = h->damage ? h->at : 0;
		f.front = (struct block){ .addr = h->front.addr,
			                  .size = h->front.size,
			                  .state = h->front.state };
		f.count = h->count;
		array_push(&report->findings, f);
	}
}
