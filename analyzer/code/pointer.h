/*
 * pointer: variables of a module that hold the address of a function, as the core has them:
 * what a program that calls its allocator through a pointer calls. It reads no code and judges
 * nothing.
 */
#ifndef ANALYZER_CODE_POINTER_H
#define ANALYZER_CODE_POINTER_H

#include "analyzer/code/index.h"
#include "analyzer/code/codeword.h"

/* An allocator of some module, where it is in memory. */
struct allocator_at {
	vaddr at;
	struct site_allocator is;
};

/* A word that holds the address of code. Addresses in the module are the file's own. */
struct code_pointer {
	uint64_t at;
	vaddr target;
};

struct site_pointers {
	const struct module *module;
	struct code_pointer *v; /* sorted by at */
	size_t n;
	const struct allocator_at *known; /* of other modules, sorted by at */
	size_t nknown;
	struct site_codewords *words; /* of the process */
};

/* Of what the module may write, and of what the loader wrote for it. known and words must outlive
 * *out; site_pointers_free. */
void site_pointers_make(struct site_codewords *words, const struct module *module,
                        const struct allocator_at *known, size_t nknown, struct site_pointers *out);
void site_pointers_free(struct site_pointers *pointers);

/* Is that an allocator of another module? */
bool site_pointers_known(const struct site_pointers *pointers, vaddr target,
                         struct site_allocator *out);

/*
 * The offsets of members that hold the address of an allocator: of all words of the process whose
 * target is one by is(arg, target). One that two different allocators have is none. *out is the
 * caller's: mem_free.
 */
typedef bool allocator_is(const void *arg, vaddr target, struct site_allocator *out);
size_t site_pointers_members(const struct site_pointers *pointers, allocator_is *is,
                             const void *arg, struct site_held **out);

/* Keeps in the index which variables and members hold an allocator of it, or of other modules. */
void site_pointers_tell(const struct site_pointers *pointers, struct site_index *index);

/* Are they the same in the core that the pointers are of? */
bool site_pointers_agree(const struct site_pointers *pointers, const struct site_index *index);

bool site_allocator_same(const struct site_allocator *a, const struct site_allocator *b);

#endif
