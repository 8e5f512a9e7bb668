#include "preload/map.h"

#include <sys/syscall.h>
#include <unistd.h>

#define FULL (SITES_SEGMENT / 100 * 84) /* entries of a segment at which the map doubles */

/* Lookups go as far as any insertion went, so the reach is raised first. */
static void raise_reach(uint32_t segment, uint32_t lines)
{
	uint8_t seen = __atomic_load_n(&sites.reach[segment], __ATOMIC_RELAXED);

	while (seen < lines &&
	       !__atomic_compare_exchange_n(&sites.reach[segment], &seen, (uint8_t)lines, false,
	                                    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
}

bool map_put_far(uint32_t segment, uint64_t home, uint64_t entry, uint32_t probes, uint32_t *line)
{
	unsigned first = (unsigned)(sites_address(entry) >> 5);

	for (uint32_t j = 0; j < probes; j++) {
		*line = j;
		raise_reach(segment, j + 1);
		if (map_put_line(map_line(segment, sites_line(home, j)), first, entry))
			return true;
	}
	return false;
}

/* Takes away one entry that is the same in the bits that count. */
static uint64_t take_from(uint32_t segment, uint64_t home, uint64_t key, unsigned ignored)
{
	uint32_t reach = __atomic_load_n(&sites.reach[segment], __ATOMIC_SEQ_CST);

	for (uint32_t j = 0; !j || j < reach; j++) {
		uint64_t *line = map_line(segment, sites_line(home, j));

		for (unsigned i = 0; i < SITES_LINE; i++) {
			uint64_t seen = __atomic_load_n(&line[i], __ATOMIC_RELAXED);

			if (seen && (seen ^ key) >> ignored == 0 && map_swap(&line[i], seen, 0))
				return seen;
		}
	}
	return 0;
}

uint32_t map_take_far(uint64_t address, uint32_t segments)
{
	uint64_t home = sites_home(address), key = sites_key(address), entry = 0;

	for (int turn = 0; !entry && turn < 4; turn++) {
		uint32_t now, moving, segment;

		segments = map_segments();
		moving = __atomic_load_n(&sites.header->moving, __ATOMIC_SEQ_CST);
		segment = sites_segment(home, segments);
		entry = take_from(segment, home, key, SITES_ID_BITS);
		if (!entry && moving == segment + 1) {
			entry = take_from(sites_parent(segment), home, key, SITES_ID_BITS);
			if (!entry) /* moved since the first look */
				entry = take_from(segment, home, key, SITES_ID_BITS);
		}
		now = map_segments();
		if (now == segments &&
		    moving == __atomic_load_n(&sites.header->moving, __ATOMIC_SEQ_CST))
			break;
	}
	return (uint32_t)(entry & ((1u << SITES_ID_BITS) - 1));
}

/* From its slot to the segment that it belongs to now: see the head of map.h. */
static void move(uint64_t *slot, uint64_t entry, uint64_t home, uint32_t to)
{
	uint32_t line;
	bool put = false;

	/* not map_put_line: a copy stands beside others of its kind */
	for (uint32_t j = 0; j < SITES_REACH && !put; j++) {
		uint64_t *at = map_line(to, sites_line(home, j));

		raise_reach(to, j + 1);
		for (unsigned i = 0; i < SITES_LINE && !put; i++) {
			line = ((unsigned)(sites_address(entry) >> 5) + i) % SITES_LINE;
			while (!put && !__atomic_load_n(&at[line], __ATOMIC_RELAXED))
				put = map_swap(&at[line], 0, entry);
		}
	}
	if (put && !map_swap(slot, entry, 0))
		take_from(to, home, entry, 0);
}

/* The map has grown while this entry was put: it may stand where nobody looks for it. */
void map_rehome(uint64_t home, uint64_t entry, uint32_t segment)
{
	for (int turn = 0; turn < 4; turn++) {
		uint32_t segments = map_segments(), to = sites_segment(home, segments);
		uint32_t reach = __atomic_load_n(&sites.reach[segment], __ATOMIC_SEQ_CST);

		if (to == segment)
			return;
		for (uint32_t j = 0; !j || j < reach; j++) {
			uint64_t *line = map_line(segment, sites_line(home, j));

			for (unsigned i = 0; i < SITES_LINE; i++)
				if (__atomic_load_n(&line[i], __ATOMIC_RELAXED) == entry)
					move(&line[i], entry, home, to);
		}
		segment = to;
	}
}

/* ---- growth ---- */

static bool is_full(uint32_t segment)
{
	const uint64_t *entry = map_line(segment, 0);
	unsigned n = 0;

	for (unsigned i = 0; i < SITES_SEGMENT; i++)
		n += __atomic_load_n(&entry[i], __ATOMIC_RELAXED) != 0;
	return n > FULL;
}

/*
 * Every entry of the parent that belongs elsewhere by now goes there. Several threads may do it for
 * the same segment, or one for a segment that others have filled and divided since.
 */
static void fill_segment(uint32_t segment)
{
	uint32_t parent = sites_parent(segment), moving = segment + 1;
	uint64_t *from = map_line(parent, 0);

	for (unsigned i = 0; i < SITES_SEGMENT; i++) {
		uint64_t entry = __atomic_load_n(&from[i], __ATOMIC_RELAXED), home;
		uint32_t to;

		if (!entry)
			continue;
		home = sites_home(sites_address(entry));
		to = sites_segment(home, map_segments());
		if (to != parent)
			move(&from[i], entry, home, to);
	}
	__atomic_compare_exchange_n(&sites.header->moving, &moving, 0, false, __ATOMIC_SEQ_CST,
	                            __ATOMIC_RELAXED);
}

static bool open_segment(uint32_t segment)
{
	struct sites_header *h = sites.header;
	uint32_t more = segment / 4 + 1;

	if (segment < h->segments_open)
		return true;
	if (more > h->segments_max - segment)
		more = h->segments_max - segment;
	if (!more || !sites_open_more(h->map + (uint64_t)segment * SITES_SEGMENT * 8,
	                              h->map + (uint64_t)(segment + more) * SITES_SEGMENT * 8))
		return false;
	h->segments_open = segment + more;
	return true;
}

/* By one segment. Whoever comes late with a step finds it done, and goes on with the next. */
static void grow(void)
{
	struct sites_header *h = sites.header;
	uint32_t segment = map_segments(), none = 0, moving;

	if (!open_segment(segment))
		return;
	__atomic_compare_exchange_n(&h->moving, &none, segment + 1, false, __ATOMIC_SEQ_CST,
	                            __ATOMIC_RELAXED);
	moving = __atomic_load_n(&h->moving, __ATOMIC_SEQ_CST);
	if (!moving)
		return;
	segment = moving - 1;
	__atomic_compare_exchange_n(&h->segments, &segment, moving, false, __ATOMIC_SEQ_CST,
	                            __ATOMIC_RELAXED);
	fill_segment(moving - 1);
}

/*
 * One thread at a time lets the map grow, as a rule, and nobody waits for it. Where it is needed,
 * or where a fork has left its owner behind in another process, another takes its turn over: all
 * that the owner does can be done twice.
 */
static void take_turn(bool needed)
{
	struct sites_header *h = sites.header;
	uint64_t owner = 0, pid = (uint64_t)syscall(SYS_getpid);
	uint64_t mine = pid << 32 | (uint32_t)syscall(SYS_gettid);

	if (!__atomic_compare_exchange_n(&h->lock, &owner, mine, false, __ATOMIC_SEQ_CST,
	                                 __ATOMIC_RELAXED)) {
		if (!needed && owner >> 32 == pid)
			return;
		if (!__atomic_compare_exchange_n(&h->lock, &owner, mine, false, __ATOMIC_SEQ_CST,
		                                 __ATOMIC_RELAXED))
			return;
	}
	grow();
	__atomic_compare_exchange_n(&h->lock, &mine, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/*
 * An insertion had to go on to the line-th line. Growth doubles the map, segment by segment: it
 * begins when a segment is full, which is counted seldom, and then goes on quickly to its end, as
 * segments not yet divided have twice the entries of the others.
 */
void map_press(uint32_t segment, uint32_t line)
{
	uint32_t segments = map_segments(), pressed = ++sites_thread.pressed;
	bool begun = (segments & (segments - 1)) != 0, far = line >= MAP_PROBES / 2;

	if (segments >= sites.header->segments_max || (pressed % 16 && !far))
		return;
	if (begun || ((!(pressed % 256) || far) && is_full(segment)))
		take_turn(false);
}

/* It found no place: until its segment was divided. */
bool map_put_later(uint64_t home, uint64_t entry, uint32_t *segment)
{
	uint32_t segments = map_segments(), was = sites_segment(home, segments), line;

	*segment = was;
	if (segments < sites.header->segments_max &&
	    map_put_far(*segment, home, entry, SITES_REACH, &line))
		return true;
	for (uint32_t turn = 0; turn <= segments; turn++) {
		if (map_segments() >= sites.header->segments_max)
			return false;
		take_turn(true);
		*segment = sites_segment(home, map_segments());
		if ((*segment != was || map_segments() >= 2 * segments) &&
		    map_put_far(*segment, home, entry, SITES_REACH, &line))
			return true;
	}
	return false;
}
