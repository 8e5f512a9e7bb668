#include "analyzer/diff/snapshot.h"
#include "analyzer/diff/census.h"
#include "analyzer/report/json_load.h"
#include "formats/crew.h"
#include "formats/stage.h"

#define MUCH 16 /* one in so many bytes is possible: worth a look at how they are kept */

struct many {
	struct snapshot *snapshot;
	bool by_size;
};

static bool much_possible(const struct report *r)
{
	return r->leaks.possible.bytes > r->leaks.reachable.bytes / MUCH;
}

static void build(struct snapshot *s)
{
	struct report *r = &s->report;

	if (s->saved)
		return;
	report_start(r, &s->a);
	report_add_completeness(r, &s->a);
	report_add_memory(r, &s->a);
	report_add_leaks(r, &s->a);
	report_add_inside(r, &s->a, !much_possible(r));
}

/* ---- a report without a profile ---- */

static const struct {
	const char *reach, *kind;
	size_t at; /* in struct report_size */
} verdicts[] = {
	{ "definite", "leak", offsetof(struct report_size, definite) },
	{ "indirect", "leak", offsetof(struct report_size, indirect) },
	{ "possible", "possible", offsetof(struct report_size, possible) },
	{ "reachable", "reachable", offsetof(struct report_size, reachable) },
};
#define VERDICTS (sizeof(verdicts) / sizeof(*verdicts))

static uint64_t bytes_found(const struct report *r, const char *reach)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < r->findings.n; i++) {
		const struct report_finding *f = &r->findings.v[i];

		if (f->reach && !strcmp(f->reach, reach) && f->bytes != ABSENT)
			bytes += f->bytes;
	}
	return bytes;
}

static void add_found(const struct report *r, const char *reach, struct report *all)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct report_finding *f = &r->findings.v[i];

		if (f->reach && !strcmp(f->reach, reach) && f->bytes != ABSENT &&
		    f->blocks != ABSENT)
			array_push(&all->findings, *f);
	}
}

static void add_sizes(const struct report *r, size_t v, struct report *all)
{
	for (size_t i = 0; i < r->sizes.n; i++) {
		const struct tally *t = (const void *)((const char *)&r->sizes.v[i] +
		                                       verdicts[v].at);
		struct report_finding f = {
			.kind = verdicts[v].kind,
			.reach = verdicts[v].reach,
			.blocks = t->blocks,
			.bytes = t->bytes,
			.size = r->sizes.v[i].size,
			.held = { ABSENT, ABSENT },
			.retained_bytes = ABSENT,
			.type_confidence = -1,
			.site_confidence = -1,
			.site = { .line = ABSENT, .offset = ABSENT },
			.count = ABSENT,
		};

		if (t->blocks && t->blocks != ABSENT && t->bytes != ABSENT && f.size != ABSENT)
			array_push(&all->findings, f);
	}
}

/*
 * Groups of a plain report: findings where they are all there is of a verdict, as they tell more;
 * else sizes.
 */
static void make_profile(struct report *r)
{
	struct report all = { .process = r->process, .pool = r->pool };
	struct profile *p = mem_alloc(1, sizeof(*p));
	const uint64_t total[VERDICTS] = { r->leaks.definite.bytes, r->leaks.indirect.bytes,
		                           r->leaks.possible.bytes, r->leaks.reachable.bytes };

	p->top = ABSENT;
	for (size_t v = 0; v < VERDICTS; v++) {
		if (bytes_found(r, verdicts[v].reach) == total[v])
			add_found(r, verdicts[v].reach, &all);
		else
			add_sizes(r, v, &all);
	}
	report_finish(&all); /* signs them */
	r->pool = all.pool;
	for (size_t i = 0; i < all.findings.n && i < PROFILE_GROUPS; i++)
		array_push(&p->groups, all.findings.v[i]);
	array_free(&all.findings);
	r->profile = p;
}

static bool load(struct snapshot *s, const struct document *document, struct err *err)
{
	s->saved = true;
	if (!json_load(s->path, document, &s->report, err))
		return false;
	s->whole = s->report.profile != NULL;
	if (!s->whole)
		make_profile(&s->report);
	return true;
}

/* What is in an analysis points to it: it is made in its place. */
bool snapshot_open(const char *path, const struct module_options *where, struct snapshot *out,
                   struct err *err)
{
	struct document document;
	bool good = false;

	*out = (struct snapshot){ .path = path };
	switch (document_open(path, LOAD_BYTES, &document, err)) {
	case DOCUMENT_BAD:
		break;
	case DOCUMENT_OBJECT:
		good = load(out, &document, err);
		document_close(&document);
		break;
	case DOCUMENT_OTHER:
		good = analysis_open(path, where, &out->a, err);
		out->a.marks = true;
		out->whole = true;
		break;
	}
	return good;
}

static void build_some(void *of, size_t first, size_t end)
{
	struct snapshot *s = of;

	for (size_t i = first; i < end; i++)
		build(&s[i]);
}

/*
 * Are there so many blocks that telling the type of each would take several times as long as all
 * the rest? Groups are made in the same way in all snapshots.
 */
static bool is_big(const struct snapshot *snapshot, size_t n)
{
	bool big = false;

	for (size_t i = 0; i < n; i++) {
		const struct analysis *a = &snapshot[i].a;

		if (snapshot[i].saved || a->types)
			return false;
		big = big || a->heap->total[BLOCK_USED].blocks >= CENSUS_FROM;
	}
	return big;
}

static void profile_some(void *of, size_t first, size_t end)
{
	const struct many *m = of;

	for (size_t i = first; i < end; i++)
		if (!m->snapshot[i].saved)
			report_add_profile(&m->snapshot[i].report, &m->snapshot[i].a, m->by_size);
}

void snapshots_analyze(struct snapshot *snapshot, size_t n, unsigned threads, bool fine)
{
	struct many many = { .snapshot = snapshot };
	struct stage outer;
	size_t cores = 0;

	snapshot[0].a.threads = threads;
	threads = analysis_threads(&snapshot[0].a);
	for (size_t i = 0; i < n; i++) {
		cores += !snapshot[i].saved;
		if (!snapshot[i].saved && snapshot[i].a.where.debuginfod)
			threads = 1; /* its library is asked by one at a time */
	}
	for (size_t i = 0; i < n; i++)
		snapshot[i].a.threads = cores && threads > cores ? threads / (unsigned)cores : 1;
	outer = threads > 1 && cores > 1 ? stage_alone("all at the same time") : stage_now();
	crew_share(threads, n, 1, build_some, snapshot);
	many.by_size = !fine && is_big(snapshot, n);
	crew_share(threads, n, 1, profile_some, &many);
	stage_end(outer);
	for (size_t i = 0; i < n; i++) {
		snapshot[i].a.threads = threads; /* what is asked on is asked one by one */
		snapshot[i].when = when_of_report(&snapshot[i].report);
	}
}

void snapshot_close(struct snapshot *snapshot)
{
	report_free(&snapshot->report);
	if (snapshot->a.core)
		analysis_close(&snapshot->a);
	*snapshot = (struct snapshot){ 0 };
}

void snapshot_lighten(struct snapshot *snapshot)
{
	struct analysis *a = &snapshot->a;

	if (a->has_reach)
		reach_free(&a->reach);
	a->has_reach = false;
}

const char *snapshot_program(const struct snapshot *snapshot)
{
	const struct report_process *p = &snapshot->report.process;

	return p->exe ? base_name(p->exe) : p->comm ? p->comm : "";
}
