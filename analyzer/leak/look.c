/*
 * A hash table by what a look consists of. Names are compared as text: one type may be known by
 * several ways, and what matters is what it is called.
 */
#include "analyzer/leak/look.h"
#include "analyzer/site/origin.h"

uint64_t hash_text(uint64_t h, const char *s)
{
	if (!s)
		s = "";
	do {
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	} while (*s++); /* the NUL too: "a","bc" differs from "ab","c" */
	return h;
}

uint64_t hash_number(uint64_t h, uint64_t n)
{
	h ^= n * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 31;
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same(const struct look *a, const struct look *b)
{
	return a->size == b->size && a->origin == b->origin && same_name(a->type, b->type);
}

/* Where the look is, or would be. */
static size_t slot_of(const struct looks *l, const struct look *x)
{
	size_t i = (size_t)(x->key >> 32) & (l->nslots - 1);

	while (l->slot[i] && !same(&l->v.v[l->slot[i] - 1], x))
		i = (i + 1) & (l->nslots - 1);
	return i;
}

static void grow(struct looks *l)
{
	mem_free(l->slot);
	l->nslots = l->nslots ? l->nslots * 2 : 256;
	l->slot = mem_alloc(l->nslots, sizeof(*l->slot));
	for (size_t i = 0; i < l->v.n; i++)
		l->slot[slot_of(l, &l->v.v[i])] = (uint32_t)i + 1;
}

static uint64_t kind_of(const char *type)
{
	return hash_number(hash_text(HASH_START, type), 0);
}

uint64_t look_key(const struct look *look)
{
	return hash_number(kind_of(look->type), look->fixed ? 0 : look->size);
}

uint32_t looks_put(struct looks *l, const struct look *look)
{
	struct look x = *look;
	size_t i;

	if (!x.type)
		x.confidence = -1;
	if (l->v.n && same(&l->v.v[l->last], &x)) /* runs of equal ones are common */
		return l->last;
	x.kind = kind_of(x.type);
	x.key = look_key(&x);
	if (x.origin)
		x.key = hash_number(x.key, x.origin->name);
	if (l->v.n * 2 >= l->nslots)
		grow(l);
	i = slot_of(l, &x);
	if (!l->slot[i]) {
		array_push(&l->v, x);
		l->slot[i] = (uint32_t)l->v.n;
	}
	l->last = l->slot[i] - 1;
	if (l->v.v[l->last].confidence >
	    x.confidence) /* a group is as sure as its least sure one */
		l->v.v[l->last].confidence = x.confidence;
	return l->last;
}

void looks_free(struct looks *l)
{
	array_free(&l->v);
	mem_free(l->slot);
	*l = (struct looks){ 0 };
}
