/*
 * typegraph_in: what the files of the type graph share. Private to formats/type*.c and variable.c.
 *
 * typegraph.c   the graph: types by number, by their entry, by what they are
 * typeread.c    one entry of the debug information becomes one type
 * typescope.c   qualified names: libdw does not tell an entry's parent
 * typeindex.c   which variables and definitions a module has
 * typename.c    words
 *
 * Debug information is as hostile as a core: every walk is bounded by steps, loading by depth.
 */
#ifndef FORMATS_TYPEGRAPH_IN_H
#define FORMATS_TYPEGRAPH_IN_H

#include "formats/codescope.h"
#include "formats/idmap.h"
#include "formats/image.h"
#include "formats/typegraph.h"

#define TYPES_MOST   (UINT32_C(1) << 20) /* of a graph */
#define MEMBERS_MOST 20000               /* of one type */
#define DIES_MOST    (UINT64_C(1) << 27) /* looked at for one graph; clang has 6 * 10^7 */
#define CHAIN_MOST   64                  /* typedefs, arrays of arrays, bases of bases, in a row */
#define NAME_MOST    (64u << 10)         /* bytes of a name */

struct node {
	struct ctype type;
	struct die_ref die;
	uint32_t line, column; /* of the declaration; 0: not told */
	const char *plain;     /* the name without its scopes; NULL: none */
	const char *known_by;  /* with line and column: what tells it from other types */
	bool loaded;           /* members, target */
};

/* Spaces do not count: "> >" is ">>". */
uint64_t name_hash(const char *name, size_t length);

/* A definition of a struct, class or union: which its name, size and line tell apart. */
struct definition {
	struct die_ref die;
	uint64_t hash; /* of the plain name */
	uint64_t size;
	uint32_t line;
	uint32_t next; /* of the same plain name; UINT32_MAX: the last */
	bool runtime;  /* only the C or C++ library's own files have it */
};

struct index_variable {
	uint64_t at; /* the file's address, or offset into the module's TLS */
	struct die_ref die;
};
typedef ARRAY(struct index_variable) variable_list;

/* By module. */
struct typeindex {
	bool tried, has;
	uint64_t bias;               /* add to addresses in the debug information */
	variable_list variable, tls; /* sorted by at */
};

/* From this entry on, up to the next one's, names are in this scope. */
struct scope_start {
	uint64_t at;      /* offset in the section */
	const char *name; /* qualified; NULL: the file's own */
};

struct scopes {                          /* of one unit */
	ARRAY(struct scope_start) start; /* by at */
};

/* Variables in scope at a pc: local.c. */
struct pc_variable {
	struct die_ref die, function; /* function: or inlined one, that it is of */
};
struct pc_scope {
	struct die_ref function;
	ARRAY(struct pc_variable) variable;
};

struct typegraph {
	struct modules *modules;
	struct pool pool;
	ARRAY(struct node *) node;
	struct idmap by_die;  /* address of an entry: its type */
	struct idmap by_what; /* hash of name, size, line: the first such type */
	ARRAY(struct definition) definition;
	struct idmap by_name;    /* hash of a plain name: its last definition */
	ARRAY(uint32_t) by_size; /* definitions, sorted by size when asked for */
	bool sorted;
	ARRAY(struct scopes) scopes;
	struct idmap by_unit; /* address of a unit: index into scopes */
	struct typeindex *index;
	ARRAY(struct pc_scope) pc_scope;
	struct idmap by_pc; /* address looked up: index into pc_scope */
	uint64_t dies;      /* looked at */
	unsigned depth;     /* of types that are being loaded */
	const char *trouble; /* the first; NULL: none */
};

/* typeread.c. The type of what has DW_AT_type (die: a Dwarf_Die); CTYPE_NONE: none, void. */
uint32_t type_of_entry(struct typegraph *graph, void *die);
/* The type that an entry itself is; looks through typedefs. */
uint32_t type_of_die(struct typegraph *graph, void *die);
void type_load(struct typegraph *graph, struct node *node);

/* typescope.c. "a::b" that an entry is in; NULL: the file's own scope. */
const char *scope_of(struct typegraph *graph, void *die);
const char *qualified(struct typegraph *graph, const char *scope, const char *name);

/* typegraph.c */
void typegraph_complain(struct typegraph *graph, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct node *node_new(struct typegraph *graph, uint32_t *id); /* NULL: there are too many */

/* typeindex.c. Of a unit whose entries are in a .dwo file, that one. False: it is not there. */
bool unit_whole(void *unit);
/* A definition by its plain name, where all of that name agree; CTYPE_NONE: none. */
uint32_t definition_of(struct typegraph *graph, const char *plain, const char *qualified);

#endif
