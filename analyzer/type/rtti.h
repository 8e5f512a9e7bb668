/*
 * rtti: which C++ class a vtable is of, by the Itanium C++ ABI's run-time type information, which a
 * stripped file has too. It knows nothing of blocks, and reads nothing but vtables, type_info
 * objects and their names: from the core, or from the module's file where the core left them out.
 *
 *   offset to top | type_info | first virtual function | ...     one word each
 *                             ^ what an object's first word points to
 *   type_info: its own class's vtable | name ("7Session")
 */
#ifndef ANALYZER_TYPE_RTTI_H
#define ANALYZER_TYPE_RTTI_H

#include "formats/module.h"

struct rtti_class {
	const char *name;    /* for people: see rtti_plain; of rtti's pool */
	const char *mangled; /* as in the type_info ("7Session"); NULL: from a symbol's name */
	uint64_t top;        /* bytes from the object's start to the part that this vtable is for */
	bool named;          /* false: no name is at hand; name tells where the vtable is */
	bool streambuf;      /* it is derived from std::basic_streambuf, or that itself */
};

struct rtti;

/* The modules and the core must outlive it. Owned by the caller: rtti_free. */
struct rtti *rtti_make(const struct core *core, struct modules *modules);
void rtti_free(struct rtti *rtti); /* accepts NULL */

/* The class whose vtable an object's word points to; NULL: none. Lives as long as rtti. */
const struct rtti_class *rtti_find(struct rtti *rtti, uint64_t word);

/*
 * A demangled name as people write it: without std::__cxx11:: and std::__1::, default template
 * arguments (allocators, traits, comparison, hashing, deleters) and spaces between '>'; string for
 * basic_string<char>. Of the pool.
 */
const char *rtti_plain(struct pool *pool, const char *name);

#endif
