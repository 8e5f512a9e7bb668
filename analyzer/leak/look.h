/*
 * look: what blocks look like, told apart from where they lie: their type as far as it is known,
 * else their size; and where they were allocated, if the process kept that. Equal looks have equal
 * numbers. It knows nothing of who points to whom.
 */
#ifndef ANALYZER_LEAK_LOOK_H
#define ANALYZER_LEAK_LOOK_H

#include "heapwalk/heap.h"

#define LOOK_VARIED UINT64_MAX /* a size that says nothing: it differs between blocks of a kind */

struct look {
	const char *type;            /* NULL: unknown. Lives as long as what gave it */
	double confidence;           /* of the type; negative: unknown */
	uint64_t size;               /* usable bytes, or LOOK_VARIED */
	const struct origin *origin; /* origin.h; NULL: not known. Equal stacks: the same one */
	bool fixed; /* a class, which has one size, so that this says nothing more */
	bool part;  /* of a container: whose that is says how large it is */
	/* Hashes of names and numbers only: the same in every run, on every host. */
	uint64_t kind; /* of the type; of nothing where it is unknown */
	uint64_t key;  /* of type, size (unless fixed) and the site's function and callers */
};

struct looks {
	ARRAY(struct look) v;
	/* private */
	uint32_t *slot; /* 1 + index into v; 0: empty */
	size_t nslots;
	uint32_t last;
};

/*
 * The number of the look with this type, confidence, size, origin and fixed. type and origin may be
 * NULL; they are kept by reference.
 */
uint32_t looks_put(struct looks *looks, const struct look *look);
void looks_free(struct looks *looks);

uint64_t look_key(const struct look *look); /* of type, size and fixed: as look.key */

/* A hash of text and numbers that depends on nothing else (FNV-1a, splitmix64's finalizer). */
uint64_t hash_text(uint64_t h, const char *text); /* its end, too; NULL is as "" */
uint64_t hash_number(uint64_t h, uint64_t n);
#define HASH_START UINT64_C(0xcbf29ce484222325)

#endif
