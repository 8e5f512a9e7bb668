#include "preload/intern.h"

#define OPEN_STEP UINT64_C(65536)

/* The last eighth of the records is for stacks of one frame. */
static uint64_t room(unsigned depth)
{
	uint64_t size = sites.header->records_size;

	return depth > 1 ? size - size / 8 : size;
}

static bool open_records(uint64_t upto)
{
	struct sites_header *h = sites.header;
	uint64_t open = __atomic_load_n(&h->records_open, __ATOMIC_ACQUIRE), to;

	if (upto <= open)
		return true;
	to = upto + upto / 4;
	to = (to + OPEN_STEP - 1) / OPEN_STEP * OPEN_STEP;
	if (to > h->records_size)
		to = h->records_size;
	/* who else does the same at the same time does no harm */
	if (!sites_open_more(h->records + open, h->records + to))
		return false;
	while (open < to && !__atomic_compare_exchange_n(&h->records_open, &open, to, false,
	                                                 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return true;
}

static uint32_t add_record(uint64_t hash, const uint64_t *pc, unsigned depth)
{
	struct sites_header *h = sites.header;
	uint64_t bytes = sizeof(struct sites_record) + depth * sizeof(*pc), at;
	struct sites_record *r;

	bytes = (bytes + SITES_GRANULE - 1) / SITES_GRANULE * SITES_GRANULE;
	at = __atomic_load_n(&h->records_used, __ATOMIC_RELAXED);
	do {
		if (at + bytes > room(depth))
			return 0;
	} while (!__atomic_compare_exchange_n(&h->records_used, &at, at + bytes, false,
	                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	if (!open_records(at + bytes))
		return 0;
	r = intern_record((uint32_t)(at / SITES_GRANULE));
	r->hash = hash;
	r->depth = depth;
	for (unsigned i = 0; i < depth; i++)
		r->pc[i] = pc[i];
	__atomic_add_fetch(&h->stacks, 1, __ATOMIC_RELAXED);
	return (uint32_t)(at / SITES_GRANULE);
}

/* The next level; false: there are as many as there may be. */
static bool add_level(uint32_t levels)
{
	struct sites_header *h = sites.header;

	if (levels >= h->levels_max || !sites_open_more(h->index + intern_level(levels) * 8,
	                                                h->index + intern_level(levels + 1) * 8))
		return false;
	__atomic_compare_exchange_n(&h->levels, &levels, levels + 1, false, __ATOMIC_SEQ_CST,
	                            __ATOMIC_RELAXED);
	return true;
}

uint32_t intern_far(uint64_t hash, const uint64_t *pc, unsigned depth)
{
	struct sites_header *h = sites.header;
	uint32_t id = 0, made = 0, levels;
	uint64_t *slot;

	for (uint32_t level = 0;; level++) {
		levels = __atomic_load_n(&h->levels, __ATOMIC_ACQUIRE);
		if (level == levels && !add_level(levels))
			break;
		for (;;) {
			id = intern_look(intern_line(level, hash), hash, &slot);
			if (id || !slot)
				break;
			if (!made)
				made = add_record(hash, pc, depth);
			if (!made)
				goto full;
			uint64_t none = 0, word = hash >> SITES_ID_BITS << SITES_ID_BITS | made;

			if (__atomic_compare_exchange_n(slot, &none, word, false, __ATOMIC_SEQ_CST,
			                                __ATOMIC_RELAXED))
				return made;
		}
		if (id)
			return id;
	}
full:
	if (depth == 1)
		return 0;
	__atomic_add_fetch(&h->cut, 1, __ATOMIC_RELAXED);
	return intern_far(sites_hash_end(sites_hash_add(0, pc[0])), pc, 1);
}
