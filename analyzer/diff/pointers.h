/*
 * pointers: which used blocks and which roots of a core point to which chunks, used or not, and
 * which of these words were the same in an older core of the process. Found in one pass over memory
 * in its order, and kept as a list, so that others can go over them as often as they like (tie.h).
 * It knows no verdicts and no names.
 *
 * Memory: 4 bytes for each chunk and each pointer. Where that is more than a quarter of the heap,
 * nothing is kept, and the words are looked at anew each time.
 */
#ifndef ANALYZER_DIFF_POINTERS_H
#define ANALYZER_DIFF_POINTERS_H

#include "analyzer/reach/root.h"
#include "heapwalk/heap.h"

/* A pointer: the id of the chunk, and */
#define POINTER_SAME   (UINT32_C(1) << 28) /* that word was the same in the older core */
#define POINTER_INSIDE (UINT32_C(1) << 29) /* not to the first byte behind its header */
#define POINTER_FAR    (UINT32_C(1) << 30) /* nor to one of the first 32 */
#define POINTER_LAST   (UINT32_C(1) << 31) /* its holder has no more */
#define POINTER_ID     (POINTER_SAME - 1)

#define POINTERS_SOME UINT32_MAX /* first: of a block that is looked at in pieces */

enum pointer_piece_kind {
	PIECE_BLOCKS, /* the used ones among the chunks that start there */
	PIECE_LARGE,  /* of one mmapped block */
	PIECE_ROOT,
	PIECE_STACK, /* a root that is a stack */
	PIECE_GAP,   /* heap whose chunks are unknown */
};

struct pointer_piece { /* of memory, one thread's at a time */
	vaddr start, end;
	enum pointer_piece_kind kind;
	uint32_t id;      /* PIECE_BLOCKS: of the first chunk; PIECE_LARGE: the block's */
	size_t of;        /* index of its span, root, or gap */
	uint64_t base, n; /* in `to` */
};

struct pointers {
	const struct core *core, *old; /* old: NULL: there is no older one */
	const struct heap *heap;
	const struct roots *roots;
	unsigned threads;
	const uint64_t *wanted; /* bits by id: pointers to the first bytes of these; NULL: all */
	uint64_t *near;         /* bits by hash of a page: one of them may be there */
	bool few;               /* of all chunks few are wanted */
	ARRAY(struct pointer_piece) piece; /* those of spans first, by address */
	size_t nspan_pieces;
	bool kept;       /* the rest is there: */
	uint32_t *first; /* by id: 1 + index into to; 0: it has none */
	uint32_t *to;
	uint64_t n;
	uint64_t first_bytes, to_bytes;
};

/* What of a block is the same in the older core. */
enum pointers_stayed {
	STAYED_NOTHING, /* it is another block */
	STAYED_SOME,    /* its words tell */
	STAYED_ALL,     /* to the byte */
};

/*
 * Asked of each block that is in use, once, by several threads at a time; what is in the block will
 * be looked at next. Without an older core its answer does not matter.
 */
typedef enum pointers_stayed pointers_fn(void *of, const struct block *block);
struct pointers_ask {
	pointers_fn *block; /* NULL: STAYED_SOME */
	void *of;
};

/*
 * Of core; heap and roots are its. wanted: bits by id, which are asked about as long as the
 * pointers are: no other pointers are looked for, nor such as are far; NULL: all are.
 * pointers_free.
 */
void pointers_find(const struct core *core, const struct core *old, const struct heap *heap,
                   const struct roots *roots, unsigned threads, const uint64_t *wanted,
                   struct pointers_ask ask, struct pointers *out);
void pointers_free(struct pointers *pointers);

/*
 * Looks at the words themselves, by several threads at a time, each for a piece of its own. holder:
 * id of the block that has the pointer, or UINT32_MAX; how: POINTER_SAME, _INSIDE, _FAR.
 */
typedef void pointer_fn(void *of, size_t piece, uint32_t holder, uint32_t id, uint32_t how);
/* The piece has no more; NULL: nobody has to know. */
typedef void pointer_done_fn(void *of, size_t piece);
struct pointers_take {
	pointer_fn *take;
	pointer_done_fn *done;
	void *of;
};
void pointers_scan(const struct pointers *pointers, struct pointers_ask ask,
                   struct pointers_take take);

/* For pointers_find: scans, and keeps the list where there is room for it. */
void pointers_keep(struct pointers *pointers, struct pointers_ask ask);

#endif
