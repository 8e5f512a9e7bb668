/*
 * container: the standard C++ containers by how they and their owners are linked, private to the
 * typers of containers. An owner is what the program's code calls the container: an object of a few
 * words in a block, a global or a local variable. Which words those are is the same in all releases
 * of a library: libstdc++ since GCC 5 (bits/basic_string.h, stl_vector.h, stl_tree.h, stl_list.h,
 * hashtable.h, stl_deque.h; the reference-counted string also before), libc++ (string, vector,
 * list,
 * __tree, __hash_table, deque of its first ABI, which is every release's default).
 */
#ifndef ANALYZER_TYPE_CONTAINER_H
#define ANALYZER_TYPE_CONTAINER_H

#include "analyzer/type/typing.h"
#include "formats/idmap.h"

#define STRIDE_MAX                                                                     \
	(UINT64_C(1) << 40) /* bytes of a table, elements of a deque: more is nonsense \
	                     */

#define CONTAINER_STEPS (UINT64_C(1) << 20) /* along chains, at least */

enum container_part {
	PART_STRING,
	PART_WIDE_STRING,
	PART_STRING_16,
	PART_VECTOR,
	PART_BITS,
	PART_LIST,
	PART_TREE,
	PART_HASH_NODE,
	PART_HASH_BUCKETS,
	PART_DEQUE_BLOCK,
	PART_DEQUE_MAP,
	PARTS
};

struct containers {
	struct typing *t;
	struct view view; /* where a chain is followed */
	unsigned word;
	bool gnu, llvm;              /* which libraries may be in use: libstdc++, libc++ */
	vaddr lo, hi;                /* of all blocks */
	vaddr code_lo, code_hi;      /* of all modules */
	struct idmap targets;        /* address of a function: label of what it is called with */
	uint64_t steps;              /* that may still be taken along chains */
	const struct block *owner;   /* whose words are looked at; NULL: a root's */
	uint32_t owner_label;        /* for which label[] is; 0: plain */
	uint32_t label[PARTS];       /* 0: not yet made */
	uint32_t plain_label[PARTS]; /* in no known owner */
};

/* A run of words that lie together: those of a block, or of a root. */
struct words {
	const uint8_t *p;
	size_t n;
	vaddr at; /* of the first */
};

static inline uint64_t word_of(const struct containers *c, const struct words *w, size_t i)
{
	return c->word == 8 ? load64(w->p + i * 8) : load32(w->p + i * 4);
}

static inline bool in_heap(const struct containers *c, uint64_t v)
{
	return v >= c->lo && v < c->hi;
}

/* The used block that begins at v. */
bool container_block(const struct containers *c, uint64_t v, struct block *b);
/* Is it what malloc hands out for this many bytes? */
bool container_fits(const struct containers *c, const struct block *b, uint64_t bytes);
bool container_word(struct containers *c, vaddr at, uint64_t *value);
/* Proposes. */
void container_put(struct containers *c, const struct block *b, enum container_part part);
void container_put_name(struct containers *c, const struct block *b, const char *name);

/*
 * Is a container's owner at word i? Where it is, its blocks are proposed. One that is found takes
 * all words of its owner: true.
 */
bool container_tree(struct containers *c, const struct words *w, size_t i);
bool container_list(struct containers *c, const struct words *w, size_t i);
bool container_hash(struct containers *c, const struct words *w, size_t i);
bool container_deque(struct containers *c, const struct words *w, size_t i);
bool container_target(struct containers *c, const struct words *w, size_t i);
/* What has one block: a string, a vector, a stream's buffer. */
bool container_buffer(struct containers *c, const struct words *w, size_t i);

#endif
