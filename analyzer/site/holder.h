/*
 * holder: which one used block holds a block: it alone has a pointer to its start, or, where
 * nobody has, it alone one to what is behind a header of it. What a variable points to is nobody's.
 * Of a small heap all blocks that are in use may hold others, of a larger one those that are
 * leaked, which only leaked ones can hold. It knows no type and no site.
 */
#ifndef ANALYZER_SITE_HOLDER_H
#define ANALYZER_SITE_HOLDER_H

#include "analyzer/reach/reach.h"
#include "formats/module.h"

#define HOLDER_NONE UINT32_MAX
#define HOLDER_MANY (UINT32_MAX - 1)

struct held_block {
	uint32_t id;
	uint32_t by, inner; /* ids of those that point to its start, behind a header of it */
};

struct site_holders {
	const struct core *core;
	const struct heap *heap;
	const struct modules *modules;
	uint64_t *bits; /* by id: what may hold others */
	vaddr lowest, highest;
	uint64_t seen;                  /* bytes of blocks that were looked at, each pass anew */
	ARRAY(struct held_block) known; /* sorted by id */
};

/* reach: leaked blocks are looked at only; NULL: all that are in use. site_holders_free. */
void site_holders_init(const struct core *core, const struct heap *heap,
                       const struct modules *modules, const struct reach *reach,
                       struct site_holders *out);
void site_holders_free(struct site_holders *holders);

/*
 * Looks for the holders of so many blocks, of which those that are known already are left out: one
 * pass over the blocks that may hold others, and over variables, unless nothing is left.
 */
void site_holders_seek(struct site_holders *holders, const uint32_t *id, size_t n);

/* The block that holds this one. False: none or several do, or it was not looked for. */
bool site_holder_of(const struct site_holders *holders, uint32_t id, struct block *out);

#endif
