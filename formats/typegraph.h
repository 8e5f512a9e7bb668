/*
 * typegraph: the types of a program as its modules' debug information (DWARF 4 and 5) has them,
 * each read when it is asked for. One type that many units or modules declare alike is one type
 * here. It does not know what is in memory.
 *
 * Types are numbers that stay valid as long as the graph. typedef, const, volatile and the like are
 * looked through; a struct without a name of its own gets that of its typedef. A pointer to void
 * and a pointer to a type that is declared only (and defined in no module that was indexed) lead
 * nowhere.
 */
#ifndef FORMATS_TYPEGRAPH_H
#define FORMATS_TYPEGRAPH_H

#include "formats/module.h"

#define CTYPE_NONE UINT32_MAX /* void, or a type that cannot be told */

enum ctype_kind {
	CTYPE_OTHER, /* what has no pointers that could be followed; declared only */
	CTYPE_BASE,
	CTYPE_ENUM,
	CTYPE_POINTER,  /* C++ references, too */
	CTYPE_FUNCTION, /* only ever pointed to */
	CTYPE_RECORD,   /* struct, class */
	CTYPE_UNION,
	CTYPE_ARRAY,
};

enum ctype_encoding { ENCODING_NUMBER, ENCODING_CHAR, ENCODING_BOOL, ENCODING_FLOAT };

struct cmember {
	const char *name; /* NULL: anonymous, or a base class */
	uint32_t type;
	uint32_t bits;   /* of a bitfield; 0: none */
	uint64_t offset; /* bytes; of a bitfield: of the byte that it begins in */
	bool base;       /* a base class; never a virtual one, whose place is not constant */
	bool vptr;       /* points to the vtable */
};

struct ctype {
	enum ctype_kind kind;
	enum ctype_encoding encoding; /* BASE */
	const char *name;             /* qualified, "ns::box<int>"; NULL: it has none */
	uint64_t size;                /* bytes; 0: not known, or a flexible array */
	uint64_t count;               /* ARRAY: elements; 0: as many as there is room for */
	uint32_t of;                  /* POINTER, ARRAY: to or of what; CTYPE_NONE: void, unknown */
	struct cmember *member;       /* RECORD, UNION: in the order of their declaration */
	size_t nmembers;
	uint32_t argument; /* RECORD: the first type that its template is of; CTYPE_NONE: none */
	bool polymorphic;  /* it or a base class has a vtable pointer */
	bool declared;     /* OTHER: a struct that is declared and defined nowhere */
};

struct typegraph;

/* modules has to live longer; what could not be read becomes a warning of it, once. The caller ends
 * with typegraph_free, which accepts NULL. */
struct typegraph *typegraph_new(struct modules *modules);
void typegraph_free(struct typegraph *graph);

/* Never NULL. What it points to lives as long as the graph. */
const struct ctype *ctype_get(struct typegraph *graph, uint32_t id);

/*
 * The definition of a struct, class or union in the modules that were indexed, by its qualified
 * name as demangled or as in the source. CTYPE_NONE: none, or several that differ in size or place.
 */
uint32_t ctype_named(struct typegraph *graph, const char *name);

/*
 * Definitions whose size lies in [least, most] bytes, at most max, to id. Returns their number;
 * more than max: there are more. What only the C and C++ libraries' own files have is left out
 * (module_is_runtime).
 */
size_t ctype_sized(struct typegraph *graph, uint64_t least, uint64_t most, uint32_t *id,
                   size_t max);

/* For people: "session *", "char[16]", "void (*)()"; an anonymous struct is "struct {...}". */
const char *ctype_name(struct typegraph *graph, uint32_t id, struct pool *pool);

/*
 * The innermost member at an offset of a type as text: ".table[3].next", "[2]"; "" at offset 0 of
 * what has no parts. Into a base class without a step. *type: that member's; *rest: bytes into it.
 */
const char *ctype_path(struct typegraph *graph, uint32_t id, uint64_t offset, struct pool *pool,
                       uint32_t *type, uint64_t *rest);

#endif
