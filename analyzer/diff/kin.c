#include "analyzer/diff/profile.h"

#include <stdlib.h>

static int compare(const struct kin *x, const struct kin *y)
{
	if (x->size_class != y->size_class)
		return x->size_class < y->size_class ? -1 : 1;
	if (!x->type || !y->type)
		return x->type ? 1 : y->type ? -1 : 0;
	return strcmp(x->type, y->type);
}

static int by_class(const void *a, const void *b)
{
	return compare(a, b);
}

/* Of no type, each class has one. */
static void add_rest(struct profile *p)
{
	for (uint32_t i = 0; i < p->classes.n; i++)
		array_push(&p->kin, ((struct kin){ .size_class = i }));
}

static uint32_t find(const struct profile *p, size_t size_class, const char *type)
{
	struct kin key = { .size_class = (uint32_t)size_class, .type = type };
	const struct kin *kin = p->kin.n ? bsearch(&key, p->kin.v, p->kin.n, sizeof(key), by_class)
	                                 : NULL;

	return kin ? (uint32_t)(kin - p->kin.v) : UINT32_MAX;
}

void kins_index(struct profile *p)
{
	size_t n = 0;

	add_rest(p);
	if (p->kin.n)
		qsort(p->kin.v, p->kin.n, sizeof(*p->kin.v), by_class);
	for (size_t i = 0; i < p->kin.n; i++) {
		struct kin *k = &p->kin.v[i], *last = &p->kin.v[n ? n - 1 : 0];

		if (n && !compare(last, k)) { /* the one that was added tells nothing */
			for (unsigned l = 0; l < IMPRINT_PATTERNS; l++)
				last->alike[l] += k->alike[l], last->near[l] += k->near[l];
			continue;
		}
		k->low = p->classes.v[k->size_class].low;
		k->high = p->classes.v[k->size_class].high;
		p->kin.v[n++] = *k;
	}
	p->kin.n = n;
	p->kin_rest = mem_alloc(p->classes.n + 1, sizeof(*p->kin_rest));
	for (uint32_t i = 0; i < p->classes.n; i++)
		p->kin_rest[i] = find(p, i, NULL);
	p->kin_of = kins_of_other(p, p);
}

uint32_t *kins_of_other(const struct profile *p, const struct profile *other)
{
	uint32_t *kin = mem_alloc(other->groups.n + 1, sizeof(*kin));

	for (size_t i = 0; i < other->groups.n; i++) {
		const struct report_finding *g = &other->groups.v[i];
		size_t c = classes_find(&p->classes, g->size);

		kin[i] = c == SIZE_MAX ? UINT32_MAX : find(p, c, g->type);
		if (kin[i] == UINT32_MAX && c != SIZE_MAX)
			kin[i] = p->kin_rest[c];
	}
	return kin;
}

struct candidate {
	uint32_t size_class;
	const char *type;
	uint64_t blocks;
};

static int by_kin(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->size_class != y->size_class)
		return x->size_class < y->size_class ? -1 : 1;
	return strcmp(x->type, y->type);
}

static int by_blocks(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->blocks != y->blocks)
		return x->blocks > y->blocks ? -1 : 1;
	return by_kin(a, b);
}

/* Of groups that have a type; one for each size class and type. */
static size_t gather(const struct profile *p, struct candidate *v)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < p->groups.n; i++) {
		const struct report_finding *g = &p->groups.v[i];
		size_t c = classes_find(&p->classes, g->size);

		if (g->type && c != SIZE_MAX)
			v[n++] = (struct candidate){ (uint32_t)c, g->type, g->blocks };
	}
	if (n)
		qsort(v, n, sizeof(*v), by_kin);
	for (size_t i = 0; i < n; i++) {
		if (kept && !by_kin(&v[kept - 1], &v[i]))
			v[kept - 1].blocks += v[i].blocks;
		else
			v[kept++] = v[i];
	}
	return kept;
}

void kins_make(struct profile *p)
{
	struct candidate *v = mem_alloc(p->groups.n + 1, sizeof(*v));
	size_t n = gather(p, v);

	if (n)
		qsort(v, n, sizeof(*v), by_blocks);
	for (size_t i = 0; i < n && i < KINS_TYPED; i++)
		array_push(&p->kin,
		           ((struct kin){ .size_class = v[i].size_class, .type = v[i].type }));
	mem_free(v);
	kins_index(p);
}

uint32_t kin_find(const struct profile *p, uint32_t group, size_t size_class)
{
	uint32_t kin = group == PROFILE_NO_GROUP ? UINT32_MAX : p->kin_of[group];

	return kin == UINT32_MAX ? p->kin_rest[size_class] : kin;
}
