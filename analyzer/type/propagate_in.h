/*
 * propagate_in: what the files of the propagation share. Private to them.
 *
 * seed.c       where it begins: variables of the program, objects with a vtable
 * propagate.c  along pointers, from region to region
 * room.c       where in a block its object is: behind a header, or all of it
 * propose.c    does a block fit what a pointer says it is, and which of two types wins
 * agree.c      blocks that nothing typed leads to, by what is in them
 * embed.c      blocks of which only the first part is known, or one in the middle
 */
#ifndef ANALYZER_TYPE_PROPAGATE_IN_H
#define ANALYZER_TYPE_PROPAGATE_IN_H

#include "analyzer/type/propagate.h"
#include "analyzer/type/slots.h"
#include "formats/idmap.h"

/* How a block fits a type. By strength. */
enum fit {
	FIT_NONE,     /* it is smaller, or contradicts */
	FIT_PREFIX,   /* it is bigger: the type is the first part of something */
	FIT_LOOSE,    /* it has a step of malloc's more than needed, or is a little bigger */
	FIT_SCALARS,  /* an array of numbers or pointers: fits any size */
	FIT_ARRAY,    /* of at least two elements */
	FIT_FLEXIBLE, /* it ends in an array that takes what room there is */
	FIT_ONE,
	FITS
};

#define OF_FIT      0x7u /* bits of propagation.of */
#define OF_CONFLICT 0x8u
#define OF_EMBED    0x10u /* inferred from the only type that has the known part */
#define OF_LOCAL    0x20u /* only variables of functions say so */
#define OF_DOUBT    0x40u /* an array, and only its size says so */
#define OF_GUESS    0x80u /* from the only type whose members agree with it, or led to from such */
#define OF_HEAD     0x300u /* words in front of the object: a header of the program's allocator */
#define OF_HEAD_ONE 0x100u
#define OF_SHIFT    10

/* Where an object has its place: all of a block, or what is behind a header that tells of it. */
struct room {
	vaddr at;
	uint64_t size;  /* bytes that it has, */
	uint64_t least; /* and that were asked for at least */
	uint32_t id;    /* of the block */
	uint32_t head;  /* words of the block in front */
};

struct region { /* elements of a type at an address, whose pointers are to be followed */
	vaddr at;
	uint32_t type;
	uint32_t count;
	uint32_t how; /* OF_LOCAL, OF_GUESS: where the type came from */
};

/* What pointers to a type led to, in blocks. */
struct outcome {
	uint32_t fits, loose, prefix, none, doubt;
	uint32_t nseen;
	float chance;     /* that what looks like arrays is something else each time; 0: none did */
	uint64_t seen[4]; /* sizes of such blocks */
	uint8_t begins;   /* begins_another: 0 not asked yet, 1 no, 2 yes */
};

/* A part in the middle of a block. */
struct hint {
	vaddr block;
	uint64_t offset;
	uint32_t type;
};

struct propagation {
	uint32_t *of; /* by block id: type << OF_SHIFT | bits; 0: nothing known */
	uint64_t of_bytes;
	struct idmap members; /* type << 32 | offset: typed pointers go to this part of it */
	uint64_t *known; /* bit by id: where something is; while it runs */
	struct typegraph *graph;
	struct slots *slots;
	/* while it runs */
	struct typing *t;
	struct view view;
	unsigned word;
	vaddr lowest, highest;
	uint64_t budget; /* elements and candidates that may still be looked at */
	ARRAY(struct region) todo;
	size_t next;       /* with a budget: of todo, so that all sides get something of it */
	uint64_t followed; /* regions */
	ARRAY(struct outcome) outcome; /* by type */
	ARRAY(struct hint) hints;
	struct idmap visited; /* addresses of parts in the middle of blocks: their type */
	struct idmap classes; /* struct rtti_class: its type */
};

/* seed.c */
void seed_variables(struct propagation *p);
void seed_objects(struct propagation *p);
void seed_locals(struct propagation *p);

/* propagate.c */
void follow_regions(struct propagation *p);
/* False: what it points to is not of that type. */
bool follow_pointer(struct propagation *p, uint64_t value, uint32_t type, uint32_t how);
/* How sure is what is known of a block: below the bar nothing is said. */
double confidence(struct propagation *p, uint32_t of);
void push_region(struct propagation *p, vaddr at, uint32_t type, uint64_t count, uint32_t how);

/* room.c */
struct room room_of(const struct propagation *p, const struct block *b);
/* Behind a header at an offset, to which a pointer to this type goes; false: there is none. */
bool room_behind(struct propagation *p, const struct block *b, uint64_t offset, uint32_t type,
                 struct room *room);
/* As its type was told. */
struct room room_known(struct propagation *p, const struct block *b);

/* propose.c */
/* False: what is there is not of that type. */
bool propose(struct propagation *p, const struct room *room, uint32_t type, uint32_t how);
void propose_inferred(struct propagation *p, const struct room *room, uint32_t type);
enum fit room_fits(struct propagation *p, const struct room *room, uint32_t type);
void propose_guess(struct propagation *p, const struct room *room, uint32_t type);
struct outcome *outcome_of(struct propagation *p, uint32_t type);
/* Of the pointers to it most lead to what cannot be of this type: what was guessed was wrong. */
bool is_refuted(const struct propagation *p, uint32_t type);
/* Could what is at an address be of this type, as far as its pointers tell? Those that lead to
 * memory in use are added to *good. */
bool plausible(struct propagation *p, vaddr at, uint32_t type, unsigned *good);
/* The class of the object at an address by its vtable; CTYPE_NONE: none, or not in the graph. */
uint32_t class_at(struct propagation *p, vaddr at);

/* Is of this block only the beginning known? */
bool open_end(uint32_t of);

/* A pointer of this type goes into the middle of a block whose type is known. */
void note_member(struct propagation *p, uint32_t of, uint64_t offset, uint32_t type);

/* agree.c. True: something new was found. */
bool agree_all(struct propagation *p);

/* embed.c. True: something new was found. */
bool embed_all(struct propagation *p);
/* Is there a type that begins with this one and is larger by one step of malloc's at most? */
bool begins_another(struct propagation *p, uint32_t type);

/* The label under which a block is proposed to the store; below the bar: false. */
static inline enum fit fit_in(uint32_t of)
{
	return (enum fit)(of & OF_FIT);
}
static inline uint32_t type_in(uint32_t of)
{
	return of >> OF_SHIFT;
}
static inline uint32_t head_in(uint32_t of)
{
	return (of & OF_HEAD) / OF_HEAD_ONE;
}

#endif
