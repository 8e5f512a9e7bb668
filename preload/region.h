/*
 * region: how libcoreheap_sites.so keeps allocation stacks in a process, and so in its core: the
 * one contract between the library, which writes it, and the analyzer, which reads it. Plain
 * numbers and offsets, no code of either side but the two hashes that both must compute alike.
 *
 * One private anonymous mapping, of which only what is in use is accessible:
 *
 *   | no access, 64 KiB | struct sites_header, reach[] | index | records | map segments ... |
 *
 * Map: open addressing from block address to record. An entry is one 64-bit word:
 *
 *   63                      21 20            0
 *   | address >> 4            | record number |     0: empty
 *
 * An entry is written by one atomic store when all that it names is complete, so the map is true at
 * any moment, whatever any thread was doing. No word of the region looks like a block's address.
 * A segment has SITES_LINES lines of 8 entries (64 bytes). Blocks within the same 256 bytes share
 * their home line, and each has a slot of its own there, as blocks are 32 bytes apart at least; a
 * full line sends what comes to line (home + j * (j + 1) / 2), j < reach of the segment (1 at
 * least). The map grows a segment at a time (linear hashing, Litwin 1980): segment n takes over a
 * part of segment n without its highest bit, from which an entry is deleted when its copy is in
 * place. What is not found at home may still be there.
 *
 * Record: a stack, once for all blocks that have it. Its number times SITES_GRANULE is its place.
 * Index: open addressing from a stack's hash to its record, for the library only.
 */
#ifndef PRELOAD_REGION_H
#define PRELOAD_REGION_H

#include <stdint.h>

#define SITES_MAGIC   "coreheap-sites\n" /* with its NUL 16 bytes; written last */
#define SITES_VERSION 1

#define SITES_ID_BITS 21 /* of an entry: the record's number, 1 at least */
#define SITES_ALIGN   4  /* log2 of malloc's alignment: the bits that an entry leaves out */
#define SITES_ADDRESS                                                              \
	(UINT64_C(1) << (64 - SITES_ID_BITS + SITES_ALIGN)) /* addresses are below \
	                                                     */
#define SITES_LINE    8
#define SITES_LINES   1024
#define SITES_SEGMENT (SITES_LINE * SITES_LINES) /* entries */
#define SITES_REACH   255
#define SITES_GRANULE 32 /* bytes */
#define SITES_DEPTH   64 /* frames of a record at most */

enum sites_mode {
	SITES_CALLER = 1, /* whom malloc returned to */
	SITES_STACK,      /* and who called that, up to header.depth frames */
	SITES_SAMPLED,    /* stacks of sampled blocks: one in header.rate bytes (Poisson) */
};

enum sites_flag {
	SITES_BAD_SETTING = 1, /* an environment variable was not understood: defaults */
	SITES_FOREIGN = 2,     /* malloc is not glibc's */
};

struct sites_header {
	char magic[16];
	uint32_t version, header_bytes; /* sizeof(struct sites_header) */
	uint64_t self, end;             /* of this header; of the mapping */
	uint64_t pid;                   /* of whom set it up: a forked child goes on with a copy */
	uint32_t mode, flags;           /* enum sites_mode, or'ed enum sites_flag */
	uint32_t depth;                 /* frames kept at most */
	uint32_t id_bits;               /* SITES_ID_BITS */
	uint64_t rate;                  /* bytes: SITES_SAMPLED */
	/* offsets from this header, bytes */
	uint64_t reach, index, records, map;
	uint64_t records_size; /* bytes reserved */
	uint64_t records_used; /* bytes given out; may be beyond records_size */
	uint64_t records_open; /* bytes accessible */
	uint32_t levels, levels_max;
	uint32_t segments_max, segments_open;
	uint32_t segments; /* of the map, in use: 1 at least */
	uint32_t moving;   /* 1 + the segment that is being filled; 0: none */
	uint64_t lock;     /* who lets the map grow: process, thread */
	/* what is not known, since the start */
	uint64_t lost;   /* blocks that found no room in the map, or no record */
	uint64_t cut;    /* blocks whose stack was cut down to the caller for lack of room */
	uint64_t stacks; /* records */
};

struct sites_record {
	uint64_t hash; /* sites_hash of pc[0 .. depth) */
	uint32_t depth;
	uint32_t reserved;
	uint64_t pc[]; /* return addresses, innermost first */
};

/* The home of a block: 24 bits choose the segment, 10 the line. */
static inline uint64_t sites_home(uint64_t address)
{
	return (address >> 8) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Among so many segments. */
static inline uint32_t sites_segment(uint64_t home, uint32_t segments)
{
	uint32_t mask = UINT32_MAX >> __builtin_clz(segments);
	uint32_t s = (uint32_t)(home >> 40) & mask;

	return s < segments ? s : s & mask >> 1;
}

/* The segment that a segment grew out of. */
static inline uint32_t sites_parent(uint32_t segment)
{
	return segment & ~(UINT32_C(0x80000000) >> __builtin_clz(segment));
}

/* The j-th line that is looked at. */
static inline uint32_t sites_line(uint64_t home, uint32_t j)
{
	return ((uint32_t)(home >> 30) + j * (j + 1) / 2) & (SITES_LINES - 1);
}

static inline uint64_t sites_key(uint64_t address)
{
	return address >> SITES_ALIGN << SITES_ID_BITS;
}

static inline uint64_t sites_address(uint64_t entry)
{
	return entry >> SITES_ID_BITS << SITES_ALIGN;
}

/* A stack's hash: start with 0, add each return address, end. */
static inline uint64_t sites_hash_add(uint64_t h, uint64_t pc)
{
	h = (h ^ pc) * UINT64_C(0x9fb21c651e98df25);
	return h << 27 | h >> 37;
}

static inline uint64_t sites_hash_end(uint64_t h)
{
	h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	h ^= h >> 29;
	return h ? h : 1;
}

#endif
