/*
 * heap: glibc malloc's heap as found in a core: arenas, spans of chunks, the state of each chunk,
 * totals, and what did not add up. heap_walk() is the one door of heapwalk/. It needs no symbols.
 * It knows nothing of who points to what.
 */
#ifndef HEAPWALK_HEAP_H
#define HEAPWALK_HEAP_H

#include "heapwalk/debuglayout.h"
#include "heapwalk/layout.h"
#include "heapwalk/span.h"

enum block_state {
	BLOCK_USED,     /* handed out, not freed */
	BLOCK_FREE,     /* in a tcache, fastbin, bin, or the top chunk */
	BLOCK_INTERNAL, /* malloc's own: tcache_perthread_struct, arena headers */
};

/* Where a free chunk waits. */
enum free_place {
	FREE_TCACHE,
	FREE_FASTBIN,
	FREE_UNSORTED,
	FREE_SMALL,
	FREE_LARGE,
	FREE_TOP,
	FREE_UNLISTED, /* free by the next header's flag, but in no list */
	FREE_PLACES
};
const char *free_place_name(enum free_place place); /* "tcache", "fastbin", "unsorted", ... */

struct tally {
	uint64_t blocks;
	uint64_t bytes; /* usable bytes */
};

/* A block: a value, made on the fly, never stored in bulk. */
struct block {
	vaddr addr;    /* what malloc returned */
	uint64_t size; /* usable bytes, as malloc_usable_size */
	uint32_t id;   /* rank by address; UINT32_MAX for an arena header */
	enum block_state state;
	const struct span *span;
};

/* Bytes of its chunk, header included. */
static inline uint64_t block_chunk(const struct block *b)
{
	return b->size + (CHUNK_HEADER - b->span->size_at) + b->span->apart;
}

/* One malloc in the process: normally one; a dlmopen namespace or a static libc inside has its own.
 */
struct instance {
	vaddr main_arena;
	const struct state_layout *state;
	vaddr par;                          /* mp_; 0: not found */
	const struct par_layout *parl;      /* NULL: not found */
	const struct tcache_layout *tcache; /* NULL: none seen */
	const char *module; /* path of the file that holds it, as the dead process saw it; may be
	                       NULL */
	uint64_t n_mmaps, mmapped_mem, sbrk_base; /* from mp_ */
	uint64_t trim_threshold, top_pad, mmap_threshold, arena_max;
	uint64_t tcache_bins;  /* lists of a tcache; 0: not known */
	uint64_t tcache_count; /* entries a tcache list may hold; 7 by default (16 in 2.43) */
	bool used;             /* it has ever handed out memory */
	bool lost; /* its main arena is not in the core: main_arena is where it was, 0 if not even
	              that is known, and nothing of mp_ is */
};

struct arena {
	vaddr addr;        /* struct malloc_state */
	uint32_t instance; /* index into heap.instance */
	bool main, contiguous;
	vaddr top;                           /* chunk */
	uint64_t top_size;                   /* chunk bytes; 0: unknown */
	uint64_t system_mem, max_system_mem; /* as malloc counts them; walked, if it was lost */
	uint64_t attached_threads;
	uint64_t walked; /* bytes of regions found and walked, to compare with system_mem */
	uint32_t nspans; /* heaps (regions) it has */
	struct tally used, internal;
	struct tally free[FREE_PLACES];
	uint64_t largest_free; /* bytes */
};

struct tcache {
	vaddr addr;              /* user address of the tcache_perthread_struct */
	uint64_t entries, bytes; /* blocks waiting in it, their usable bytes */
	int thread;              /* index into core.thread; -1: no live thread has it */
};

struct owned {
	vaddr start, end;
	const char *what; /* "arena header", "main_arena", "mp_", "heap", ... static text */
};

/* The dead heap's damage or disagreement: data, not an error. Text is stable for a given code. */
struct heap_finding {
	const char *code; /* e.g. "system_mem", "n_mmaps", "chunk-size", "tcache-count" */
	vaddr at;         /* 0: none */
	char *message;    /* what, and what it means; owned by heap.pool */
	uint64_t count;   /* how many of this code were folded into this one */
	bool damage;      /* true: overwritten memory; false: sums disagree */
	struct { /* the block right before the damaged one: who may have run over its end */
		vaddr addr; /* 0: none */
		uint64_t size;
		enum block_state state;
	} front;
};

struct heap {
	struct span *span; /* sorted by address */
	size_t nspans;
	struct arena *arena; /* [0]: main arena of the first used instance */
	size_t narenas;
	struct instance *instance;
	size_t ninstances;
	unsigned align; /* of all blocks: 16 bytes, or 8 (i386 up to 2.25) */
	struct tcache *tcache;
	size_t ntcaches;
	vaddr *tp, *pthread;    /* by index into core.thread: see pthread.h; 0: not known */
	uint32_t *thread_arena; /* by index into core.thread: index into arena; UINT32_MAX: not
	                           known */
	struct owned *owned;    /* sorted, not overlapping: memory that is malloc's own */
	size_t nowned;
	struct owned
		*gap; /* sorted: parts of the heap whose chunks are unknown (damage, not saved) */
	size_t ngaps;
	struct owned *inferred; /* sorted: chunks whose header is damaged: extent and state are
	                           inferred */
	size_t ninferred;
	uint64_t *used;     /* bit by id */
	uint64_t *internal; /* bit by id */
	uint32_t *cached;   /* ids of the chunks that wait in tcaches, sorted */
	size_t ncached;
	uint32_t nchunks;      /* ids are [0, nchunks) */
	size_t ncells;         /* numbers of cells: of all spans, and one for each mmapped chunk */
	struct tally total[3]; /* by enum block_state; arena headers count as internal */
	struct tally mmapped;  /* used blocks in mmapped chunks */
	struct heap_finding *finding;
	size_t nfindings;
	bool lost; /* no main arena is in the core, and data that may have held it is missing: what
	              there is of the heap was found without it */
	struct tally doubtful; /* used blocks that what is not in the core might tell to be free, or
	                          malloc's own: fastbins of a lost main arena, empty tcaches */
	uint64_t unread;       /* bytes of heap that the core does not have */
	uint64_t skipped;      /* bytes of heap passed over because of damage */
	uint64_t repaired; /* bytes of chunks whose header was bad and whose extent was inferred */
	bool listed;       /* free chunks in bins were told apart by bin; else they are unlisted */
	bool visited;      /* a visitor (visit.h) was told of all chunks, under the cells' final
	                      numbers */
	uint64_t covered;  /* bytes of chunks that were walked, repaired ones left out */
	uint64_t damage_steps;     /* headers that were looked at because of damage; at most 2^27 */
	bool debug_misfit;         /* libc's debug information is not as the heap is: not used */
	const char *layout_source; /* "dwarf", "table" or "inferred" */
	const char *versions; /* glibc versions with this layout, e.g. "2.35-2.41"; NULL: no glibc
	                         heap, or a layout that no known release has */
	/* private */
	const struct core *scarce; /* the core, if it does not fit into memory */
	struct pool pool;
	struct parked *parked; /* sorted: chunks that may wait in fastbins, with their links: of a
	                          core that does not fit into memory, while it is walked */
	size_t nparked;
	uint32_t *slot;    /* by address >> 26: 1 + index of the first span there; 0: none */
	struct cell *cell; /* of all spans */
	uint64_t bits_bytes, cell_bytes;
};

struct visitor;

struct heap_want {
	const struct debug_layout *known; /* what libc's debug information says; NULL: nothing. Has
	                                     to live as long as the heap */
	bool lists; /* tell which bin each free chunk is in, for arena.free; else they are checked
	               only */
	unsigned threads;              /* to be used, 1 at least */
	const struct visitor *visitor; /* NULL: none */
};

/*
 * Finds and walks everything. Never fails: a process without a glibc heap gives a heap with
 * nspans == 0, and what is known of why in finding. *out is owned by the caller.
 */
void heap_walk(const struct core *core, struct heap_want want, struct heap **out);
void heap_free(struct heap *heap); /* accepts NULL */

/*
 * The block whose [start, start + max(usable, 1)) holds v, whatever its state. False if none.
 * Arena headers are not found this way.
 */
bool heap_find(const struct heap *heap, vaddr v, struct block *block);

/* The span of the chunk with this id, NULL: there is none; and its block. Logarithmic time. */
const struct span *heap_span_of(const struct heap *heap, uint32_t id);
bool heap_by_id(const struct heap *heap, uint32_t id, struct block *block);

/*
 * All blocks in address order, arena headers included: start with *at = (struct block){0} and
 * *span = 0; false at the end.
 *
 *   struct heap_iter it = { 0 };
 *   struct block b;
 *   while (heap_next(heap, &it, &b)) ...
 */
struct heap_iter {
	size_t span, cell;
	vaddr at;
	uint32_t id;
	bool inside;
	bool look;    /* heap_next_set: what is in the blocks will be read; sooner, if it is said */
	size_t ahead; /* cells whose blocks are being fetched, or read from disk */
};
bool heap_next(const struct heap *heap, struct heap_iter *it, struct block *block);

/*
 * As heap_next, but only blocks whose bit by id is set in bits (heap.bits_bytes long); what lies
 * between is passed over without being looked at. Arena headers are left out.
 */
bool heap_next_set(const struct heap *heap, const uint64_t *bits, struct heap_iter *it,
                   struct block *block);

/* Is the chunk one whose header is damaged, and whose extent and state were inferred? */
bool heap_inferred(const struct heap *heap, vaddr chunk);

/* The range of heap.owned that covers at, or NULL. */
const struct owned *heap_owner(const struct heap *heap, vaddr at);

/* In which list a free block waits; text such as "tcache of thread 4711, list 3" goes to buf. */
enum free_place heap_free_place(const struct heap *heap, const struct core *core,
                                const struct block *block, char *buf, size_t size);

static inline bool bit_get(const uint64_t *bits, uint32_t i)
{
	return bits[i >> 6] >> (i & 63) & 1;
}
static inline void bit_set(uint64_t *bits, uint32_t i)
{
	bits[i >> 6] |= UINT64_C(1) << (i & 63);
}
/* The same where other threads set bits of its word, too. */
static inline void bit_set_shared(uint64_t *bits, uint32_t i)
{
	uint64_t bit = UINT64_C(1) << (i & 63);

	if (!(__atomic_load_n(&bits[i >> 6], __ATOMIC_RELAXED) & bit))
		__atomic_fetch_or(&bits[i >> 6], bit, __ATOMIC_RELAXED);
}
static inline void bit_clear(uint64_t *bits, uint32_t i)
{
	bits[i >> 6] &= ~(UINT64_C(1) << (i & 63));
}

#define HEAP_SLOT_SHIFT 26 /* 64 MiB: HEAP_MAX_SIZE */
#define HEAP_SLOT_BITS  48 /* user addresses: 47 on x86-64, 48 on aarch64 */

/* heap_span where the slot's first span is not the one. */
const struct span *heap_span_search(const struct heap *heap, vaddr at);

/* The span whose chunks cover at, or NULL. */
static inline const struct span *heap_span(const struct heap *heap, vaddr at)
{
	const struct span *s;
	uint32_t first;

	if (at >> HEAP_SLOT_BITS)
		return heap_span_search(heap, at);
	first = heap->slot[at >> HEAP_SLOT_SHIFT];
	if (!first)
		return NULL;
	s = &heap->span[first - 1];
	if (at >= s->end)
		return heap_span_search(heap, at);
	return at >= s->start ? s : NULL;
}

#endif
