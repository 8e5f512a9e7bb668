/*
 * A victim: a program that plants blocks of known reach, writes down the truth about each, and then
 * dies (kernel core) or stands still (gcore).
 *
 * The rule of the whole program: after a plant, the only copy of a block's address is the one that
 * the case declares. So addresses are kept hidden (complemented, which makes no pointer), plants
 * run in functions that are not inlined, dead stack is wiped before the end, and every thread ends
 * in park(), which sets each general and vector register itself.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

/*
 * What hides an address. 32 bits have so few that a complement may be another block's address:
 * there the upper bit is turned, which leads to where this program has nothing.
 */
#if UINTPTR_MAX == UINT64_MAX
#define HIDDEN UINT64_MAX
#else
#define HIDDEN UINT64_C(0xffffffff80000000)
#endif
static inline uint64_t hide(const void *p)
{
	return (uintptr_t)p ^ HIDDEN;
}
static inline void *unhide(uint64_t hidden)
{
	return (void *)(uintptr_t)(hidden ^ HIDDEN);
}

enum truth_class {
	T_LIVE,     /* used, held through start pointers */
	T_POSSIBLE, /* used, held only through an interior pointer */
	T_DEFINITE, /* leaked, no other leaked block points to it */
	T_INDIRECT, /* leaked, another leaked block holds it */
	T_LEAKED,   /* leaked, in a cycle: exactly one of its group is definite */
	T_FREED     /* free()d, or (until truth_free) to be freed */
};

/* truth.c: what was planted. Not thread safe: plants take turns. */
void truth_open(size_t capacity);
/* Opens a group: blocks added until the next call belong together. */
void truth_group(void);
void truth_add(const void *p, size_t requested, enum truth_class class, const char *label);
/* The id of the block that was added last. */
size_t truth_last(void);
/* The block behind an id; only for use inside a plant. */
void *truth_ptr(size_t id);
void truth_free(size_t id);
void truth_realloc(size_t id, size_t requested);
/* Frees all blocks of the calling thread whose label is this one and that are to be freed. */
void truth_free_all(const char *label);
void truth_note(const char *key, uint64_t value);
/* Writes all to path (through path.tmp, so that it appears whole), then unmaps the store. */
void truth_write(const char *path);

/* get.c: allocation with its declaration, and places that hold. */
void die(const char *what) __attribute__((noreturn));
/*
 * To be called first: starts the program again, at addresses that the kernel chooses anew, where
 * its blocks would lie near a multiple of 4 GiB. Where an int overwrites one half of a stack slot,
 * the other half of an old pointer stays: such a word is a multiple of 4 GiB with that int added,
 * and would hold the block that lies there.
 */
void lie_elsewhere(char **argv);
void get_open(size_t slots);
void *own(void *p, size_t requested, enum truth_class class, const char *label);
void *get(size_t requested, enum truth_class class, const char *label);
/* Stores target into the word at holder + offset. */
void put(void *holder, size_t offset, const void *target);
/* Holds p by its start from an anonymous mapping. */
void keep(const void *p);
/* A live block that is kept, and its id in *id when that is wanted. */
void *get_kept(size_t requested, const char *label);
uint32_t dice(void);

/* shapes.c, sizes.c, held.c, loose.c: the cases */
void plant_shapes(void);
void plant_bulk(size_t blocks);
void plant_sizes(void);
void plant_aligned(void);
void plant_mmapped(void);
void plant_realloc(void);
void plant_statics(void);
void plant_interior(void);
void plant_mappings(void);
void plant_brk(const char *how);
/* Blocks held only from free chunks: first the blocks, then (with no plant after it) the frees. */
void loose_plant(void);
void loose_free(void);

/* park.c: where threads end. Values are hidden addresses; ~0 stands for none. */
struct park {
	uint64_t rbx, r12;     /* callee-saved registers */
	uint64_t xmm7;         /* low half */
	uint64_t ymm8_high;    /* upper 128 bits, with AVX */
	uint64_t zmm9_high;    /* upper 256 bits, with AVX-512 */
	uint64_t zmm20;        /* all of it, with AVX-512 */
	uint64_t sp_minus_64;  /* red zone: held */
	uint64_t sp_minus_128; /* the red zone's last word: held */
	uint64_t sp_minus_136; /* below it: not held */
	uint64_t action;       /* PARK_PAUSE or PARK_DIE */
	uint64_t level;        /* park_level() */
};
enum { PARK_PAUSE, PARK_DIE };
enum { PARK_SSE, PARK_AVX, PARK_AVX512 };
#define PARK_NONE                                                                          \
	{                                                                                  \
		~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, PARK_PAUSE, \
			PARK_SSE                                                           \
	}
void park(const struct park *p) __attribute__((noreturn));
uint64_t park_level(void);
/* Plants what the registers and the red zone of a parked thread are to hold. */
void park_plant(struct park *p);
/* Zeroes the stack below the caller's frame. */
void scrub(void);
/* Leaves the address of a block, hidden in *slot, far below the caller's frame. */
void leave_below(const volatile uint64_t *slot);

/* threads.c */
void threads_start(bool small);
/* Lets some threads exit; waits till they are gone and till the others are parked. */
void threads_settle(void);
void plant_tls(const char *label);
void plant_keys(const char *label);

#endif
