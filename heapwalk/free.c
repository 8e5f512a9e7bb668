/*
 * free: the lists of chunks that wait to be handed out again: fastbins (2.42 and older; their
 * chunks look used to their neighbours) and bins (doubly linked). Each list is bounded by the
 * number of chunks there are, whatever its links say.
 */
#include "heapwalk/walk.h"

#include <stdio.h>

const char *free_place_name(enum free_place place)
{
	static const char *const name[FREE_PLACES] = { "tcache", "fastbin", "unsorted", "small",
		                                       "large",  "top",     "unlisted" };

	return name[place];
}

bool walk_release(struct walk *w, vaddr user, enum free_place place, struct block *b)
{
	struct arena *a;

	if (!heap_find(w->heap, user, b) || b->addr != user || b->state != BLOCK_USED)
		return false;
	a = &w->heap->arena[b->span->arena];
	bit_clear(w->heap->used, b->id);
	if (b->span->kind == SPAN_MMAP) { /* 2.43 caches those too */
		w->heap->mmapped.blocks--;
		w->heap->mmapped.bytes -= b->size;
	} else {
		a->used.blocks--;
		a->used.bytes -= b->size;
	}
	a->free[place].blocks++;
	a->free[place].bytes += b->size;
	return true;
}

static const struct state_layout *layout_of(const struct heap *h, const struct arena *a)
{
	return h->instance[a->instance].state;
}

/* ---- fastbins ---- */

/* fd of a fastbin chunk as an address; since 2.32 it is mixed with its own place (safe linking). */
static bool fast_next(const struct core *core, vaddr chunk, bool safe, vaddr *next)
{
	uint64_t raw;

	if (!core_read_word(core, chunk + 16, &raw))
		return false;
	*next = chunk_ours(safe ? raw ^ ((chunk + 16) >> 12) : raw, core->machine->word);
	return true;
}

/* Chunk size of list i: fastbin_index counts in two words (malloc.c). */
static uint64_t fast_size(unsigned word, unsigned i)
{
	return 2 * word * (i + 2u);
}

/* Where the head of list i of an arena is. */
static vaddr fast_head(const struct arena *a, const struct state_layout *l, unsigned i)
{
	return a->addr + (uint64_t)l->fastbins + l->word * i;
}

static bool fast_fits(const struct heap *h, unsigned i, vaddr chunk, struct block *b)
{
	return !(chunk & 15) && heap_find(h, chunk + CHUNK_HEADER, b) &&
	       b->addr == chunk + CHUNK_HEADER &&
	       (block_chunk(b) == fast_size(CHUNK_HEADER - b->span->size_at, i) ||
	        heap_inferred(h, chunk));
}

/* Links of list i that lead from good chunk to good chunk, or to its end. */
static uint32_t fast_good(const struct heap *h, const struct core *core, unsigned i, vaddr chunk,
                          bool safe)
{
	struct block b;
	uint32_t n = 0;

	while (chunk && n < 1000 && fast_fits(h, i, chunk, &b) &&
	       fast_next(core, chunk, safe, &chunk) && (!chunk || fast_fits(h, i, chunk, &b)))
		n++;
	return n;
}

static bool fast_is_safe(const struct heap *h, const struct core *core, const struct arena *a,
                         unsigned i, vaddr first)
{
	const struct instance *in = &h->instance[a->instance];

	if (in->tcache && in->tcache->versions.from >= 30)
		return in->tcache->safe_linking;
	if (in->parl && in->parl->versions.from >= 32)
		return true;
	return fast_good(h, core, i, first, true) > fast_good(h, core, i, first, false);
}

/*
 * A broken list loses the chunks behind the break. A used block of its size that starts with a
 * link, mixed with its own place, to the end or to a chunk that is free itself is one of them;
 * without safe linking only a link to another chunk's header tells, and no user's data looks like
 * that.
 */
static void find_lost(struct walk *w, const struct arena *a, unsigned i, bool safe)
{
	struct heap_iter it = { 0 };
	struct block b, to;

	while (heap_next_set(w->heap, w->heap->used, &it, &b)) {
		vaddr chunk = b.addr - CHUNK_HEADER, next;

		if (block_chunk(&b) != fast_size(w->word, i) ||
		    &w->heap->arena[b.span->arena] != a || !fast_next(w->core, chunk, safe, &next))
			continue;
		if ((next || !safe) && (!next || !fast_fits(w->heap, i, next, &to)))
			continue;
		walk_release(w, b.addr, FREE_FASTBIN, &b);
		if (next)
			walk_release(w, next + CHUNK_HEADER, FREE_FASTBIN, &to);
	}
}

static void fast_broken(struct walk *w, const struct arena *a, vaddr before, vaddr chunk)
{
	if (before)
		walk_find(w, "fastbin-next", before + CHUNK_HEADER, true,
		          "the free block at 0x%llx leads a fastbin of arena 0x%llx to 0x%llx, "
		          "which is no chunk of it: it was written to after free",
		          (unsigned long long)before + CHUNK_HEADER, (unsigned long long)a->addr,
		          (unsigned long long)chunk);
	else
		walk_find(w, "fastbin-head", a->addr, true,
		          "a fastbin of arena 0x%llx begins with 0x%llx, which is no chunk of it: "
		          "the arena was overwritten",
		          (unsigned long long)a->addr, (unsigned long long)chunk);
}

static void release_fast(struct walk *w, const struct arena *a, unsigned i, vaddr chunk)
{
	bool safe = fast_is_safe(w->heap, w->core, a, i, chunk);
	vaddr before = 0, next;
	struct block b;

	for (uint32_t n = 0; chunk && n <= w->heap->nchunks; n++) {
		if (is_unsaved(w, chunk))
			return;
		if (!fast_fits(w->heap, i, chunk, &b) || !fast_next(w->core, chunk, safe, &next)) {
			fast_broken(w, a, before, chunk);
			break;
		}
		if (!walk_release(w, chunk + CHUNK_HEADER, FREE_FASTBIN, &b)) {
			walk_find(
				w, "fastbin-double", chunk + CHUNK_HEADER, true,
				"the free block at 0x%llx stands twice in free lists, a fastbin of "
				"arena 0x%llx being one: it was freed twice",
				(unsigned long long)chunk + CHUNK_HEADER,
				(unsigned long long)a->addr);
			break;
		}
		before = chunk;
		chunk = next;
	}
	if (chunk)
		find_lost(w, a, i, safe);
}

void fastbins_find(struct walk *w)
{
	for (size_t k = 0; k < w->heap->narenas; k++) {
		const struct arena *a = &w->heap->arena[k];
		const struct state_layout *l = layout_of(w->heap, a);

		for (unsigned i = 0; l->fastbins >= 0 && i < l->nfast; i++) {
			vaddr first;

			if (chunk_read(w->core, fast_head(a, l, i), &first) && first)
				release_fast(w, a, i, first);
		}
	}
}

/* ---- bins ---- */

static enum free_place bin_place(unsigned bin)
{
	return bin == 1 ? FREE_UNSORTED : bin < 64 ? FREE_SMALL : FREE_LARGE;
}

/* The damaged block: at, or where that is 0 the arena's own list head. */
static void bin_broken(struct walk *w, const struct arena *a, unsigned bin, vaddr chunk,
                       const char *what, vaddr to)
{
	bool head = chunk == 0;
	vaddr at = head ? a->addr : chunk + CHUNK_HEADER;

	walk_find(w, "bin-links", at, !arena_locked(w, a),
	          "%s 0x%llx has a %s link, 0x%llx, in bin %u of arena 0x%llx that is not "
	          "returned: %s",
	          head ? "the arena at" : "the free block at", (unsigned long long)at, what,
	          (unsigned long long)to, bin, (unsigned long long)a->addr,
	          head ? "it was overwritten" : "it was written to after free");
}

/* One list being followed. Many are, in turn: while one's next chunk is fetched, others go on. */
struct bin_walk {
	struct arena *arena;
	unsigned bin;
	vaddr head, before, at;
	uint64_t left; /* chunks it may still hold */
};

#define BINS_AT_ONCE 64

/* The list head of a bin as if it were a chunk. */
static vaddr bin_head(const struct arena *a, const struct state_layout *l, unsigned bin)
{
	return a->addr + l->bins + 2u * l->word * (bin - 1) - CHUNK_HEADER;
}

/* Starts on the next bin that is not empty; false if there are no more. */
static bool next_bin(struct walk *w, uint64_t *counter, struct bin_walk *b)
{
	for (; *counter < w->heap->narenas * 127; ++*counter) {
		struct arena *a = &w->heap->arena[*counter / 127];

		b->arena = a;
		b->bin = (unsigned)(*counter % 127) + 1;
		b->head = bin_head(a, layout_of(w->heap, a), b->bin);
		b->before = b->head;
		b->left = w->heap->nchunks;
		if (chunk_read(w->core, b->head + 16, &b->at) && b->at != b->head) {
			++*counter;
			return true;
		}
	}
	return false;
}

static inline __attribute__((always_inline)) void fetch(const struct heap *h, vaddr at)
{
	const struct span *s = heap_span(h, at);

	if (!s || !s->mem || !s->cell)
		return;
	__builtin_prefetch(s->mem + (at - s->start));
	__builtin_prefetch(s->mem + (at - s->start) + 24);
	__builtin_prefetch(&s->cell[(at - s->start) >> 10]);
}

/* A free chunk of the heap, and not of another list's kind, with its header and links in one piece.
 */
static const uint8_t *free_chunk(const struct walk *w, vaddr at)
{
	const struct span *s = heap_span(w->heap, at);
	vaddr chunk;
	uint32_t id;

	if (!s || at & 15 || !s->cell || !span_find(s, at + CHUNK_HEADER, &chunk, &id) ||
	    chunk != at || bit_get(w->heap->used, id) || bit_get(w->heap->internal, id))
		return NULL;
	return s->mem && s->end - at >= 32 ? s->mem + (at - s->start) : core_at(w->core, at, 32);
}

/* The link behind fd, of the free chunk at p. */
static inline vaddr chunk_bk(const uint8_t *p, unsigned word)
{
	return chunk_ours(load_word(p + 16 + word, word), word);
}
static inline vaddr chunk_fd(const uint8_t *p, unsigned word)
{
	return chunk_ours(load_word(p + 16, word), word);
}

static inline void count_binned(struct bin_walk *b, const uint8_t *p, unsigned word)
{
	struct tally *place = &b->arena->free[bin_place(b->bin)];
	struct tally *unlisted = &b->arena->free[FREE_UNLISTED];
	uint64_t head = load_word(p + chunk_size_at(word), word);
	uint64_t usable = (head & ~(uint64_t)CHUNK_FLAGS) - word;

	if (unlisted->blocks == 0 || unlisted->bytes < usable)
		return; /* a damaged list counts some chunk twice */
	place->blocks++;
	place->bytes += usable;
	unlisted->blocks--;
	unlisted->bytes -= usable;
}

/* The forward link of b->before leads nowhere: what is behind it is found from the list's end. */
static void walk_back(struct walk *w, struct bin_walk *b)
{
	unsigned word = w->word;
	vaddr after = b->head, at;
	const uint8_t *p;

	if (!chunk_read(w->core, b->head + 16 + word, &at))
		return;
	while (b->left-- && at != b->head && at != b->before && (p = free_chunk(w, at)) &&
	       chunk_fd(p, word) == after) {
		count_binned(b, p, word);
		after = at;
		at = chunk_bk(p, word);
	}
}

static void report_forward(struct walk *w, const struct bin_walk *b)
{
	if (!is_unsaved(w, b->at))
		bin_broken(w, b->arena, b->bin, b->before == b->head ? 0 : b->before, "forward",
		           b->at);
}

/* The chunk at b->at, p, links back elsewhere. True: it is that link that is wrong. */
static bool bad_backward(struct walk *w, const struct bin_walk *b, const uint8_t *p)
{
	vaddr bk = chunk_bk(p, w->word), forth;

	if (is_unsaved(w, bk)) /* this one was come to past memory that is not there */
		return true;
	/* a chunk of another list, to which the one before it was made to link */
	if (chunk_read(w->core, bk + 16, &forth) && forth == b->at)
		return false;
	bin_broken(w, b->arena, b->bin, b->at, "backward", bk);
	return true;
}

/* One chunk further. False: the list is at its end, or cannot be followed on. */
static inline __attribute__((always_inline)) bool step_by_word(struct walk *w, struct bin_walk *b,
                                                               unsigned word)
{
	const uint8_t *p = b->left ? free_chunk(w, b->at) : NULL;

	if (b->left)
		b->left--;
	if (!p || (chunk_bk(p, word) != b->before && !bad_backward(w, b, p))) {
		report_forward(w, b);
		walk_back(w, b);
		return false;
	}
	count_binned(b, p, word);
	b->before = b->at;
	b->at = chunk_fd(p, word);
	if (b->at == b->head)
		return false;
	fetch(w->heap, b->at);
	return true;
}

static bool step_bin(struct walk *w, struct bin_walk *b)
{
	return w->word == 8 ? step_by_word(w, b, 8) : step_by_word(w, b, 4);
}

void bins_find(struct walk *w)
{
	struct bin_walk b[BINS_AT_ONCE];
	uint64_t counter = 0;
	size_t n = 0;

	while (n < BINS_AT_ONCE && next_bin(w, &counter, &b[n]))
		n++;
	while (n) {
		for (size_t i = 0; i < n;) {
			if (step_bin(w, &b[i]) || next_bin(w, &counter, &b[i]))
				i++;
			else
				b[i] = b[--n];
		}
	}
}

/* ---- which list is a free block in ---- */

static bool in_tcache(const struct heap *h, const struct core *core, const struct tcache *t,
                      const struct block *b, unsigned *list)
{
	const struct tcache_layout *l = h->instance[0].tcache;
	unsigned first, last;

	if (!l)
		return false;
	first = last = (unsigned)((block_chunk(b) - chunk_min(l->word)) / 16);
	if (first >= 64) {
		first = 64;
		last = l->bins - 1u;
	}
	for (unsigned i = first; i <= last && i < l->bins; i++) {
		vaddr e = 0;

		core_read_word(core, t->addr + l->entries + l->word * i, &e);
		for (uint64_t n = 0; e && n < 65536; n++) {
			uint64_t raw;

			*list = i;
			if (e == b->addr)
				return true;
			if (!core_read_word(core, e, &raw))
				break;
			e = l->safe_linking ? raw ^ (e >> 12) : raw;
		}
	}
	return false;
}

static bool in_fastbin(const struct heap *h, const struct core *core, const struct arena *a,
                       const struct block *b, unsigned *list)
{
	const struct state_layout *l = layout_of(h, a);
	uint64_t i = block_chunk(b) / (2u * l->word) - 2;
	vaddr at, first;

	if (l->fastbins < 0 || i >= l->nfast ||
	    !chunk_read(core, fast_head(a, l, (unsigned)i), &first))
		return false;
	*list = (unsigned)i;
	at = first;
	for (uint32_t n = 0; at && n <= h->nchunks; n++) {
		if (at + CHUNK_HEADER == b->addr)
			return true;
		if (!fast_next(core, at, fast_is_safe(h, core, a, (unsigned)i, first), &at))
			break;
	}
	return false;
}

static bool in_bin(const struct heap *h, const struct core *core, const struct arena *a,
                   unsigned bin, const struct block *b)
{
	vaddr head = bin_head(a, layout_of(h, a), bin), at;

	if (!chunk_read(core, head + 16, &at))
		return false;
	for (uint32_t n = 0; at != head && n <= h->nchunks; n++) {
		if (at + CHUNK_HEADER == b->addr)
			return true;
		if (!chunk_read(core, at + 16, &at))
			break;
	}
	return false;
}

static enum free_place place_of_chunk(const struct heap *h, const struct core *core,
                                      const struct arena *a, const struct block *b, unsigned *list)
{
	if (b->addr - CHUNK_HEADER == a->top)
		return FREE_TOP;
	if (in_fastbin(h, core, a, b, list))
		return FREE_FASTBIN;
	for (unsigned bin = 1; bin < 128; bin++) {
		if (in_bin(h, core, a, bin, b)) {
			*list = bin;
			return bin_place(bin);
		}
	}
	return FREE_UNLISTED;
}

enum free_place heap_free_place(const struct heap *heap, const struct core *core,
                                const struct block *block, char *buf, size_t size)
{
	const struct arena *a = &heap->arena[block->span->arena];
	enum free_place place;
	unsigned list = 0;

	for (size_t i = 0; i < heap->ntcaches; i++) {
		int t = heap->tcache[i].thread;

		if (!in_tcache(heap, core, &heap->tcache[i], block, &list))
			continue;
		if (t >= 0)
			snprintf(buf, size, "tcache of thread %d, list %u", core->thread[t].tid,
			         list);
		else
			snprintf(buf, size, "tcache of no live thread, list %u", list);
		return FREE_TCACHE;
	}
	place = place_of_chunk(heap, core, a, block, &list);
	if (place == FREE_TOP || place == FREE_UNLISTED)
		snprintf(buf, size, "%s of arena %u", place == FREE_TOP ? "top chunk" : "no list",
		         block->span->arena);
	else
		snprintf(buf, size, "%s %u of arena %u",
		         place == FREE_FASTBIN    ? "fastbin"
		         : place == FREE_UNSORTED ? "unsorted bin"
		         : place == FREE_SMALL    ? "small bin"
		                                  : "large bin",
		         list, block->span->arena);
	return place;
}
