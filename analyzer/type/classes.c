#include "analyzer/type/classes.h"

#include <stdlib.h>

static size_t slot_of(const struct classes *c, uint64_t size)
{
	size_t i = (size_t)((size * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (c->nslots - 1);

	while (c->slot[i] && c->v[c->slot[i] - 1].low != size)
		i = (i + 1) & (c->nslots - 1);
	return i;
}

/* Fills in the hash table. False: a size is there twice. */
static bool index_own(struct classes *c)
{
	c->nslots = 16;
	while (c->nslots < c->own * 2)
		c->nslots *= 2;
	c->slot = mem_alloc(c->nslots, sizeof(*c->slot));
	for (size_t i = 0; i < c->own; i++) {
		size_t at = slot_of(c, c->v[i].low);

		if (c->slot[at])
			return false;
		c->slot[at] = (uint32_t)i + 1;
	}
	return true;
}

static int most_first(const void *a, const void *b)
{
	const struct size_count *x = a, *y = b;

	if (x->blocks != y->blocks)
		return x->blocks > y->blocks ? -1 : 1;
	return x->size < y->size ? -1 : x->size > y->size;
}

static int by_low(const void *a, const void *b)
{
	const struct size_class *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

/* [2^k, 2^(k+1)) that holds size; k 0 for 0, too. */
static unsigned power_of(uint64_t size)
{
	return size ? 63 - (unsigned)__builtin_clzll(size) : 0;
}

static void add_others(const struct size_count *count, size_t n, struct classes *c)
{
	uint64_t blocks[64] = { 0 };

	for (size_t i = c->own; i < n; i++)
		blocks[power_of(count[i].size)] += count[i].blocks;
	for (unsigned k = 0; k < 64; k++) {
		uint64_t low = k ? UINT64_C(1) << k : 0;

		if (blocks[k])
			c->v[c->n++] = (struct size_class){ .low = low,
				                            .high = UINT64_MAX >> (63 - k),
				                            .blocks = blocks[k] };
	}
}

void classes_make(struct size_count *count, size_t n, struct classes *out)
{
	struct classes c = { .own = n < CLASSES_OWN ? n : CLASSES_OWN };

	c.v = mem_alloc(c.own + 64, sizeof(*c.v));
	if (n)
		qsort(count, n, sizeof(*count), most_first);
	for (; c.n < c.own; c.n++)
		c.v[c.n] = (struct size_class){ .low = count[c.n].size,
			                        .high = count[c.n].size,
			                        .blocks = count[c.n].blocks };
	if (c.n)
		qsort(c.v, c.n, sizeof(*c.v), by_low);
	add_others(count, n, &c);
	index_own(&c);
	*out = c;
}

bool classes_take(struct size_class *v, size_t n, struct classes *out)
{
	struct classes c = { .v = v, .n = n };
	bool sound;

	while (c.own < n && v[c.own].low == v[c.own].high)
		c.own++;
	sound = n <= CLASSES_OWN + 64 && index_own(&c);
	for (size_t i = c.own; i < n; i++) {
		sound = sound && v[i].low <= v[i].high && (i == c.own || v[i - 1].high < v[i].low);
	}
	*out = c;
	return sound;
}

void classes_free(struct classes *classes)
{
	mem_free(classes->v);
	mem_free(classes->slot);
	*classes = (struct classes){ 0 };
}

size_t classes_find(const struct classes *classes, uint64_t size)
{
	uint32_t own;

	if (!classes->nslots)
		return SIZE_MAX;
	own = classes->slot[slot_of(classes, size)];
	if (own)
		return own - 1;
	for (size_t i = classes->own; i < classes->n; i++) {
		if (size >= classes->v[i].low && size <= classes->v[i].high)
			return i;
	}
	return SIZE_MAX;
}
