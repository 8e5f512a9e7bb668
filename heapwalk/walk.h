/*
 * walk: what the files of heapwalk share while a heap is being built. Private to heapwalk/.
 *
 * Order: instances (arenas and mp_ in .data) -> regions (where chunks are) -> mmapped chunks ->
 * walk of the regions in address order, which gives ids -> tcaches, fastbins, bins -> sums.
 */
#ifndef HEAPWALK_WALK_H
#define HEAPWALK_WALK_H

#include "formats/ahead.h"
#include "heapwalk/heap.h"

enum { TCACHE_BINS_MAX = 1024 }; /* 64, 76 from 2.42 on, fewer by a tunable */

/* A range to be stepped through, known before it is. */
struct region {
	vaddr start, limit;       /* first chunk's header; chunks lie below limit */
	vaddr own_start, own_end; /* as in struct span */
	vaddr top;                /* the arena's top chunk if it lies here, else 0 */
	uint64_t top_size;        /* where its header is not to be believed; else 0 */
	uint32_t arena;
	enum span_kind kind;
	uint64_t usable; /* SPAN_MMAP */
};

/* A chunk that is in use by its header and may be in a fastbin; its first word may be a link. */
struct parked {
	vaddr chunk;
	uint64_t word;
};

struct walk {
	const struct core *core;
	unsigned word;                    /* of core->machine */
	uint8_t apart;                    /* as in struct span, of them all */
	unsigned align;                   /* of blocks: state_align; 16 until it is known */
	const struct debug_layout *known; /* may be NULL */
	struct heap *heap;
	struct view view;
	ARRAY(struct arena) arenas;
	ARRAY(struct instance) instances;
	ARRAY(struct region) regions;
	ARRAY(struct span) spans;
	ARRAY(struct tcache) tcaches;
	ARRAY(struct heap_finding) findings;
	ARRAY(struct owned) gaps, inferred;
	uint64_t candidate_max; /* the largest chunk that may be one of: */
	ARRAY(uint32_t) cached; /* becomes heap.cached */
	ARRAY(struct parked) parked;
	ARRAY(vaddr) candidates; /* user addresses of used chunks that may be a tcache struct */
	uint32_t next_id;
	size_t next_cell;           /* index into heap.cell */
	uint64_t budget;            /* headers that may still be looked at because of damage */
	uint64_t forward, backward; /* sums over the links of free chunks: links.h */
	struct ahead *ahead;
	vaddr reached; /* by the walk; where ahead wants to know again */
	/* Told now and then: all is known of the chunks of s in front of the cell of this one */
	void (*show)(void *of, const struct span *s, vaddr chunk);
	void *show_of;
	vaddr half;        /* bins of a main arena whose end is not in the core; 0: none such */
	unsigned searches; /* times that all memory was read because of damage: resync.c */
};

/*
 * damage.c. Adds a finding; a second one of the same code at the same place only counts, and so do
 * those beyond the first 20 of a code.
 */
void walk_find(struct walk *w, const char *code, vaddr at, bool damage, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * Is a thread within malloc in this arena, as its lock tells? Then what looks damaged may be half
 * done. Where malloc itself aborts (SIGABRT), it holds the lock and is right.
 */
static inline bool arena_locked(const struct walk *w, const struct arena *a)
{
	uint32_t mutex = 0;

	return w->core->signal != 6 && core_read32(w->core, a->addr, &mutex) && mutex != 0;
}
/* The block in front of each damaged one, and how much of the heap was walked: at the end. */
void damage_finish(struct walk *w);
/* instance.c: every malloc in the process, its arenas (main first) and its mp_. */
void instances_find(struct walk *w);
/* Does the list of arenas lead from main, through arenas with bins, back to main? */
bool arena_ring(struct walk *w, vaddr main, const struct state_layout *l);
/*
 * infer.c: for a glibc that is in no table. state_infer: the layout under which an arena begins
 * before the list heads at slot0, and the arena; NULL: none. par_variants: layouts of mp_ to be
 * tried. tcache_infer: of the tcache, by the number of lists in mp_; NULL: nothing new in it. What
 * they make lives as long as the heap.
 */
const struct state_layout *state_infer(struct walk *w, vaddr slot0, vaddr *main);
size_t par_variants(struct walk *w, const struct state_layout *state, struct par_layout **out);
const struct tcache_layout *tcache_infer(struct walk *w);
/* infer.c: which glibc the structures are of, and how that is known: into the heap. */
void layout_name(struct walk *w);
/* Do the list heads of an arena stand where the layout has them? Some may be damaged. */
bool arena_has_bins(struct walk *w, vaddr arena, const struct state_layout *l);
/* How many of the 127 list heads do. */
unsigned arena_heads(struct walk *w, vaddr arena, const struct state_layout *l);
/* Is attached_threads there, or not, as the layout says? */
bool arena_attached_fits(struct walk *w, vaddr arena, const struct state_layout *l);
/* Fills in what the arena's struct tells. */
void arena_read(struct walk *w, struct arena *a, const struct state_layout *l);
/*
 * lost.c: where no main arena is in the core and data is missing that may have held it: the arenas
 * that are there, and the brk heap. lost_finish: what of the result is doubtful.
 */
void lost_find(struct walk *w);
void lost_finish(struct walk *w);
/* Does a region that mmap gave to a lost main arena start here? Returns its end, or 0. *top: its
 * top chunk, or 0. */
vaddr lost_region(struct walk *w, vaddr start, vaddr limit, vaddr *top);
/* par.c: mp_ of one instance; fills in its par fields. */
void par_find(struct walk *w, struct instance *in, const struct arena *main);
/*
 * ring.c: the layout of a main arena whose bins begin at slot0 and whose ring does not close: an
 * arena that leads to it, or to which it leads, proves it. NULL: it is none.
 */
const struct state_layout *ring_layout(struct walk *w, vaddr slot0);
/* Adds it, and the other arenas as far as they are in the core. */
void ring_follow(struct walk *w, vaddr main, const struct state_layout *state);
/* region.c: brk, subheaps, regions that mmap gave to a main arena. */
void regions_find(struct walk *w);
/* claim.c: bounds what they span all together by what the file has. */
void regions_bound(struct walk *w);
/* End of the writable anonymous memory that goes on without a gap from at. */
vaddr writable_end(const struct core *core, vaddr at);
/* owner.c: a main arena's mapped region, found to be that arena's. */
void region_give(struct walk *w, struct region *r, uint32_t arena);
/* Gives away those from this index on whose arena is UINT32_MAX; all others have been given. */
void regions_give(struct walk *w, size_t from);
/* mmapped.c: chunks that have a mapping of their own; regions must be sorted. */
void mmapped_find(struct walk *w);
/* chunk.c: steps through all regions, in order, and makes spans, ids and states. */
void chunks_walk(struct walk *w, unsigned threads, const struct visitor *visitor);
/* Where a chain of chunks breaks, if it does, and how many there are before. */
struct broken {
	vaddr at;
	uint64_t n;
};
/* Dry run over a region: end of its chunks, or 0 if the chain breaks. *at_top: it ended in the top
 * chunk. */
vaddr chunks_chain(struct walk *w, vaddr start, vaddr limit, vaddr top, struct broken *broken,
                   bool *at_top);
/* Is the chunk in a list of a bin, by the links of both sides? */
bool chunk_linked(struct walk *w, vaddr chunk);
/* Where the memory of an arena's top chunk ends. */
static inline vaddr arena_top_end(const struct core *core, const struct arena *a)
{
	return a->top + chunk_lead(core->machine->word) + a->top_size;
}
/* The end of the memory whose last chunk, top or fencepost ends at p. */
vaddr chunks_end(const struct walk *w, vaddr p);
/* tcache.c, free.c: lists of free chunks. Spans and slots must be in place. */
void tcaches_find(struct walk *w);
/* Before the chunks are walked: which of them may be a tcache struct. */
void tcache_expect(struct walk *w);
void fastbins_find(struct walk *w, unsigned threads);
void bins_find(struct walk *w);
/* A listed chunk is free: moves it from used to the place's tally. False: it was not a used chunk.
 */
bool walk_release(struct walk *w, vaddr user, enum free_place place, struct block *block);
/* tls.c: what a word at an offset from the thread pointer is worth as the variable sought. */
typedef unsigned tls_weigh(const void *ctx, unsigned offset, uint64_t word);
/* The offset with the most votes over all threads, which go to *most; 0 if there are none. */
unsigned tls_vote(const struct walk *w, tls_weigh *weigh, const void *ctx, uint64_t *most);
/* A thread's word there. */
bool tls_read(const struct walk *w, size_t thread, unsigned offset, uint64_t *word);
void thread_arenas_find(struct walk *w);
/* verify.c: malloc's own sums against what was found. */
void sums_verify(struct walk *w);

/* Was memory mapped there that the core does not have? What leads there is not damaged. */
static inline bool is_unsaved(const struct walk *w, vaddr at)
{
	const struct segment *s = core_segment(w->core, at);

	return s && at >= s->saved_end;
}

static inline bool anonymous_rw(const struct segment *s)
{
	return s->file < 0 && !s->absent && (s->flags & (SEG_R | SEG_W)) == (SEG_R | SEG_W);
}

/* Size word of a chunk header, flags included; false if it is not in the core. */
static inline bool chunk_head(struct view *view, vaddr chunk, uint64_t *head, unsigned word)
{
	return view_read_word(view, chunk + chunk_size_at(word), head, word);
}
/* Size of the chunk before it, if that is free. */
static inline bool chunk_prev(struct view *view, vaddr chunk, uint64_t *size, unsigned word)
{
	return view_read_word(view, chunk + chunk_lead(word), size, word);
}
/* A chunk's address as glibc has it, as ours; 0 stays 0. */
static inline vaddr chunk_ours(uint64_t pointer, unsigned word)
{
	return pointer ? pointer - chunk_lead(word) : 0;
}
/* Reads glibc's pointer to a chunk. */
static inline bool chunk_read(const struct core *core, vaddr at, vaddr *chunk)
{
	if (!core_read_word(core, at, chunk))
		return false;
	*chunk = chunk_ours(*chunk, core->machine->word);
	return true;
}

#endif
