#include "analyzer/diff/twin.h"

#define FEW     2 /* and of the blocks of its class one in so many: few */
#define RARE    200
#define SAMPLED 3 /* of a sample that is not whole, at least */

void twins_note(struct twins *t, size_t size_class, uint64_t look)
{
	uint32_t i = idmap_get(&t->at, look);

	if (i == IDMAP_NONE) {
		i = (uint32_t)t->seen.n;
		idmap_put(&t->at, look, i);
		array_push(&t->seen, ((struct twin){ look, (uint32_t)size_class, 0 }));
	}
	t->seen.v[i].n++;
}

static bool is_common(const struct twin *twin, const struct size_class *c)
{
	uint64_t all = (uint64_t)twin->n << c->level;

	return all > FEW + c->blocks / RARE && (!c->level || twin->n >= SAMPLED);
}

void twins_settle(struct twins *t, const struct classes *classes)
{
	idmap_free(&t->at);
	for (size_t i = 0; i < classes->n; i++)
		array_push(&t->has, false);
	for (uint32_t i = 0; i < t->seen.n; i++) {
		const struct twin *twin = &t->seen.v[i];

		if (!is_common(twin, &classes->v[twin->size_class]))
			continue;
		idmap_put(&t->at, twin->look, i);
		t->has.v[twin->size_class] = true;
	}
	array_free(&t->seen);
}

bool twins_are_many(const struct twins *t, uint64_t look)
{
	return idmap_get(&t->at, look) != IDMAP_NONE;
}

void twins_free(struct twins *t)
{
	array_free(&t->seen);
	array_free(&t->has);
	idmap_free(&t->at);
}
