/*
 * shape: what the words of a block look like, without any address in it, so that blocks of one kind
 * can be put together whose type nobody knows: "{ptr,ptr,long,text}". It follows no pointer, and
 * says nothing of what is pointed to.
 *
 * The last word of a block is left out: malloc hands out up to 15 bytes more than were asked for,
 * and what stands in those is left over from somebody else.
 */
#ifndef ANALYZER_TYPE_SHAPE_H
#define ANALYZER_TYPE_SHAPE_H

#include "heapwalk/heap.h"

#define SHAPE_WORDS 12 /* words of a block that are looked at */
#define SHAPE_TEXT  96 /* bytes that the longest shape takes as text */

enum shape_word {
	SHAPE_ZERO,
	SHAPE_PTR,       /* to a block, or into one */
	SHAPE_CODE,      /* to machine code */
	SHAPE_DATA,      /* to anything else that is mapped: globals, constants, stacks */
	SHAPE_TEXT_WORD, /* printable bytes */
	SHAPE_LONG,      /* anything else */
	SHAPE_NONE       /* not saved */
};

struct shape {
	uint8_t n;                 /* words in word[] */
	bool more;                 /* the block has more */
	uint8_t word[SHAPE_WORDS]; /* enum shape_word */
};

void shape_make(const struct core *core, const struct heap *heap, const struct block *block,
                struct shape *out);

/*
 * Joins another block's shape: a zero may be anything that was not set yet, and text and numbers
 * are both bytes. False, and *to as it was: a pointer stands where the other has something else.
 */
bool shape_join(struct shape *to, const struct shape *with);

/* "{ptr,ptr,long,text}", runs as "long*5", "..." where there is more. Returns buf. */
const char *shape_text(const struct shape *shape, char buf[SHAPE_TEXT]);

/* A block's shape as text. Returns buf. */
const char *shape_of(const struct core *core, const struct heap *heap, const struct block *block,
                     char buf[SHAPE_TEXT]);

#endif
