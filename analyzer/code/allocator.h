/*
 * allocator: the functions that hand out blocks, by name: what their arguments mean. Wrappers
 * that are found in code are described in the same words. It knows no address.
 */
#ifndef ANALYZER_CODE_ALLOCATOR_H
#define ANALYZER_CODE_ALLOCATOR_H

#include "formats/base.h"

enum allocator_size {
	ALLOCATOR_NONE,    /* no allocator */
	ALLOCATOR_BYTES,   /* scale * argument `arg` + add bytes */
	ALLOCATOR_PRODUCT, /* argument `arg` times argument `other` bytes */
	ALLOCATOR_TEXT,    /* a string, of a size that the call does not tell */
	ALLOCATOR_FIXED,   /* add bytes */
	ALLOCATOR_ANY,     /* not told */
};

/* A std::string's buffer: how large it is made, which its capacity tells later on. */
enum allocator_string {
	STRING_NONE,  /* it is none */
	STRING_ASKED, /* what _M_create's arguments say */
	STRING_EXACT, /* as large as its content */
	STRING_GROWN, /* twice as large as before, or as its content */
};

#define ALLOCATOR_RESULT 255 /* allocator.out: the block is what the function returns */
#define ALLOCATOR_INSIDE 254 /* it is stored somewhere inside */

struct site_allocator {
	uint8_t size; /* enum allocator_size */
	uint8_t arg, other;
	uint8_t out;        /* argument that points to where the block's address goes */
	uint8_t string;     /* enum allocator_string */
	bool zeroed, loose; /* loose: the size is rounded up, by less than 16 */
	int32_t scale, add;
	int32_t shift; /* what is handed out lies so far behind the block's start */
};

/* By the name in the symbol table, without a version. False: not known. */
bool site_allocator_known(const char *name, struct site_allocator *out);

/*
 * Is a function of this name one that allocates for others, as xmalloc, str_alloc, my_strdup do?
 * Names in C only: those of C++ have the arguments of templates in them.
 */
bool site_allocator_named(const char *function);

#endif
