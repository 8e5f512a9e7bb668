/*
 * marks: numbers that some site stores at some place of a block of some size: the ones that
 * tell blocks apart which look alike otherwise. A set, no more; it knows no block.
 */
#ifndef ANALYZER_SITE_MARKS_H
#define ANALYZER_SITE_MARKS_H

#include "analyzer/code/index.h"

struct mark_words {
	uint64_t size; /* usable; 0: empty */
	uint64_t bits; /* by word */
};

struct site_marks {
	uint64_t *slot; /* open addressing; 0: empty */
	size_t nslots, n;
	struct mark_words *words; /* the same */
	size_t cap, nwords;
};

/* Of all sites of the index that ask for one size: numbers above 255, of 4 or 8 bytes; smaller ones
 * are counts as a rule, and change. site_marks_free. */
void site_marks_add(struct site_marks *marks, const struct site_index *index);
void site_marks_free(struct site_marks *marks);

/* Does a site of blocks of `usable` bytes store this number of `width` bytes at this offset? */
bool site_marks_has(const struct site_marks *marks, uint64_t usable, uint64_t offset,
                    unsigned width, uint64_t value);

/*
 * Bits by word, of the first 64 words of blocks of `usable` bytes: where some site of this size
 * stores something that is not zero. What is there tells blocks apart.
 */
uint64_t site_marks_words(const struct site_marks *marks, uint64_t usable);

#endif
