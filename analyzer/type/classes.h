/*
 * classes: sizes of blocks in classes that are small enough in number to keep a table for each: the
 * commonest sizes have one of their own, the others are in classes by powers of two. It knows
 * nothing of blocks.
 */
#ifndef ANALYZER_TYPE_CLASSES_H
#define ANALYZER_TYPE_CLASSES_H

#include "analyzer/diff/imprint.h"

#define CLASSES_OWN 1024 /* sizes with a class of their own, at most */

struct size_class {
	uint64_t low, high; /* usable bytes, both included */
	uint64_t blocks;    /* used ones of these sizes */
	unsigned level;     /* of the sample: 1 / 2^level of the blocks */
};

struct classes {
	struct size_class *v; /* sorted: own ones by size, then the others by low */
	size_t n, own;
	uint32_t *slot; /* hash table of the own ones: 1 + index; 0: empty */
	size_t nslots;  /* a power of two */
};

struct size_count {
	uint64_t size, blocks;
};

/* Of the sizes in count[0..n), each once; sorts it by blocks. classes_free. */
void classes_make(struct size_count *count, size_t n, struct classes *out);
/* As read from a report: v[0..n), own ones first, is taken over. False: they overlap. */
bool classes_take(struct size_class *v, size_t n, struct classes *out);
void classes_free(struct classes *classes);

/* Index of the class of a size, SIZE_MAX: none has it. Constant time for own ones. */
size_t classes_find(const struct classes *classes, uint64_t size);

#endif
