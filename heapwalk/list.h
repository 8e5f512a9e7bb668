/*
 * list: what following lists of free chunks has in common (free.c, fastbin.c). Each list is bounded
 * by the number of chunks there are, whatever its links say. Private to heapwalk/.
 */
#ifndef HEAPWALK_LIST_H
#define HEAPWALK_LIST_H

#include "heapwalk/walk.h"

#define LISTS_AT_ONCE 64 /* while the next chunk of one is fetched, others go on */

static inline const struct state_layout *list_layout(const struct heap *h, const struct arena *a)
{
	return h->instance[a->instance].state;
}

/* Asks for the header and links of a chunk, and for its cell of the index. */
static inline __attribute__((always_inline)) void list_fetch(const struct heap *h, vaddr at)
{
	const struct span *s = heap_span(h, at);

	if (!s || !s->mem || !s->cell)
		return;
	__builtin_prefetch(s->mem + (at - s->start));
	__builtin_prefetch(s->mem + (at - s->start) + 24);
	__builtin_prefetch(cell_at(s, at));
}

/* A used block is free after all. */
void list_release(struct walk *w, const struct block *b, enum free_place place);

/* fastbin.c: is it in a fastbin of this arena? Sets *list. */
bool fastbin_has(const struct heap *h, const struct core *core, const struct arena *a,
                 const struct block *b, unsigned *list);

#endif
