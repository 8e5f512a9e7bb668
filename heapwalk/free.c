/*
 * free: chunks that wait to be handed out again: bins (doubly linked lists), and in which list a
 * chunk is.
 */
#include "heapwalk/list.h"

#include <stdio.h>

const char *free_place_name(enum free_place place)
{
	static const char *const name[FREE_PLACES] = { "tcache", "fastbin", "unsorted", "small",
		                                       "large",  "top",     "unlisted" };

	return name[place];
}

void list_release(struct walk *w, const struct block *b, enum free_place place)
{
	struct arena *a = &w->heap->arena[b->span->arena];

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
	if (place == FREE_TCACHE)
		array_push(&w->cached, b->id);
}

bool walk_release(struct walk *w, vaddr user, enum free_place place, struct block *b)
{
	if (!heap_find(w->heap, user, b) || b->addr != user || b->state != BLOCK_USED)
		return false;
	list_release(w, b, place);
	return true;
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

/* One list being followed. */
struct bin_walk {
	struct arena *arena;
	unsigned bin;
	vaddr head, before, at;
	uint64_t left; /* chunks it may still hold */
};

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
		b->head = bin_head(a, list_layout(w->heap, a), b->bin);
		b->before = b->head;
		b->left = w->heap->nchunks;
		if (chunk_read(w->core, b->head + 16, &b->at) && b->at != b->head) {
			++*counter;
			return true;
		}
	}
	return false;
}

/* The links of a free chunk of the heap that is not of another list's kind; its size stands in
 * front of them. NULL: it is none, or not in one piece. */
static const uint8_t *free_chunk(const struct walk *w, vaddr at)
{
	const struct span *s = heap_span(w->heap, at);
	unsigned word = w->word;
	const uint8_t *p;
	vaddr chunk;
	uint32_t id;

	if (!s || at & (w->align - 1) || !s->cell ||
	    !span_find(s, at + CHUNK_HEADER, &chunk, &id) || chunk != at ||
	    bit_get(w->heap->used, id) || bit_get(w->heap->internal, id))
		return NULL;
	if (s->mem && s->end - at >= CHUNK_HEADER + 2 * word)
		return s->mem + (at + CHUNK_HEADER - s->start);
	p = core_at(w->core, at + s->size_at, 3 * word);
	return p ? p + word : NULL;
}

/* The link behind fd, of those at p. */
static inline vaddr chunk_bk(const uint8_t *p, unsigned word)
{
	return chunk_ours(load_word(p + word, word), word);
}
static inline vaddr chunk_fd(const uint8_t *p, unsigned word)
{
	return chunk_ours(load_word(p, word), word);
}

static inline void count_binned(const struct walk *w, struct bin_walk *b, const uint8_t *p,
                                unsigned word)
{
	struct tally *place = &b->arena->free[bin_place(b->bin)];
	struct tally *unlisted = &b->arena->free[FREE_UNLISTED];
	uint64_t head = load_word(p - word, word);
	uint64_t usable = (head & ~(uint64_t)CHUNK_FLAGS) - word - w->apart;

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
		count_binned(w, b, p, word);
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
	count_binned(w, b, p, word);
	b->before = b->at;
	b->at = chunk_fd(p, word);
	if (b->at == b->head)
		return false;
	list_fetch(w->heap, b->at);
	return true;
}

static bool step_bin(struct walk *w, struct bin_walk *b)
{
	return w->word == 8 ? step_by_word(w, b, 8) : step_by_word(w, b, 4);
}

void bins_find(struct walk *w)
{
	struct bin_walk b[LISTS_AT_ONCE];
	uint64_t counter = 0;
	size_t n = 0;

	while (n < LISTS_AT_ONCE && next_bin(w, &counter, &b[n]))
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

static bool in_bin(const struct heap *h, const struct core *core, const struct arena *a,
                   unsigned bin, const struct block *b)
{
	vaddr head = bin_head(a, list_layout(h, a), bin), at;

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
	if (fastbin_has(h, core, a, b, list))
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
