#include "analyzer/diff/group_index.h"

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Do blocks of this verdict belong together whatever their types? */
static bool is_untyped(const struct group_index *x, enum reach_class reach)
{
	return x->profile->by_size && reach != REACH_DEFINITE && reach != REACH_INDIRECT;
}

static size_t slot_of(const struct group_index *x, enum reach_class reach, uint64_t size,
                      const char *type)
{
	uint64_t h = (size ^ (uint64_t)reach << 60) * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(h >> 32) & (x->nslots - 1);

	for (; x->slot[i]; i = (i + 1) & (x->nslots - 1)) {
		uint32_t g = x->slot[i] - 1;

		if (x->profile->groups.v[g].size == size && x->reach[g] == reach &&
		    (is_untyped(x, reach) || same(x->profile->groups.v[g].type, type)))
			break;
	}
	return i;
}

static enum reach_class class_of(const char *name)
{
	for (unsigned i = REACH_REACHABLE; i < REACH_CLASSES; i++) {
		if (name && !strcmp(name, reach_name((enum reach_class)i)))
			return (enum reach_class)i;
	}
	return REACH_NONE;
}

void group_index_make(const struct profile *profile, struct group_index *out)
{
	struct group_index x = { .profile = profile, .nslots = 64 };
	size_t n = profile->groups.n;

	while (x.nslots < n * 2)
		x.nslots *= 2;
	x.slot = mem_alloc(x.nslots, sizeof(*x.slot));
	x.reach = mem_alloc(n + 1, sizeof(*x.reach));
	for (uint32_t i = 0; i < n; i++) {
		const struct report_finding *g = &profile->groups.v[i];
		size_t at;

		x.reach[i] = (uint8_t)class_of(g->reach);
		at = slot_of(&x, x.reach[i], g->size, g->type);
		if (!x.slot[at])
			x.slot[at] = i + 1;
	}
	*out = x;
}

void group_index_free(struct group_index *index)
{
	mem_free(index->slot);
	mem_free(index->reach);
	*index = (struct group_index){ 0 };
}

uint32_t group_index_find(const struct group_index *index, enum reach_class reach, uint64_t size,
                          const char *type)
{
	uint32_t found = index->slot[slot_of(index, reach, size, type)];

	if (!found && type) /* its group may have blocks of several sizes */
		found = index->slot[slot_of(index, reach, ABSENT, type)];
	return found ? found - 1 : PROFILE_NO_GROUP;
}
