/*
 * intern: from a stack to the number of its record. The index has levels, each twice as big as the
 * one before; a hash has one line of eight slots in each. A record's slot is the first that was
 * free; nothing is ever taken out, so what is not found before a free slot is not there.
 *
 *   slot: the upper 43 bits of the hash, the record's number; 0: free. Written when the record is
 *   complete.
 */
#ifndef PRELOAD_INTERN_H
#define PRELOAD_INTERN_H

#include "preload/sites.h"

#pragma GCC visibility push(hidden)

#define INTERN_SLOTS  1024 /* of the first level */
#define INTERN_LEVELS 12

/* Slots of all levels before this one. */
static inline uint64_t intern_level(uint32_t level)
{
	return (((uint64_t)1 << level) - 1) * INTERN_SLOTS;
}

static inline uint64_t *intern_line(uint32_t level, uint64_t hash)
{
	uint64_t slots = (uint64_t)INTERN_SLOTS << level;

	return sites.index + intern_level(level) + (hash & (slots - 8));
}

static inline struct sites_record *intern_record(uint32_t id)
{
	return (struct sites_record *)(void *)(sites.records + (size_t)id * SITES_GRANULE);
}

/* The number in a line's slot for this hash; 0: not there, *free_slot is the first that is free. */
static inline __attribute__((always_inline)) uint32_t intern_look(uint64_t *line, uint64_t hash,
                                                                  uint64_t **free_slot)
{
	for (unsigned i = 0; i < 8; i++) {
		uint64_t *slot = &line[(hash + i) % 8], seen;

		seen = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
		if (!seen) {
			*free_slot = slot;
			return 0;
		}
		if ((seen ^ hash) >> SITES_ID_BITS == 0) {
			uint32_t id = (uint32_t)seen & ((1u << SITES_ID_BITS) - 1);

			if (intern_record(id)->hash == hash)
				return id;
		}
	}
	*free_slot = NULL;
	return 0;
}

/* intern.c: where the first level does not have it. 0: there is no room for it. */
uint32_t intern_far(uint64_t hash, const uint64_t *pc, unsigned depth);

/* hash: sites_hash of pc[0 .. depth). */
static inline __attribute__((always_inline)) uint32_t intern(uint64_t hash, const uint64_t *pc,
                                                             unsigned depth)
{
	uint64_t *free_slot;
	uint32_t id = intern_look(intern_line(0, hash), hash, &free_slot);

	return SITES_LIKELY(id) ? id : intern_far(hash, pc, depth);
}

#pragma GCC visibility pop

#endif
