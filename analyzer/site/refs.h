/*
 * refs: who points to the samples of classes: words in blocks, as class and offset, and
 * variables. One pass over the used blocks and over the modules' data. It knows no site.
 */
#ifndef ANALYZER_SITE_REFS_H
#define ANALYZER_SITE_REFS_H

#include "analyzer/site/class.h"

#define REFS_MOST  24 /* of one class */
#define INNER_MOST 8  /* the same of addresses inside its blocks, in their first 32 bytes */

struct site_ref {
	vaddr at;        /* of the word */
	uint32_t parent; /* class of the block that it is in; CLASS_NONE: a variable's */
	uint32_t offset; /* in that block */
};

struct class_refs {
	uint32_t n;
	uint32_t strings;          /* of n: a std::string's, whose buffer the block is */
	uint32_t grown;            /* of those: the capacity is more than the length */
	uint64_t seen, seen_inner; /* how often there was one */
	struct site_ref v[REFS_MOST];
	uint32_t ninner;
	struct site_ref inner[INNER_MOST];
};

struct site_refs {
	struct class_refs *v; /* by class */
	size_t n;
	uint64_t by_offset[64]; /* how many words of blocks, by offset / 8; the last: all others */
	uint64_t total;
	uint64_t starts, inners; /* of all classes */
};

/* *out is the caller's: site_refs_free. */
void site_refs_make(const struct site_classes *classes, struct site_refs *out);
void site_refs_free(struct site_refs *refs);

#endif
