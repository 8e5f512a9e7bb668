/*
 * layout: where the fields of glibc malloc's structures lie, by version and word, as data.
 *
 * Source: struct definitions of glibc's malloc/malloc.c and malloc/arena.c at each release tag.
 * A version string is never mapped to a layout: stable branches carry backports that change it, so
 * each structure is probed on its own and the winner says how it is known.
 *
 * The word is size_t's size: 8 bytes (x86-64, aarch64) or 4 (i386). All blocks are aligned to 16
 * (sysdeps/i386/malloc-alignment.h: from 2.26 on), so with words of 4 bytes glibc's chunks stand at
 * odd multiples of 8. On i386 up to 2.25 all is aligned to 8, two words as elsewhere (malloc.c
 * MALLOC_ALIGNMENT). Here a chunk's address is that of its block less 16 on every machine:
 *
 *   word 8   | prev_size | size      | block (fd, bk)
 *   word 4   |  no part  | prev|size | block (fd, bk)
 *            c           c+8         c+16
 *
 * and what is called its extent, [c, c + size), leads to where the next chunk is by the same count.
 * glibc's own pointers to chunks lead chunk_lead bytes behind c. A mapping that begins with a chunk
 * (all do but those of other arenas) has that one's c 8 bytes in front of it on i386 up to 2.25:
 * what is at c and c+4 is never read.
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
	CHUNK_HEADER = 16, /* chunk address to user address */
	MALLOC_BINS = 254, /* words of malloc_state.bins */
};

/* In bytes, by word. */
static inline uint64_t chunk_min(unsigned word) /* MINSIZE */
{
	return 4 * word;
}
static inline unsigned chunk_fence(unsigned word) /* CHUNK_HDR_SZ: size of a fencepost */
{
	return 2 * word;
}
static inline unsigned chunk_lead(unsigned word) /* from our chunk address to glibc's */
{
	return CHUNK_HEADER - 2 * word;
}
static inline unsigned chunk_size_at(unsigned word) /* of the size field in a chunk */
{
	return CHUNK_HEADER - word;
}
/* Our address of the first chunk, aligned so, whose header can stand at or after `from`. */
static inline uint64_t chunk_first(unsigned word, unsigned align, uint64_t from)
{
	return round_up(from + 2 * word, align) - CHUNK_HEADER;
}
/* May an arena stand so far behind the start of its first heap? There is heap_info (arena.c): 0x20
 * bytes, 0x30 from 2.35 on; with words of 4 bytes 0x18, and 0x10 where blocks are aligned to 8. */
static inline bool heap_info_fits(unsigned word, uint64_t bytes)
{
	return word == 8 ? bytes == 0x20 || bytes == 0x30 : bytes == 0x18 || bytes == 0x10;
}
/* HEAP_MAX_SIZE (arena.c): 2 * DEFAULT_MMAP_THRESHOLD_MAX. */
static inline uint64_t heap_max(unsigned word)
{
	return word == 8 ? UINT64_C(64) << 20 : UINT64_C(1) << 20;
}

/* glibc 2.from to 2.to, as released; the newest layout is assumed to go on. */
struct versions {
	uint8_t from, to;
};

/* struct malloc_state. Offsets in bytes. */
struct state_layout {
	uint8_t word;
	struct versions versions;
	uint16_t bins;
	int16_t fastbins; /* -1: none (2.43 on) */
	uint16_t nfast;
	bool attached; /* has attached_threads (2.23 on) */
};

/*
 * MALLOC_ALIGNMENT, of blocks and sizes of chunks: the number of fastbins follows from it
 * (MAX_FAST_SIZE, 80 bytes with words of 4, is in the eleventh where sizes are multiples of 16, and
 * in the tenth where they are of 8).
 */
static inline unsigned state_align(const struct state_layout *l)
{
	return l->word == 4 && l->nfast == 10 ? 8 : 16;
}

/* Derived offsets: the fields that follow bins never changed their order. */
static inline unsigned state_top(const struct state_layout *l)
{
	return l->bins - 2u * l->word;
}
static inline unsigned state_next(const struct state_layout *l)
{
	return l->bins + (unsigned)MALLOC_BINS * l->word + 16u;
}
static inline unsigned state_attached(const struct state_layout *l)
{
	return state_next(l) + 2u * l->word;
}
static inline unsigned state_system_mem(const struct state_layout *l)
{
	return state_next(l) + (l->attached ? 3u : 2u) * l->word;
}
static inline unsigned state_size(const struct state_layout *l)
{
	return state_system_mem(l) + 2u * l->word;
}

/* struct malloc_par (mp_). Offsets in bytes; -1: the field does not exist. */
struct par_layout {
	uint8_t word;
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
	uint8_t word;
	struct versions versions;
	uint16_t bins;       /* number of lists */
	uint8_t count_bytes; /* width of a counter */
	bool counts_down;    /* counters hold free slots, not entries (2.42 on) */
	uint16_t entries;    /* offset of the list heads */
	bool safe_linking;   /* next is stored as (address of next >> 12) ^ next (2.32 on) */
	uint16_t size;
};

/* Is this release, such as "2.41", newer than all that the tables have? NULL is not. */
bool layout_lacks(const char *version);

/* Is there a release that has both? */
static inline bool layouts_overlap(const struct par_layout *par, const struct state_layout *state)
{
	return par->word == state->word && par->versions.from <= state->versions.to &&
	       state->versions.from <= par->versions.to;
}

extern const struct state_layout state_layouts[];
extern const size_t state_nlayouts;
extern const struct par_layout par_layouts[];
extern const size_t par_nlayouts;
extern const struct tcache_layout tcache_layouts[];
extern const size_t tcache_nlayouts;

#endif
