/*
 * fastbin: singly linked lists of free chunks that look used to their neighbours (glibc 2.42 and
 * older).
 */
#include "heapwalk/list.h"
#include "formats/crew.h"

#define WORTH        1000000 /* chunks of a heap that are worth threads */
#define FASTBINS_MAX 32      /* in one arena; 10 or 11 in all releases */

/* fd of a fastbin chunk as an address; since 2.32 it is mixed with its own place (safe linking). */
static bool fast_next(const struct heap *h, const struct core *core, vaddr chunk, bool safe,
                      vaddr *next)
{
	size_t i = first_behind(h->parked, h->nparked, chunk, chunk - 1);
	uint64_t raw;

	if (i < h->nparked && h->parked[i].chunk == chunk)
		raw = h->parked[i].word;
	else if (!core_read_word(core, chunk + 16, &raw))
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
	return !(chunk & (h->align - 1)) && heap_find(h, chunk + CHUNK_HEADER, b) &&
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
	       fast_next(h, core, chunk, safe, &chunk) && (!chunk || fast_fits(h, i, chunk, &b)))
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
		    &w->heap->arena[b.span->arena] != a ||
		    !fast_next(w->heap, w->core, chunk, safe, &next))
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

/* One list being followed. */
struct fast_walk {
	const struct arena *arena;
	unsigned list;
	bool safe;
	vaddr before, at;
	uint64_t left; /* chunks it may still hold */
};

/* Starts on the next list that is not empty; false if there are no more. */
static bool next_fast(struct walk *w, uint64_t *counter, struct fast_walk *f)
{
	for (; *counter < w->heap->narenas * FASTBINS_MAX; ++*counter) {
		const struct arena *a = &w->heap->arena[*counter / FASTBINS_MAX];
		const struct state_layout *l = list_layout(w->heap, a);
		unsigned i = (unsigned)(*counter % FASTBINS_MAX);
		vaddr first;

		if (l->fastbins < 0 || i >= l->nfast ||
		    !chunk_read(w->core, fast_head(a, l, i), &first) || !first)
			continue;
		*f = (struct fast_walk){ .arena = a,
			                 .list = i,
			                 .safe = fast_is_safe(w->heap, w->core, a, i, first),
			                 .at = first,
			                 .left = (uint64_t)w->heap->nchunks + 1 };
		++*counter;
		return true;
	}
	return false;
}

/* One chunk further. False: the list is at its end, or cannot be followed on. */
static bool step_fast(struct walk *w, struct fast_walk *f)
{
	vaddr next;
	struct block b;

	if (!f->at || is_unsaved(w, f->at))
		return false;
	if (!f->left-- || !fast_fits(w->heap, f->list, f->at, &b) ||
	    !fast_next(w->heap, w->core, f->at, f->safe, &next)) {
		fast_broken(w, f->arena, f->before, f->at);
		find_lost(w, f->arena, f->list, f->safe);
		return false;
	}
	if (b.state != BLOCK_USED) {
		walk_find(w, "fastbin-double", f->at + CHUNK_HEADER, true,
		          "the free block at 0x%llx stands twice in free lists, a fastbin of arena "
		          "0x%llx being one: it was freed twice",
		          (unsigned long long)f->at + CHUNK_HEADER,
		          (unsigned long long)f->arena->addr);
		find_lost(w, f->arena, f->list, f->safe);
		return false;
	}
	list_release(w, &b, FREE_FASTBIN);
	f->before = f->at;
	f->at = next;
	if (next)
		list_fetch(w->heap, next);
	return next != 0;
}

static void follow_in_turn(struct walk *w)
{
	struct fast_walk f[LISTS_AT_ONCE];
	uint64_t counter = 0;
	size_t n = 0;

	while (n < LISTS_AT_ONCE && next_fast(w, &counter, &f[n]))
		n++;
	while (n) {
		for (size_t i = 0; i < n;) {
			if (step_fast(w, &f[i]) || next_fast(w, &counter, &f[i]))
				i++;
			else
				f[i] = f[--n];
		}
	}
}

/*
 * All lists of a heap, followed by several threads. They change nothing: what they find is taken
 * over if all of it is in order, else the lists are followed in turn.
 */
struct fast_crew {
	const struct walk *w;
	ARRAY(struct fast_walk) lists;
	uint64_t *found;     /* bit by id */
	struct tally *tally; /* by list */
	bool odd;            /* something is out of order */
};

/* One chunk further. False: the list is at its end, or odd. */
static bool step_sound(struct fast_crew *k, size_t list)
{
	struct fast_walk *f = &k->lists.v[list];
	const struct walk *w = k->w;
	struct block b;
	uint64_t bit;

	if (!fast_fits(w->heap, f->list, f->at, &b) || b.state != BLOCK_USED ||
	    b.span->kind == SPAN_MMAP || &w->heap->arena[b.span->arena] != f->arena ||
	    !fast_next(w->heap, w->core, f->at, f->safe, &f->at)) {
		__atomic_store_n(&k->odd, true, __ATOMIC_RELAXED);
		return false;
	}
	bit = UINT64_C(1) << (b.id & 63);
	if (__atomic_fetch_or(&k->found[b.id >> 6], bit, __ATOMIC_RELAXED) & bit) {
		__atomic_store_n(&k->odd, true, __ATOMIC_RELAXED);
		return false;
	}
	k->tally[list].blocks++;
	k->tally[list].bytes += b.size;
	if (f->at)
		list_fetch(w->heap, f->at);
	return f->at && !__atomic_load_n(&k->odd, __ATOMIC_RELAXED);
}

static void follow_share(void *crew, size_t first, size_t end)
{
	struct fast_crew *k = crew;
	size_t list[LISTS_AT_ONCE], n = 0;

	for (; first < end && n < LISTS_AT_ONCE; first++)
		list[n++] = first;
	while (n) {
		for (size_t i = 0; i < n;) {
			if (step_sound(k, list[i]))
				i++;
			else if (first < end)
				list[i++] = first++;
			else
				list[i] = list[--n];
		}
	}
}

static void take_over(struct walk *w, const struct fast_crew *k)
{
	for (size_t i = 0; i < ((size_t)w->heap->nchunks + 63) / 64; i++)
		if (k->found[i])
			w->heap->used[i] &= ~k->found[i];
	for (size_t i = 0; i < k->lists.n; i++) {
		const struct tally *t = &k->tally[i];
		struct arena *a = &w->heap->arena[k->lists.v[i].arena - w->heap->arena];

		a->used.blocks -= t->blocks;
		a->used.bytes -= t->bytes;
		a->free[FREE_FASTBIN].blocks += t->blocks;
		a->free[FREE_FASTBIN].bytes += t->bytes;
	}
}

/* False: something is out of order. */
static bool follow_together(struct walk *w, unsigned threads)
{
	struct fast_crew k = { .w = w };
	struct fast_walk f;
	uint64_t counter = 0;
	bool sound = true;

	while (next_fast(w, &counter, &f)) {
		sound &= !is_unsaved(w, f.at);
		array_push(&k.lists, f);
	}
	k.found = mem_lazy(w->heap->bits_bytes);
	k.tally = mem_alloc(k.lists.n, sizeof(*k.tally));
	if (sound)
		crew_share(threads, k.lists.n, (k.lists.n + threads - 1) / threads, follow_share,
		           &k);
	sound &= !k.odd;
	if (sound)
		take_over(w, &k);
	mem_free(k.tally);
	mem_lazy_free(k.found, w->heap->bits_bytes);
	array_free(&k.lists);
	return sound;
}

void fastbins_find(struct walk *w, unsigned threads)
{
	if (threads < 2 || w->heap->nchunks < WORTH || !follow_together(w, threads))
		follow_in_turn(w);
}

bool fastbin_has(const struct heap *h, const struct core *core, const struct arena *a,
                 const struct block *b, unsigned *list)
{
	const struct state_layout *l = list_layout(h, a);
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
		if (!fast_next(h, core, at, fast_is_safe(h, core, a, (unsigned)i, first), &at))
			break;
	}
	return false;
}
