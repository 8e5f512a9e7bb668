#include "analyzer/leak/sort.h"

#include <stdlib.h>

struct keyed {
	uint64_t key;
	size_t index;
};

static int largest_first(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->key != y->key)
		return x->key > y->key ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static uint64_t known(uint64_t n)
{
	return n == ABSENT ? 0 : n;
}

static uint64_t key_of(const struct report_finding *f, const char *key)
{
	if (!strcmp(key, "blocks"))
		return known(f->blocks);
	if (!strcmp(key, "size"))
		return known(f->size);
	if (!strcmp(key, "retained") && f->retained_bytes != ABSENT)
		return f->retained_bytes;
	return known(f->bytes);
}

void sort_findings(struct report *report, const char *key, uint64_t limit)
{
	size_t n = report->findings.n;
	struct report_finding *old = report->findings.v;
	struct keyed *keyed = mem_alloc(n, sizeof(*keyed));

	for (size_t i = 0; i < n; i++)
		keyed[i] = (struct keyed){ key_of(&old[i], key), i };
	qsort(keyed, n, sizeof(*keyed), largest_first);
	if (limit && limit < n)
		n = (size_t)limit;
	report->findings.v = mem_alloc(n, sizeof(*old));
	report->findings.n = report->findings.cap = n;
	for (size_t i = 0; i < n; i++)
		report->findings.v[i] = old[keyed[i].index];
	mem_free(keyed);
	mem_free(old);
}
