/*
 * layout: where the fields of glibc malloc's structures lie, by version, as data. x86-64.
 *
 * Source: struct definitions of glibc's malloc/malloc.c and malloc/arena.c at each release tag.
 * A version string is never mapped to a layout: stable branches carry backports that change it, so
 * each structure is probed on its own and the winner says how it is known.
 */
#ifndef HEAPWALK_LAYOUT_H
#define HEAPWALK_LAYOUT_H

#include "formats/base.h"

/* Chunk header constants: malloc.c, unchanged over all versions. */
enum {
	CHUNK_PREV_INUSE = 1, /* the chunk before this one is in use */
	CHUNK_MMAPPED = 2,
	CHUNK_NON_MAIN = 4, /* belongs to an arena other than main_arena */
	CHUNK_FLAGS = 7,
	CHUNK_MIN = 0x20,  /* MINSIZE */
	CHUNK_ALIGN = 16,  /* MALLOC_ALIGNMENT */
	CHUNK_HEADER = 16, /* chunk address to user address */
	MALLOC_BINS = 254, /* words of malloc_state.bins */
};

/* glibc 2.from to 2.to, as released; the newest layout is assumed to go on. */
struct versions {
	uint8_t from, to;
};

/* struct malloc_state. Offsets in bytes. */
struct state_layout {
	struct versions versions;
	uint16_t bins;
	int16_t fastbins; /* -1: none (2.43 on) */
	uint16_t nfast;
	bool attached; /* has attached_threads (2.23 on) */
};

/* Derived offsets: the fields that follow bins never changed their order. */
static inline unsigned state_top(const struct state_layout *l)
{
	return l->bins - 16u;
}
static inline unsigned state_next(const struct state_layout *l)
{
	return l->bins + MALLOC_BINS * 8u + 16u;
}
static inline unsigned state_attached(const struct state_layout *l)
{
	return state_next(l) + 16u;
}
static inline unsigned state_system_mem(const struct state_layout *l)
{
	return state_next(l) + (l->attached ? 24u : 16u);
}
static inline unsigned state_size(const struct state_layout *l)
{
	return state_system_mem(l) + 16u;
}

/* struct malloc_par (mp_). Offsets in bytes; -1: the field does not exist. */
struct par_layout {
	struct versions versions;
	int16_t hp_pagesize;
	uint16_t n_mmaps, mmapped_mem, sbrk_base;
	int16_t tcache; /* tcache_bins, then tcache_max_bytes, tcache_count, tcache_unsorted_limit
	                 */
	uint16_t size;
	bool new_mmap; /* 2.43's mmapped chunks: see mmapped.c */
};

/* struct tcache_perthread_struct. */
struct tcache_layout {
	struct versions versions;
	uint16_t bins;       /* number of lists */
	uint8_t count_bytes; /* width of a counter */
	bool counts_down;    /* counters hold free slots, not entries (2.42 on) */
	uint16_t entries;    /* offset of the list heads */
	bool safe_linking;   /* next is stored as (address of next >> 12) ^ next (2.32 on) */
	uint16_t size;
};

/* Is there a release that has both? */
static inline bool layouts_overlap(const struct par_layout *par, const struct state_layout *state)
{
	return par->versions.from <= state->versions.to && state->versions.from <= par->versions.to;
}

extern const struct state_layout state_layouts[];
extern const size_t state_nlayouts;
extern const struct par_layout par_layouts[];
extern const size_t par_nlayouts;
extern const struct tcache_layout tcache_layouts[];
extern const size_t tcache_nlayouts;

#endif
