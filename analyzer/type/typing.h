/*
 * typing: the stage that finds out what blocks are: it runs the typers, each of which looks for one
 * kind of evidence and proposes into the store of type.h. What a typer needs to know of the core is
 * here; typers know nothing of each other.
 */
#ifndef ANALYZER_TYPE_TYPING_H
#define ANALYZER_TYPE_TYPING_H

#include "analyzer/type/rtti.h"
#include "analyzer/type/type.h"

struct analysis;

struct typing {
	struct analysis *a; /* for stages that few typers need: roots, stacks */
	const struct core *core;
	const struct heap *heap;
	struct modules *modules;
	struct types *types;
	struct rtti *rtti;
	uint64_t budget; /* typing_dwarf: regions of memory to be followed, at most; 0: no bound */
	const uint64_t *lost; /* typing_dwarf with a budget: blocks to be held against all types */
	bool all;             /* every used block is wanted: memory as a whole may be looked at */
	bool sample;  /* the wanted ones stand for others, and typed pointers may lead to them */
	bool objects; /* typing_vtables: of those that are wanted, some begin like an object */
	/* typing_first: bits by id of those that are wanted, heap.bits_bytes long */
	uint64_t *text, *counted; /* text, and text behind its length */
	uint64_t *pointers;       /* they may be nothing but pointers */
};

/*
 * A typer that looks at each wanted block by itself. They do so together, as memory is what that
 * takes most time for.
 */
struct typing_each {
	void *(*begin)(struct typing *t);
	void (*look)(void *of, const struct block *b);
	void (*end)(void *of); /* frees it */
};

/*
 * Types of used blocks whose verdict is among classes (1 << enum reach_class, or'ed; 0: all), of
 * others as well where that takes no more. Where only leaked ones are wanted, cost is in proportion
 * to those; else to the heap and the roots. What is said of a block does not depend on classes.
 * *out is owned by the caller: types_free.
 */
void typing_run(struct analysis *a, unsigned classes, struct types **out);

/*
 * Types of the blocks of bits `wanted`, which stand for others like them, at a cost in proportion
 * to them; typed pointers are followed for a bounded part of the heap. Fewer are told than if all
 * were wanted. *out as above.
 */
void typing_sample(struct analysis *a, const uint64_t *wanted, struct types **out);

/* C++ objects by their vtables: vtable.c. */
extern const struct typing_each typing_vtables;

/* Blocks of the standard C++ containers: container.c. After the vtables. */
void typing_containers(struct typing *t);

/* What the C library allocates: clib.c. */
extern const struct typing_each typing_clib;

/* What may be text or nothing but pointers, if nobody tells more of it: plain_block.c. */
extern const struct typing_each typing_first;

/* CPython's objects and their buffers: cpython.c. */
void typing_cpython(struct typing *t);

/* Lua's and perl's objects: lua.c, perl.c. */
void typing_lua(struct typing *t);
void typing_perl(struct typing *t);

/* Types of others that a block is like: transfer.c. After those that types are taken from. */
void typing_transfer(struct typing *t);

/* That, then: plain_block.c. After all others. */
void typing_plain(struct typing *t);

/* Is the block what malloc hands out for this many bytes (1 at least)? */
bool typing_fits(const struct typing *t, const struct block *b, uint64_t bytes);

#endif
