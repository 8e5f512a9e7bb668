/*
 * index: every place in one program or library that asks for a block, as its machine code
 * tells: how large, what is stored into it at first, where its address goes. Addresses are the
 * file's own (bias 0), so that an index serves wherever the file was mapped. It knows no
 * block, and of the core only which variables hold the address of an allocator.
 */
#ifndef ANALYZER_CODE_INDEX_H
#define ANALYZER_CODE_INDEX_H

#include "analyzer/code/allocator.h"
#include "formats/function.h"

#define SITE_NONE UINT32_MAX

enum site_size {
	SITE_FIXED,  /* add bytes */
	SITE_AFFINE, /* scale * n + add bytes, n >= 0 */
	SITE_TEXT,   /* a string's */
	SITE_ANY,    /* not told */
};

enum site_store_kind {
	STORE_OTHER,  /* something that the code does not tell */
	STORE_CONST,  /* value */
	STORE_ADDR,   /* the address `value` of the same module */
	STORE_LOADED, /* what the loader wrote to `value`, plus add */
	STORE_BLOCK,  /* the address of a block of site `value` of the same index, plus add */
	STORE_ZERO,   /* value bytes of zeroes */
};

/* Parts of the C++ library's containers that a site asks for. */
enum site_holds {
	HOLDS_ANY, /* not known */
	HOLDS_TREE,
	HOLDS_HASH,
	HOLDS_LIST,
	HOLDS_VECTOR,
	HOLDS_DEQUE,
	HOLDS_STRING,
	HOLDS_SHARED, /* an object and its reference counts */
};

/* Something that is stored into the fresh block. */
struct site_store {
	uint32_t offset; /* bytes into the block */
	uint8_t width;   /* bytes; 0: STORE_ZERO */
	uint8_t kind;    /* enum site_store_kind */
	uint8_t late;    /* by a caller of the function that asked for the block */
	uint8_t moved;   /* STORE_OTHER: a part of some other memory's content, copied */
	uint64_t value;
	int64_t add;
};

#define TAG_ANYWHERE UINT32_MAX /* offset: an index that is not told */

/* Where the block's address goes. */
struct site_tag {
	uint32_t parent; /* the block of this site; SITE_NONE: not known */
	uint32_t offset; /* bytes into that */
	uint64_t global; /* not 0: the variable at this address; parent and offset mean nothing */
	uint32_t inner;  /* what is stored is an address inside the block */
	uint32_t at;     /* address of the instruction that stores it; 0: beyond 4 GiB */
};

enum {
	SITE_ZEROED = 1,
	SITE_WRAPPER = 2,  /* its function is an allocator: its callers are the sites */
	SITE_LOOSE = 4,    /* the size was rounded up, by less than 16 */
	SITE_RETURNED = 8, /* its function returns the block */
	SITE_LIBRARY = 32, /* in a function of the C++ library, whose callers are not known */
	SITE_INSIDE = 16,  /* the callee keeps the block's address */
	SITE_INNER = 64,   /* an address inside it, it is not known where, is kept or returned */
	SITE_BYTES = 128,  /* it is filled with bytes one by one, or with so many of a copy */
};

/* What a site whose function is told how much to ask for is told by calls of that. */
struct site_asked {
	uint32_t site;
	uint32_t calls;
	uint8_t size; /* enum site_size */
	int64_t scale, add;
};

struct site_entry {
	uint64_t call;     /* where the call returns to */
	uint64_t function; /* start of the function that it is in */
	uint8_t size, flags;
	uint8_t k;        /* of several that one call stands for: which */
	uint8_t string;   /* enum allocator_string */
	uint8_t holds;    /* enum site_holds, as the names of templates tell */
	uint8_t asks;     /* 1 + the argument of its function that says how much; 0: none */
	uint16_t callers; /* calls of the function, as many as are seen */
	int64_t scale, add;
	uint32_t store, nstores; /* into site_index.store, in the order of offsets */
	uint32_t tag, ntags;     /* into site_index.tag */
	uint32_t asked, nasked;  /* into site_index.asked */
};

/* An allocator that others may call: by name, or by a pointer to it. */
struct site_export {
	const char *name; /* "": none */
	uint64_t at;      /* where it begins */
	struct site_allocator is;
};

/* A variable that holds the address of an allocator. */
struct site_held {
	uint64_t at;
	struct site_allocator is;
};

/* A function that others may call by name, and what it comes to: sites whose blocks outlive it. */
struct site_entrance {
	const char *name;
	uint32_t reached, nreached; /* into site_index.reached */
};
struct site_reached {
	uint32_t site, depth; /* depth: of calls */
};

/* A call of another module's entrance. */
struct site_use {
	uint64_t call;     /* where it returns to */
	uint64_t function; /* start of the function that it is in; 0: none */
	uint32_t name;     /* into site_index.name */
	uint32_t same;     /* calls of that name in this module */
};

struct site_index {
	struct site_entry *v; /* sorted by call */
	size_t n;
	struct site_store *store;
	size_t nstores;
	struct site_tag *tag;
	size_t ntags;
	struct site_asked *asked; /* sorted by site */
	size_t nasked;
	struct site_export *export; /* sorted by name */
	size_t nexports;
	struct site_held *held; /* sorted by at */
	size_t nheld;
	struct site_entrance *entrance; /* sorted by name; of the language's own libraries only */
	size_t nentrances;
	struct site_reached *reached; /* of one entrance the nearest first */
	size_t nreached;
	struct site_use *use; /* sorted by call */
	size_t nuses;
	const char **name;
	size_t nnames;
	struct site_held *member; /* at: offset in some struct; sorted by it */
	size_t nmembers;
	bool damaged; /* the file's tables were; what could be read is there */
	bool partial; /* the limit was used up before all was read */
	struct pool pool;
};

struct site_limits {
	uint64_t insns;  /* to be read at most; counts down */
	uint64_t sites;  /* to be kept at most */
	uint64_t stores; /* the same of stores */
};

struct site_pointers;

/* What other modules tell: their allocators by name, sorted, and by address (pointer.h). */
struct site_others {
	const struct site_export *extra;
	size_t nextra;
	const struct site_pointers *pointers;
	const char *const *entrance; /* names, sorted */
	size_t nentrances;
	bool library; /* the module is one of the language's own: its own entrances are wanted */
};

/* False: no code that can be read; err tells. *out is the caller's: site_index_free. */
bool site_index_build(struct modules *modules, const struct module *module,
                      const struct site_others *others, struct site_limits *limits,
                      struct site_index *out, struct err *err);
void site_index_free(struct site_index *index);

#endif
