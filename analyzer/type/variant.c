#include "analyzer/type/variant.h"

#define FEW   2 /* values that are told apart however few things have them */
#define SHARE 4 /* things that a value has to have on average, where there are more */

#define NONE UINT32_MAX

static size_t slot_of(const struct variants *t, uint32_t up, uint64_t key)
{
	uint64_t h = (key ^ (uint64_t)(up + 1) * UINT64_C(0xd6e8feb86659fd93)) *
	             UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(h >> 32) & (t->nslots - 1);

	while (t->slot[i] && (t->v.v[t->slot[i] - 1].key != key || t->v.v[t->slot[i] - 1].up != up))
		i = (i + 1) & (t->nslots - 1);
	return i;
}

static void grow(struct variants *t)
{
	mem_free(t->slot);
	t->nslots = t->nslots ? t->nslots * 2 : 256;
	t->slot = mem_alloc(t->nslots, sizeof(*t->slot));
	for (size_t i = 0; i < t->v.n; i++)
		t->slot[slot_of(t, t->v.v[i].up, t->v.v[i].key)] = (uint32_t)i + 1;
}

/* NONE: there are too many beside it. */
static uint32_t put(struct variants *t, uint32_t up, uint32_t level, uint64_t key, uint32_t thing)
{
	size_t i;

	if (t->v.n * 2 >= t->nslots)
		grow(t);
	i = slot_of(t, up, key);
	if (t->slot[i])
		return t->slot[i] - 1;
	if (up != NONE && ++t->v.v[up].below > VARIANT_MOST) {
		t->v.v[up].below = VARIANT_MOST + 1;
		return NONE;
	}
	array_push(&t->v, ((struct variant){ key, up, level, 0, thing, 0, false }));
	t->slot[i] = (uint32_t)t->v.n;
	return (uint32_t)t->v.n - 1;
}

uint32_t variants_put(struct variants *t, const uint64_t *key, unsigned n, uint32_t thing)
{
	uint32_t at = NONE;

	for (uint32_t level = 0; level < n; level++) {
		uint32_t next = put(t, at, level, key[level], thing);

		if (next == NONE)
			break;
		at = next;
		t->v.v[at].things++;
	}
	return at;
}

void variants_settle(struct variants *t)
{
	for (size_t i = 0; i < t->v.n; i++) {
		struct variant *x = &t->v.v[i];

		x->split = x->below <= FEW ||
		           (x->below <= VARIANT_MOST && x->things / x->below >= SHARE);
	}
}

uint32_t variant_kept(const struct variants *t, uint32_t variant)
{
	uint32_t kept = variant;

	for (uint32_t at = t->v.v[variant].up; at != NONE; at = t->v.v[at].up)
		if (!t->v.v[at].split)
			kept = at;
	return kept;
}

void variants_free(struct variants *t)
{
	array_free(&t->v);
	mem_free(t->slot);
	*t = (struct variants){ 0 };
}
