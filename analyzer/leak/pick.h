/*
 * pick: some heads of each of the groups that hold most, for what is to be found out of a group and
 * costs too much to be asked of all its blocks. It knows nothing of what that is.
 */
#ifndef ANALYZER_LEAK_PICK_H
#define ANALYZER_LEAK_PICK_H

#include "analyzer/leak/group.h"
#include "analyzer/reach/held.h"

#define PICKS       48  /* blocks of a group, at most */
#define PICK_GROUPS 256 /* groups that have some: those that hold most */

/*
 * Fills in pick and npicks of v[0 .. n). group: by node, the index in v of each head. Of rings only
 * those are picked whose head is what they are named after. Picks are the pool's.
 */
void picks_make(const struct heap *heap, const struct held *held, const uint32_t *group,
                struct group *v, size_t n, struct pool *pool);

/*
 * The same of a group without heads, as its blocks are counted: one block after the other, before
 * it is added to g->own. What comes when *groups others have some has none.
 */
#define PICK_PLAIN 4096 /* groups that have some */
void pick_block(struct group *g, const struct block *b, size_t *groups, struct pool *pool);

#endif
