#include "analyzer/leak/content.h"

#include <stdlib.h>

#define SIZES 4  /* that may be told apart */
#define HEADS 4  /* that each of them has to have */
#define APART 2  /* how many times larger than the next smaller one it has to be */
#define WIDTH 64 /* pointers of a block that are looked at for a range */

struct kind {
	uint32_t up; /* the variant without sizes */
	uint64_t size, things;
};

static int by_up_and_size(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;

	if (x->up != y->up)
		return x->up < y->up ? -1 : 1;
	return x->size < y->size ? -1 : x->size > y->size;
}

/* v[0 .. n): kinds of one variant, by size. */
static bool are_apart(const struct kind *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].things < HEADS || (i && v[i].size / APART < v[i - 1].size))
			return false;
	return true;
}

void content_settle(struct variants *t, uint32_t level, const struct below *exact,
                    const struct held *held)
{
	ARRAY(struct kind) kind = { 0 };

	for (size_t i = 0; i < t->v.n; i++) {
		struct variant *x = &t->v.v[i];

		if (x->level == level)
			x->split = x->below <= 1;
		else if (x->level == level + 1 && t->v.v[x->up].below > 1 &&
		         t->v.v[x->up].below <= SIZES)
			array_push(&kind,
			           ((struct kind){
					   x->up, below_content(exact, held_face(held, x->first)),
					   x->things }));
	}
	if (kind.n)
		qsort(kind.v, kind.n, sizeof(*kind.v), by_up_and_size);
	for (size_t i = 0, end; i < kind.n; i = end) {
		for (end = i + 1; end < kind.n && kind.v[end].up == kind.v[i].up;)
			end++;
		t->v.v[kind.v[i].up].split = are_apart(kind.v + i, end - i);
	}
	array_free(&kind);
}

unsigned content_class(uint64_t size)
{
	return size ? 64u - (unsigned)__builtin_clzll(size) : 0;
}

static void widen(const struct below *b, uint32_t node, struct content_range *r)
{
	const struct look *x = &b->looks->v.v[b->look[node]];

	if (b->graph->first[node] != b->graph->first[node + 1] || x->type ||
	    x->size == LOOK_VARIED)
		return;
	if (!r->most || x->size < r->least)
		r->least = x->size;
	if (x->size > r->most)
		r->most = x->size;
}

void content_add(const struct below *b, uint32_t node, struct content_range *r)
{
	const uint32_t *first = b->graph->first, *to = b->graph->to;

	for (uint32_t e = first[node]; e < first[node + 1] && e - first[node] < WIDTH; e++) {
		uint32_t v = to[e];

		widen(b, v, r);
		for (uint32_t k = first[v]; k < first[v + 1] && k - first[v] < WIDTH; k++)
			widen(b, to[k], r);
	}
}

const char *content_text(const struct content_range *r, struct pool *pool)
{
	if (!r->most)
		return NULL;
	if (r->least == r->most)
		return pool_printf(pool, "{%llu}", (unsigned long long)r->most);
	return pool_printf(pool, "{%llu-%llu}", (unsigned long long)r->least,
	                   (unsigned long long)r->most);
}
