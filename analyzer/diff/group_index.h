/*
 * group_index: which group of a profile a block belongs to, in constant time. It knows verdict,
 * size and type of a block, nothing else of it.
 */
#ifndef ANALYZER_DIFF_GROUP_INDEX_H
#define ANALYZER_DIFF_GROUP_INDEX_H

#include "analyzer/diff/profile.h"
#include "analyzer/reach/reach.h"

struct group_index {
	const struct profile *profile;
	uint32_t *slot; /* hash table: 1 + index of a group; 0: empty */
	size_t nslots;  /* a power of two */
	uint8_t *reach; /* by index: enum reach_class */
};

/* The profile's groups must stay as they are. group_index_free. */
void group_index_make(const struct profile *profile, struct group_index *out);
void group_index_free(struct group_index *index);

/*
 * type: its name, NULL: unknown. Where several groups have these three, and differ in what hangs on
 * their blocks, the first of them stands for all. PROFILE_NO_GROUP: there is none.
 */
uint32_t group_index_find(const struct group_index *index, enum reach_class reach, uint64_t size,
                          const char *type);

/* The same, where runs of blocks have the same three: near has the last answer, all zero at first.
 */
struct group_near {
	bool known;
	enum reach_class reach;
	uint64_t size;
	const char *type;
	uint32_t group;
};
static inline uint32_t group_index_near(const struct group_index *index, enum reach_class reach,
                                        uint64_t size, const char *type, struct group_near *near)
{
	if (!near->known || near->size != size || near->reach != reach || near->type != type)
		*near = (struct group_near){ true, reach, size, type,
			                     group_index_find(index, reach, size, type) };
	return near->group;
}

#endif
