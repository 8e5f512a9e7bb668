/*
 * function: the functions of one program or library on disk, stripped or not, and what its code
 * reaches elsewhere by name: a list of ranges from .eh_frame (which stripped files keep) and the
 * symbol tables, imported names by the address of their GOT slot, and memory that never changes
 * once the loader is done. Addresses are the file's own (bias 0). It trusts nothing that it reads
 * and knows nothing of what functions do.
 */
#ifndef FORMATS_FUNCTION_H
#define FORMATS_FUNCTION_H

#include "formats/module.h"

struct function {
	uint64_t start, end; /* functions never overlap: one ends where the next begins, at most */
	const char *name;    /* as in the symbol table; NULL: none */
};

/* A name, and where it is: a function that is defined here, or the GOT slot of an import. */
struct function_name {
	const char *name;
	uint64_t at;
};

struct function_range {
	uint64_t start, end;  /* addresses */
	const uint8_t *bytes; /* of the file; start + n is bytes[n] */
};

enum function_memory {
	FUNCTION_CHANGES, /* memory that the program may write, or none */
	FUNCTION_FIXED,   /* read-only data: the value is the file's */
	FUNCTION_LOADED,  /* written by the loader and then read-only (GOT, RELRO), or kept */
};

struct functions {
	struct function *v; /* sorted by start */
	size_t n;
	struct function_name *slot; /* imports, sorted by address of the slot */
	size_t nslots;
	struct function_name *defined; /* sorted by name, then address */
	size_t ndefined;
	struct function_range *code; /* executable parts, sorted */
	size_t ncode;
	/* Variables that keep what they held when the core was written, as far as the caller knows:
	   FUNCTION_LOADED. Sorted; the caller's. */
	const uint64_t *kept;
	size_t nkept;
	bool damaged; /* tables point outside the file, or cannot be true: not all was read */
	/* private */
	const struct image *image;
	uint64_t relro_start, relro_end;
	struct pool pool;
};

/*
 * False: the file is not at hand, or has no code for x86-64; err tells. out's strings and bytes
 * live as long as the modules; functions_free.
 */
bool functions_read(struct modules *modules, const struct module *module, struct functions *out,
                    struct err *err);
void functions_free(struct functions *functions);

/* The function that covers at; NULL: none. */
const struct function *function_at(const struct functions *functions, uint64_t at);

/* len bytes of code at an address; NULL: they are not there. */
const uint8_t *function_code(const struct functions *functions, uint64_t at, uint64_t len);

/* The import whose slot is at this address; NULL: none. */
const char *function_slot(const struct functions *functions, uint64_t at);

/* Address of a function of this name that is defined here; 0: none. */
uint64_t function_named(const struct functions *functions, const char *name);

/* What len bytes (8 at most) at an address hold, for FUNCTION_FIXED in *value. */
enum function_memory function_memory(const struct functions *functions, uint64_t at, unsigned len,
                                     uint64_t *value);

#endif
