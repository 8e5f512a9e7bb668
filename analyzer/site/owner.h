/*
 * owner: whose a block is that tells no site itself: text, a buffer, an array. It is held by
 * one other block (holder.h), or by what one holds, and so on for a few steps, up to the first
 * of which the type or the site is known. That is a fact about pointers and what is known of the
 * owner; it is never given out as the block's own site.
 */
#ifndef ANALYZER_SITE_OWNER_H
#define ANALYZER_SITE_OWNER_H

#include "analyzer/site/origin.h"
#include "analyzer/site/site.h"

/* Share of a group's blocks from which on their owners are told, and from which on as all's. */
#define OWNER_LEAST  0.5
#define OWNER_NEARLY 0.95

struct owner {
	const char *text; /* "session, allocated in make_session (server.c:41)" */
	struct report_owner who;
	vaddr example; /* the owner of the first of them */
};

struct owners;

/* sites: of the same analysis; they must outlive the owners. */
struct owners *owners_make(struct analysis *a, struct sites *sites);
void owners_free(struct owners *owners); /* accepts NULL */

/* Looks for the holders of blocks, all of them at once: a few passes over the heap. */
void owners_seek(struct owners *owners, const uint32_t *id, size_t n);

/*
 * The owner of most of n blocks, which were looked for before. False: not known, or they have
 * different ones. Strings live as long as the owners.
 */
bool owners_of(struct owners *owners, const struct block *block, size_t n, struct owner *out);

/* The same with strings of this pool's. */
struct owner owner_copy(const struct owner *owner, struct pool *pool);

#endif
