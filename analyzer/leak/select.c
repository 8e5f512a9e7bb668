#include "analyzer/leak/select.h"

#include <stdlib.h>

bool select_matches(const regex_t *re, const char *name)
{
	return name && !regexec(re, name, 0, NULL, 0);
}

static bool site_matches(const regex_t *re, const struct report_finding *f)
{
	return select_matches(re, f->site.function) || select_matches(re, f->site.file) ||
	       select_matches(re, f->site.module);
}

static bool is_suppressed(const struct suppressions *s, const struct report_finding *f)
{
	const char *const name[] = { f->type, f->site.function, f->site.file, f->site.module,
		                     f->owner };

	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++)
		if (suppressions_match(s, name[i]))
			return true;
	for (size_t i = 0; i < f->nframes; i++)
		if (suppressions_match(s, f->frame[i].function) ||
		    suppressions_match(s, f->frame[i].file) ||
		    suppressions_match(s, f->frame[i].module))
			return true;
	return false;
}

static uint64_t known(uint64_t n)
{
	return n == ABSENT ? 0 : n;
}

static void suppress(struct report *r, const struct report_finding *f)
{
	struct report_suppressed *s = &r->suppressed;
	struct tally *own = !strcmp(f->reach, "definite")   ? &s->definite
	                    : !strcmp(f->reach, "indirect") ? &s->indirect
	                    : !strcmp(f->reach, "possible") ? &s->possible
	                                                    : &s->reachable;

	own->blocks += known(f->blocks);
	own->bytes += known(f->bytes);
	s->indirect.blocks += known(f->held.blocks);
	s->indirect.bytes += known(f->held.bytes);
	/* what no other leak has a share in goes with them, too */
	if (f->sharers != ABSENT && f->sharers <= f->blocks && f->sharers) {
		s->indirect.blocks += f->shared.blocks;
		s->indirect.bytes += f->shared.bytes;
	}
}

/* ---- by site ---- */

static int compare(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static bool has_site(const struct report_finding *f)
{
	return f->site.function || f->site.module;
}

/* What tells no site goes by its owner, or else by what may be its site. */
static int by_site(const void *a, const void *b)
{
	const struct report_finding *x = a, *y = b;
	int order = compare(x->reach, y->reach);

	order = order ? order : compare(x->site.function, y->site.function);
	order = order ? order : compare(x->site.module, y->site.module);
	order = order ? order : compare(x->site.file, y->site.file);
	if (order)
		return order;
	if (!x->site.function && x->site.offset != y->site.offset)
		return x->site.offset < y->site.offset ? -1 : 1;
	if (x->site.line != y->site.line)
		return x->site.line < y->site.line ? -1 : 1;
	if (has_site(x))
		return 0;
	order = compare(x->owner, y->owner);
	return order || x->owner ? order : compare(x->site_text, y->site_text);
}

static int by_site_and_example(const void *a, const void *b)
{
	const struct report_finding *x = a, *y = b;
	int order = by_site(a, b);

	return order ? order : x->example < y->example ? -1 : x->example > y->example;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a == ABSENT || b == ABSENT ? ABSENT : a + b;
}

static void add_tally(struct tally *to, struct tally more)
{
	to->blocks = sum(to->blocks, more.blocks);
	to->bytes = sum(to->bytes, more.bytes);
}

/* What two groups share may be the same: how much it is together is not known. */
static void merge(struct report_finding *to, const struct report_finding *f)
{
	bool alone = !known(to->shared.blocks) || !known(f->shared.blocks);

	to->blocks = sum(to->blocks, f->blocks);
	to->bytes = sum(to->bytes, f->bytes);
	add_tally(&to->held, f->held);
	to->retained_bytes = sum(to->retained_bytes, f->retained_bytes);
	if (to->shared.blocks == ABSENT || f->shared.blocks == ABSENT || !alone) {
		to->shared = (struct tally){ ABSENT, ABSENT };
		to->sharers = ABSENT;
	} else if (f->shared.blocks) {
		to->shared = f->shared;
		to->sharers = f->sharers;
	}
	if (to->size != f->size)
		to->size = ABSENT;
	if (compare(to->type, f->type)) {
		to->type = NULL;
		to->type_confidence = -1;
	}
	if (compare(to->signature, f->signature))
		to->signature = to->type ? to->type : "{...}";
	to->key = 0; /* what its blocks are does not matter */
	to->fingerprint[0] = '\0';
	if (f->site_confidence < to->site_confidence)
		to->site_confidence = f->site_confidence;
}

static void fold_by_site(struct report *r)
{
	size_t n = 0;

	if (r->findings.n)
		qsort(r->findings.v, r->findings.n, sizeof(*r->findings.v), by_site_and_example);
	for (size_t i = 0; i < r->findings.n; i++) {
		struct report_finding *f = &r->findings.v[i];

		if (n && f->reach && (has_site(f) || f->owner || f->site_text) &&
		    !by_site(&r->findings.v[n - 1], f))
			merge(&r->findings.v[n - 1], f);
		else
			r->findings.v[n++] = *f;
	}
	r->findings.n = n;
}

void report_select(struct report *r, const struct selection *s)
{
	size_t n = 0;

	r->suppressed.asked = s->suppressions != NULL;
	for (size_t i = 0; i < r->findings.n; i++) {
		struct report_finding *f = &r->findings.v[i];

		if (f->reach && s->suppressions && is_suppressed(s->suppressions, f)) {
			suppress(r, f);
			continue;
		}
		if (f->reach && ((s->type && !select_matches(s->type, f->type)) ||
		                 (s->site && !site_matches(s->site, f))))
			continue;
		r->findings.v[n++] = *f;
	}
	r->findings.n = n;
	if (s->by_site) {
		fold_by_site(r);
		report_finish(r);
	}
	n = 0;
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct report_finding *f = &r->findings.v[i];

		if (!f->reach ||
		    sum(f->bytes, f->held.bytes == ABSENT ? 0 : f->held.bytes) >= s->min_bytes)
			r->findings.v[n++] = *f;
	}
	r->findings.n = n;
}

struct tally report_suppressed_sum(const struct report *r)
{
	struct tally t = { 0 };

	add_tally(&t, r->suppressed.definite);
	add_tally(&t, r->suppressed.indirect);
	add_tally(&t, r->suppressed.possible);
	add_tally(&t, r->suppressed.reachable);
	return t;
}
