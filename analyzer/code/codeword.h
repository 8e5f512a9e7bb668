/*
 * codeword: words of the process's memory that hold the address of code, in blocks and
 * variables, and how far they lie behind what other words point to: the members of structs that
 * pointers to functions are kept in. It reads no code, and judges nothing.
 */
#ifndef ANALYZER_CODE_CODEWORD_H
#define ANALYZER_CODE_CODEWORD_H

#include "formats/module.h"
#include "heapwalk/heap.h"

#define WORD_REACH 512 /* bytes: a member lies less than that behind the start of its struct */

struct site_codeword {
	vaddr at, target;
	uint64_t behind; /* bit i: some word points to 8 * i bytes before at */
};

struct site_codewords {
	const struct core *core;
	const struct heap *heap;
	const struct modules *modules;
	struct site_codeword *v; /* sorted by at */
	size_t n;
	bool based; /* behind is known: site_codewords_bases */
};

/* Of the modules that are not the language's own, and of so many bytes of used blocks, the first of
 * the heap. site_codewords_free. */
#define CODEWORDS_LOOKED (UINT64_C(16) << 20)
void site_codewords_make(const struct core *core, const struct heap *heap,
                         const struct modules *modules, struct site_codewords *out);
void site_codewords_free(struct site_codewords *words);

/* Finds out what is behind: another pass over the same memory, once. */
void site_codewords_bases(struct site_codewords *words);

#endif
