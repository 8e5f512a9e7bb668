/*
 * twin: does a used block look like many others of its size class, pointers aside? What takes the
 * place of a block looks like it as often as others of the kind do. Which looks are common is
 * learned from the sample of a profile, of which this is a part; in classes that are sampled whole
 * they are counted.
 */
#ifndef ANALYZER_DIFF_TWIN_H
#define ANALYZER_DIFF_TWIN_H

#include "analyzer/type/classes.h"
#include "formats/idmap.h"

struct twin { /* blocks of the sample that look alike */
	uint64_t look;
	uint32_t size_class, n;
};

struct twins { /* starts as zeroes */
	ARRAY(struct twin) seen;
	struct idmap at; /* by look: index into seen, of the common ones alone once settled */
	ARRAY(bool) has; /* by class, once settled: it has common looks */
};

/* look: as imprint_look tells. */
void twins_note(struct twins *twins, size_t size_class, uint64_t look);
/* When the sample was noted. */
void twins_settle(struct twins *twins, const struct classes *classes);
void twins_free(struct twins *twins);

/* Is it worth asking for a block of this class? */
static inline bool twins_in(const struct twins *twins, size_t size_class)
{
	return size_class < twins->has.n && twins->has.v[size_class];
}
bool twins_are_many(const struct twins *twins, uint64_t look);

#endif
