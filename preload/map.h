/*
 * map: from block address to record number, without a lock: see region.h for its form. Every change
 * is one compare-and-swap of one word, so a signal handler, a fork or a core may come at any time.
 *
 * Each block has one entry. Whoever moves an entry to a new segment adds a copy, then takes the old
 * one away, or, where somebody else did, one copy: the number of entries stays right whoever else
 * moves it or takes it away at the same time.
 */
#ifndef PRELOAD_MAP_H
#define PRELOAD_MAP_H

#include "preload/sites.h"

#pragma GCC visibility push(hidden)

#define MAP_PROBES  24 /* lines that an insertion looks at */
#define MAP_PRESSED 2  /* from this line on it asks for growth */

/* Is there but one thread? Then no other processor looks on, and a plain instruction is enough. */
extern char __libc_single_threaded __attribute__((weak));

static inline bool map_alone(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

/* One instruction either way: a signal handler of this thread never sees it half done. */
static inline bool map_swap(uint64_t *slot, uint64_t old, uint64_t new)
{
#ifdef __x86_64__
	if (map_alone()) {
		uint64_t seen = old;
		bool same;

		__asm__ volatile("cmpxchgq %3, %1"
		                 : "=@ccz"(same), "+m"(*slot), "+a"(seen)
		                 : "r"(new)
		                 : "memory");
		return same;
	}
#endif
	return __atomic_compare_exchange_n(slot, &old, new, false, __ATOMIC_SEQ_CST,
	                                   __ATOMIC_RELAXED);
}

static inline uint64_t *map_line(uint32_t segment, uint32_t line)
{
	return sites.map + (size_t)segment * SITES_SEGMENT + (size_t)line * SITES_LINE;
}

static inline uint32_t map_segments(void)
{
	return __atomic_load_n(&sites.header->segments, __ATOMIC_ACQUIRE);
}

/* map.c: what is seldom */
bool map_put_far(uint32_t segment, uint64_t home, uint64_t entry, uint32_t probes, uint32_t *line);
bool map_put_later(uint64_t home, uint64_t entry, uint32_t *segment);
void map_rehome(uint64_t home, uint64_t entry, uint32_t segment);
uint32_t map_take_far(uint64_t address, uint32_t segments);
void map_press(uint32_t segment, uint32_t line);

/*
 * Puts an entry into one line. An old one of the same address gives way: its block was freed behind
 * our back. One that is the same in all bits does not: it may be a copy that is being moved.
 */
static inline bool map_put_line(uint64_t *line, unsigned first, uint64_t entry)
{
	for (unsigned i = 0; i < SITES_LINE; i++) {
		uint64_t *slot = &line[(first + i) % SITES_LINE], seen;

		seen = __atomic_load_n(slot, __ATOMIC_RELAXED);
		while (!seen || ((seen ^ entry) >> SITES_ID_BITS == 0 && seen != entry)) {
			if (map_swap(slot, seen, entry))
				return true;
			seen = __atomic_load_n(slot, __ATOMIC_RELAXED);
		}
	}
	return false;
}

/* Of a block that malloc has just returned. */
static inline __attribute__((always_inline)) void map_put(uint64_t address, uint32_t id)
{
	uint64_t home = sites_home(address), entry = sites_key(address) | id;
	uint32_t segments = map_segments(), segment = sites_segment(home, segments), line = 0;

	if (SITES_UNLIKELY(!map_put_line(map_line(segment, sites_line(home, 0)),
	                                 (unsigned)(address >> 5), entry))) {
		bool kept = map_put_far(segment, home, entry, MAP_PROBES, &line);

		if (line >= MAP_PRESSED)
			map_press(segment, line);
		if (!kept)
			kept = map_put_later(home, entry, &segment);
		if (!kept)
			__atomic_add_fetch(&sites.header->lost, 1, __ATOMIC_RELAXED);
		map_rehome(home, entry, segment);
	} else if (SITES_UNLIKELY(map_segments() != segments)) {
		map_rehome(home, entry, segment);
	}
}

static inline bool map_is_empty(const uint64_t *line)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < SITES_LINE; i++)
		any |= __atomic_load_n(&line[i], __ATOMIC_RELAXED);
	return !any;
}

/* Of a block that is about to be freed; its record, 0: there was none. */
static inline __attribute__((always_inline)) uint32_t map_take(uint64_t address)
{
	uint64_t home = sites_home(address), key = sites_key(address);
	uint32_t segments = map_segments(), segment = sites_segment(home, segments);
	uint64_t *line = map_line(segment, sites_line(home, 0));

	for (unsigned i = 0; i < SITES_LINE; i++) {
		uint64_t *slot = &line[(address / 32 + i) % SITES_LINE];
		uint64_t seen = __atomic_load_n(slot, __ATOMIC_RELAXED);

		if ((seen ^ key) >> SITES_ID_BITS == 0 && map_swap(slot, seen, 0))
			return (uint32_t)(seen ^ key);
		if (!seen && !i && map_is_empty(line)) /* the sampled mode's usual case */
			break;
	}
	if (SITES_LIKELY(sites.reach[segment] <= 1 && !sites.header->moving &&
	                 map_segments() == segments))
		return 0;
	return map_take_far(address, segments);
}

#pragma GCC visibility pop

#endif
