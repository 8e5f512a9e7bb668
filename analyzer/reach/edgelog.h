/*
 * edgelog: where the words of blocks lead that nothing had led to yet when the walk passed them.
 * Of a core that does not fit into memory each byte is read once this way: what is found to hold
 * such a block later finds its words here. A few hundredths of the heap, in a file without a name
 * (formats/store.h), as that is more than may be kept in memory. It knows granules by number and
 * nothing of what is found, or held.
 *
 * The heap's cells are taken in groups of LOG_GROUP. What is written of a group is complete, or the
 * group is given up as a whole, and the core has to be asked.
 */
#ifndef ANALYZER_REACH_EDGELOG_H
#define ANALYZER_REACH_EDGELOG_H

#include "heapwalk/heap.h"

#define LOG_GROUP 32 /* cells */

/*
 * Where a word leads: the number of a granule, (first_cell * 64 + its place in the span) * 16, and
 * how many bytes into it. Of an mmapped chunk all bytes behind the first are alike.
 */
typedef uint64_t edge;

static inline uint64_t edge_granule(edge e)
{
	return e >> 4;
}

struct edgelog;

/*
 * For a heap of so many cells, of at most this many bytes (0: as many as an eighth of the heap).
 * NULL: no file can be made. Owned by the caller: edgelog_close.
 */
struct edgelog *edgelog_open(const struct heap *heap, uint64_t most);
void edgelog_close(struct edgelog *log); /* accepts NULL */

/* Who writes: one for each thread. Its blocks come by rising granules within a group. */
struct pen;
struct pen *pen_new(struct edgelog *log);
void pen_free(struct pen *pen); /* accepts NULL; what was written is kept */
/* A block that starts in this cell, with this bit, and its n edges. */
void pen_block(struct pen *pen, size_t cell, unsigned bit, const edge *edges, size_t n);
/* There is a block in this cell whose edges are not known. */
void pen_give_up(struct pen *pen, size_t cell);

/* All is written; the heap is known with the same cells. False: nothing can be read. */
bool edgelog_read(struct edgelog *log, const struct heap *heap);

/* Is the group complete that has this cell? */
bool edgelog_has(const struct edgelog *log, size_t cell);

/* The blocks of a group, and the edges of each. */
struct edgelog_cursor {
	const struct edgelog *log;
	const uint8_t *at, *end; /* of the segment that is read */
	uint64_t next;           /* segment */
	const uint8_t *stop;     /* of the block's edges */
	uint64_t granule;        /* where the block starts */
	size_t group;
};
void edgelog_start(const struct edgelog *log, size_t cell, struct edgelog_cursor *cursor);
bool edgelog_next(struct edgelog_cursor *cursor); /* the next block; false: there is none */
bool edgelog_edge(struct edgelog_cursor *cursor, edge *out); /* the block's next edge */

/* A word that leads there. */
vaddr edgelog_word(const struct edgelog *log, edge e);

#endif
