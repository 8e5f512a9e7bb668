#include "analyzer/diff/diff.h"
#include "analyzer/diff/holder.h"

#include <math.h>
#include <stdlib.h>

const char *sameness_name(enum sameness same)
{
	static const char *const names[] = { "process", "build", "program", "different" };

	return names[same];
}

/* ---- are they of one process? ---- */

static bool equal(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static enum sameness compare(const struct snapshot *a, const struct snapshot *b)
{
	const struct report_process *x = &a->report.process, *y = &b->report.process;
	bool build = equal(x->build_id, y->build_id);

	if (x->instance && y->instance) {
		if (!strcmp(x->instance, y->instance))
			return SAME_PROCESS;
	} else if (build && equal(x->libc_build_id, y->libc_build_id) && x->pid != ABSENT &&
	           x->pid == y->pid) {
		return SAME_PROCESS;
	}
	if (build)
		return SAME_BUILD;
	return equal(snapshot_program(a), snapshot_program(b)) ? SAME_PROGRAM : SAME_NOTHING;
}

static void compare_all(struct diff *d)
{
	d->same = SAME_PROCESS;
	for (size_t i = 1; i < d->n; i++) {
		enum sameness same = compare(&d->snapshot[0], &d->snapshot[i]);

		if (same > d->same)
			d->same = same;
		if (d->snapshot[i].report.process.pid != d->snapshot[0].report.process.pid)
			d->forks = true;
	}
	d->forks = d->forks && d->same == SAME_PROCESS;
}

/* ---- when ---- */

/* The times of --times, one a snapshot. */
static bool read_times(struct diff *d, const char *text, struct err *err)
{
	size_t n = 0;

	while (n < d->n) {
		size_t len = strcspn(text, ",");
		char *one = pool_strndup(&d->pool, text, len);

		if (!when_parse(one, &d->snapshot[n].when.ns))
			return err_set(err,
			               "--times: '%s' is no time; write 2026-11-21T15:37:30Z or "
			               "seconds since 1970",
			               one);
		d->snapshot[n++].when.source = WHEN_GIVEN;
		if (!text[len])
			break;
		text += len + 1;
		if (n == d->n)
			n++; /* one too many */
	}
	if (n == d->n)
		return true;
	return err_set(err, "--times has %s times than the %zu snapshots; give one for each",
	               n < d->n ? "fewer" : "more", d->n);
}

static void count_hours(struct diff *d)
{
	const struct snapshot *s = d->snapshot;

	d->timed = WHEN_GIVEN;
	for (size_t i = 0; i < d->n; i++) {
		if (s[i].when.source < d->timed)
			d->timed = s[i].when.source;
	}
	if (d->timed == WHEN_UNKNOWN) {
		d->untimed = "it is not known when they were taken: --interval or --times tells";
		return;
	}
	for (size_t i = 1; i < d->n; i++) {
		if (s[i].when.ns <= s[i - 1].when.ns) {
			d->timed = WHEN_UNKNOWN;
			d->untimed = "the times of the files are not in the order in which they "
				     "were given: --interval or --times tells when they were taken";
			return;
		}
	}
	d->hours = pool_alloc(&d->pool, d->n * sizeof(*d->hours));
	for (size_t i = 1; i < d->n; i++)
		d->hours[i] = (double)(s[i].when.ns - s[0].when.ns) / 3.6e12;
}

static bool find_times(struct diff *d, const struct diff_want *want, struct err *err)
{
	if (want->times && want->interval)
		return err_set(err, "--times and --interval exclude each other; give one of them");
	if (want->times && !read_times(d, want->times, err))
		return false;
	for (size_t i = 0; want->interval && i < d->n; i++)
		d->snapshot[i].when = (struct when){ WHEN_GIVEN, want->interval * (int64_t)i };
	if (d->same != SAME_PROCESS) {
		d->untimed = "they are not of one process, so a rate would mean nothing";
		return true;
	}
	count_hours(d);
	if (!d->hours && want->times)
		return err_set(err, "--times: not in ascending order; the oldest snapshot comes "
		                    "first");
	return true;
}

/* ---- what became of the blocks ---- */

static const char *cannot_match(const struct diff *d, bool *exact)
{
	*exact = true;
	if (d->same != SAME_PROCESS)
		return "they are not of one process, so that addresses cannot be compared";
	for (size_t i = 0; i < d->n; i++) {
		const struct snapshot *s = &d->snapshot[i];

		if (s->saved)
			*exact = false;
		if (s->saved && !s->whole)
			return "a saved report has no profile: `summary --json --profile` saves "
			       "it";
		if (!s->report.has_leaks)
			return "no heap of glibc's malloc was found";
	}
	for (size_t i = 0; i < d->n && !*exact; i++) {
		if (!d->snapshot[i].report.profile->sampled)
			return "a snapshot has no sample of blocks: its core lacked the bytes "
			       "that tell which process it is of";
	}
	return NULL;
}

static void match(struct diff *d)
{
	struct snapshot *newest = &d->snapshot[d->n - 1];
	bool exact;

	d->unmatched = cannot_match(d, &exact);
	d->survival = mem_alloc(d->n, sizeof(*d->survival));
	if (d->unmatched)
		return;
	d->matching = exact ? "exact" : "estimated";
	if (!exact && !newest->saved)
		holders_keep(&newest->report, &newest->a);
	for (size_t i = 0; i + 1 < d->n; i++) {
		survival_find(&d->snapshot[i], &d->snapshot[i + 1], exact,
		              i ? &d->survival[i - 1] : NULL, &d->survival[i]);
		if (!d->snapshot[i].saved)
			snapshot_lighten(&d->snapshot[i]);
	}
}

/* ---- the limit ---- */

static void find_limit(struct diff *d, uint64_t limit)
{
	struct series s = diff_series(d);
	uint64_t now = total_bytes(&d->snapshot[d->n - 1].report, TOTAL_RESIDENT);
	double rate = total_rate(&s, TOTAL_RESIDENT, d->n - 2, d->n - 1);

	d->limit = limit;
	d->limit_hours = NAN;
	if (!limit || now == ABSENT)
		return;
	if (now >= limit)
		d->limit_hours = 0;
	else if (rate > 0)
		d->limit_hours = (double)(limit - now) / rate;
}

struct series diff_series(const struct diff *d)
{
	return (struct series){
		.snapshot = d->snapshot,
		.n = d->n,
		.hours = d->hours,
		.survival = d->survival,
		.one_process = d->same == SAME_PROCESS,
	};
}

bool diff_make(struct snapshot *snapshot, size_t n, const struct diff_want *want, struct diff *out,
               struct err *err)
{
	struct diff d = { .snapshot = snapshot, .n = n };
	struct series series;

	compare_all(&d);
	d.name = snapshot_program(&snapshot[n - 1]);
	if (!find_times(&d, want, err)) {
		pool_free(&d.pool);
		return false;
	}
	match(&d);
	series = diff_series(&d);
	growths_find(&series, &d.growths);
	if (!d.unmatched && d.survival[n - 2].by_id)
		holders_find(&snapshot[n - 1], &d.survival[n - 2], &d.growths);
	find_limit(&d, want->limit);
	*out = d;
	return true;
}

void diff_free(struct diff *diff)
{
	for (size_t i = 0; diff->survival && i + 1 < diff->n; i++)
		survival_free(&diff->survival[i]);
	mem_free(diff->survival);
	growths_free(&diff->growths);
	pool_free(&diff->pool);
	*diff = (struct diff){ 0 };
}

bool diff_quantity(const struct diff *d, const struct condition *c, uint64_t *value,
                   const char **why)
{
	const struct report *first = &d->snapshot[0].report, *last = &d->snapshot[d->n - 1].report;
	enum total total = c->left == QUANTITY_LEAK_GROWTH       ? TOTAL_LEAKED
	                   : c->left == QUANTITY_RESIDENT_GROWTH ? TOTAL_RESIDENT
	                                                         : TOTAL_IN_USE;
	uint64_t from = total_bytes(first, total), to = total_bytes(last, total);
	double n;

	if (from == ABSENT || to == ABSENT) {
		*why = "no heap of glibc's malloc was found in one of the snapshots";
		return false;
	}
	if (c->per_hours > 0 && !d->hours) {
		*why = d->untimed;
		return false;
	}
	n = to > from ? (double)(to - from) : 0;
	if (c->per_hours > 0)
		n = n / d->hours[d->n - 1] * c->per_hours;
	*value = n < 1.8e19 ? (uint64_t)n : UINT64_MAX;
	return true;
}
