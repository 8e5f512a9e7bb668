#include "formats/written.h"
#include "heapwalk/links.h"
#include "heapwalk/pthread.h"
#include "heapwalk/plan.h"
#include "heapwalk/walk.h"

#include <stdlib.h>

#define DAMAGE_STEPS (UINT64_C(1) << 27) /* nothing takes for ever */

/* ---- building ---- */

static int by_start(const void *a, const void *b)
{
	const struct region *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Upper bounds size the bitmaps and the cells; untouched pages of them cost nothing. */
static void make_index(struct walk *w)
{
	uint64_t chunks = 64, cells = 1;

	for (size_t i = 0; i < w->regions.n; i++) {
		const struct region *r = &w->regions.v[i];
		uint64_t bytes = r->limit - r->start;

		chunks += r->kind == SPAN_MMAP ? 1 : bytes / chunk_min(w->word) + 2;
		/* where a region breaks into several spans, each may need one cell more */
		cells += r->kind == SPAN_MMAP
		                 ? split_cells(r, w->align)
		                 : bytes / (32 * w->align) + 2 + split_cells(r, w->align);
	}
	w->heap->cell_bytes = cells * sizeof(struct cell);
	w->heap->cell = mem_lazy(w->heap->cell_bytes);
	w->heap->bits_bytes = round_up(chunks, 64) / 8;
	w->heap->used = mem_lazy(w->heap->bits_bytes);
	w->heap->internal = mem_lazy(w->heap->bits_bytes);
}

static void number_cells(struct heap *h)
{
	if (h->visited) /* they have their numbers */
		return;
	h->ncells = 0;
	for (size_t i = 0; i < h->nspans; i++) {
		h->span[i].first_cell = h->ncells;
		h->ncells += h->span[i].cell ? h->span[i].ncells : 1;
	}
}

static void sum_up(struct heap *h)
{
	for (size_t i = 0; i < h->narenas; i++) {
		const struct arena *a = &h->arena[i];

		h->total[BLOCK_USED].blocks += a->used.blocks;
		h->total[BLOCK_USED].bytes += a->used.bytes;
		h->total[BLOCK_INTERNAL].blocks += a->internal.blocks;
		h->total[BLOCK_INTERNAL].bytes += a->internal.bytes;
		for (int p = 0; p < FREE_PLACES; p++) {
			h->total[BLOCK_FREE].blocks += a->free[p].blocks;
			h->total[BLOCK_FREE].bytes += a->free[p].bytes;
		}
	}
	h->total[BLOCK_USED].blocks += h->mmapped.blocks;
	h->total[BLOCK_USED].bytes += h->mmapped.bytes;
	for (size_t i = 0; i < h->nspans; i++) {
		if (h->span[i].kind == SPAN_ARENA && h->span[i].start > h->span[i].own_start) {
			h->total[BLOCK_INTERNAL].blocks++;
			h->total[BLOCK_INTERNAL].bytes += h->span[i].start - h->span[i].own_start;
			h->arena[h->span[i].arena].internal.blocks++;
			h->arena[h->span[i].arena].internal.bytes += h->span[i].start -
			                                             h->span[i].own_start;
		}
	}
}

/*
 * With memory tags malloc gives no block the word in the next chunk's header. It maps its memory
 * for them then, and never uses brk (malloc.c, 2.33 on): a core with the tags tells by the
 * mappings.
 */
static uint8_t bytes_apart(const struct walk *w)
{
	bool any = false;

	for (size_t i = 0; i < w->regions.n; i++) {
		const struct segment *s = core_segment(w->core, w->regions.v[i].start);

		if (!s || !(s->flags & SEG_TAGGED))
			return 0;
		any = true;
	}
	return any ? (uint8_t)w->word : 0;
}

/* The walk has counted them as usable. */
static void take_apart(const struct walk *w, struct arena *a)
{
	struct tally *t[] = { &a->used, &a->free[FREE_UNLISTED], &a->free[FREE_TOP] };

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		t[i]->bytes -= t[i]->bytes < w->apart * t[i]->blocks ? t[i]->bytes
		                                                     : w->apart * t[i]->blocks;
	if (a->largest_free)
		a->largest_free -= w->apart;
}

static void hand_over(struct walk *w)
{
	struct heap *h = w->heap;

	h->span = w->spans.v;
	h->nspans = w->spans.n;
	h->arena = w->arenas.v;
	h->narenas = w->arenas.n;
	h->instance = w->instances.v;
	h->ninstances = w->instances.n;
	h->nchunks = w->next_id;
	h->gap = w->gaps.v;
	h->ngaps = w->gaps.n;
	h->inferred = w->inferred.v;
	h->ninferred = w->inferred.n;
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void keep_cached(struct walk *w)
{
	if (w->cached.n)
		qsort(w->cached.v, w->cached.n, sizeof(*w->cached.v), by_id);
	w->heap->cached = w->cached.v;
	w->heap->ncached = w->cached.n;
}

void heap_walk(const struct core *core, struct heap_want want, struct heap **out)
{
	struct walk w = { .core = core,
		          .word = core->machine->word,
		          .align = 16,
		          .known = want.known,
		          .heap = mem_alloc(1, sizeof(struct heap)),
		          .view = { .core = core },
		          .budget = DAMAGE_STEPS };

	pthreads_find(core, &w.heap->tp, &w.heap->pthread);
	instances_find(&w);
	if (w.instances.n)
		w.align = state_align(w.instances.v[0].state);
	lost_find(&w);
	w.heap->align = w.align;
	w.heap->scarce = core->scarce ? core : NULL;
	regions_find(&w);
	w.apart = bytes_apart(&w);
	mmapped_find(&w);
	if (w.regions.n)
		qsort(w.regions.v, w.regions.n, sizeof(*w.regions.v), by_start);
	regions_bound(&w);
	make_index(&w);
	tcache_expect(&w);
	w.ahead = ahead_open(core, want.threads);
	chunks_walk(&w, want.threads, want.visitor);
	for (size_t i = 0; w.apart && i < w.arenas.n; i++)
		take_apart(&w, &w.arenas.v[i]);
	ahead_close(w.ahead);
	hand_over(&w);
	number_cells(w.heap);
	span_slots_make(w.heap);
	tcaches_find(&w);
	thread_arenas_find(&w);
	w.heap->parked = w.parked.v;
	w.heap->nparked = w.parked.n;
	fastbins_find(&w, want.threads);
	w.heap->nparked = 0;
	array_free(&w.parked);
	w.heap->parked = NULL;
	w.heap->listed = want.lists || !links_whole(&w);
	if (w.heap->listed)
		bins_find(&w);
	w.heap->damage_steps = DAMAGE_STEPS - w.budget;
	sums_verify(&w);
	lost_finish(&w);
	damage_finish(&w);
	sum_up(w.heap);
	layout_name(&w);
	owned_list(&w);
	keep_cached(&w);
	w.heap->tcache = w.tcaches.v;
	w.heap->ntcaches = w.tcaches.n;
	w.heap->finding = w.findings.v;
	w.heap->nfindings = w.findings.n;
	array_free(&w.regions);
	array_free(&w.candidates);
	*out = w.heap;
}

void heap_free(struct heap *heap)
{
	if (!heap)
		return;
	mem_lazy_free(heap->cell, heap->cell_bytes);
	mem_free(heap->span);
	mem_free(heap->arena);
	mem_free(heap->instance);
	mem_free(heap->tcache);
	mem_free(heap->cached);
	mem_free(heap->tp);
	mem_free(heap->pthread);
	mem_free(heap->thread_arena);
	mem_free(heap->owned);
	mem_free(heap->gap);
	mem_free(heap->inferred);
	mem_free(heap->finding);
	mem_lazy_free(heap->used, heap->bits_bytes);
	mem_lazy_free(heap->internal, heap->bits_bytes);
	span_slots_free(heap);
	pool_free(&heap->pool);
	mem_free(heap);
}

/* ---- asking ---- */

const struct span *heap_span_search(const struct heap *heap, vaddr at)
{
	size_t lo = 0, hi = heap->nspans;

	if (at >> HEAP_SLOT_BITS == 0) {
		size_t most = (size_t)1 << (HEAP_SLOT_SHIFT - 5); /* spans in one slot */

		lo = heap->slot[at >> HEAP_SLOT_SHIFT];
		if (hi - lo > most)
			hi = lo + most;
	}
	lo = first_where(i, lo, hi, heap->span[i].end > at);
	return lo < heap->nspans && heap->span[lo].start <= at ? &heap->span[lo] : NULL;
}

static enum block_state state_of(const struct heap *heap, uint32_t id)
{
	if (bit_get(heap->used, id))
		return BLOCK_USED;
	return bit_get(heap->internal, id) ? BLOCK_INTERNAL : BLOCK_FREE;
}

/* Chunks of a span follow each other without a gap: where the next one starts tells the size. None
 * is smaller than 16 bytes. */
static uint64_t usable_at(const struct span *s, vaddr chunk)
{
	return s->kind == SPAN_MMAP ? s->usable
	                            : span_usable(s, span_next(s, chunk + CHUNK_HEADER) - chunk);
}

bool heap_find(const struct heap *heap, vaddr v, struct block *b)
{

	const struct span *s = v >= CHUNK_HEADER ? heap_span(heap, v - CHUNK_HEADER) : NULL;
	vaddr chunk;

	if (!s || !span_find(s, v, &chunk, &b->id))
		return false;
	b->addr = chunk + CHUNK_HEADER;
	b->size = usable_at(s, chunk);
	b->state = state_of(heap, b->id);
	b->span = s;
	return true;
}

bool heap_inferred(const struct heap *heap, vaddr chunk)
{
	size_t lo = first_behind(heap->inferred, heap->ninferred, end, chunk);

	return lo < heap->ninferred && heap->inferred[lo].start == chunk;
}

const struct owned *heap_owner(const struct heap *heap, vaddr at)
{
	size_t lo = first_behind(heap->owned, heap->nowned, end, at);

	return lo < heap->nowned && heap->owned[lo].start <= at ? &heap->owned[lo] : NULL;
}

static bool header_block(const struct heap *heap, const struct span *s, struct block *b)
{
	(void)heap;
	if (s->kind != SPAN_ARENA || s->start <= s->own_start)
		return false;
	*b = (struct block){ .addr = s->own_start,
		             .size = s->start - s->own_start,
		             .id = UINT32_MAX,
		             .state = BLOCK_INTERNAL,
		             .span = s };
	return true;
}

bool heap_next(const struct heap *heap, struct heap_iter *it, struct block *b)
{
	while (it->span < heap->nspans) {
		const struct span *s = &heap->span[it->span];

		if (!it->inside) {
			it->inside = true;
			it->at = s->start;
			it->id = s->first_id;
			if (header_block(heap, s, b))
				return true;
		}
		if (it->at < s->end && it->id < s->first_id + s->nchunks) {
			vaddr next;

			b->addr = it->at + CHUNK_HEADER;
			next = s->kind == SPAN_MMAP ? s->end : span_next(s, it->at + CHUNK_HEADER);
			b->size = s->kind == SPAN_MMAP ? s->usable : span_usable(s, next - it->at);
			b->id = it->id++;
			b->state = state_of(heap, b->id);
			b->span = s;
			it->at = next;
			return true;
		}
		it->span++;
		it->inside = false;
	}
	return false;
}

/* The first id at or after this one whose bit is set; heap.nchunks if there is none. */
static uint32_t next_set(const struct heap *heap, const uint64_t *bits, uint32_t id)
{
	size_t word = id >> 6, words = ((size_t)heap->nchunks + 63) / 64;
	uint64_t v;

	if (id >= heap->nchunks)
		return heap->nchunks;
	v = bits[word] & (UINT64_MAX << (id & 63));
	while (!v) {
		if (++word >= words)
			return heap->nchunks;
		v = bits[word];
	}
	id = (uint32_t)(word << 6) + (uint32_t)__builtin_ctzll(v);
	return id < heap->nchunks ? id : heap->nchunks;
}

#define WANTED      4096 /* cells whose blocks are read from disk ahead */
#define WANTED_GAP  32   /* cells that are read with others rather than left out */
#define LOOK_AHEAD  4    /* cells, of 1 KiB each where blocks are aligned to 16 bytes */
#define FIRST_WORDS 56   /* bytes of a block that are worth another line */

/* The cell in which the chunk with this rank starts: at or after `from`, and often near. */
static size_t cell_of(const struct span *s, uint32_t rank, size_t from)
{
	size_t lo = from, hi = s->ncells;

	for (size_t step = 1; lo + step < hi; step *= 2) {
		if (s->cell[lo + step].rank > rank)
			hi = lo + step;
		else
			lo += step;
	}
	return first_where(i, lo + 1, hi, s->cell[i].rank > rank) - 1;
}

/* The chunk with this rank, which starts in this cell. */
static vaddr chunk_in(const struct span *s, size_t cell, uint32_t rank)
{
	uint64_t bits = cell_bits(&s->cell[cell]);

	for (uint32_t n = rank - s->cell[cell].rank; n && bits; n--)
		bits &= bits - 1;
	return cell_chunk(s, cell, (unsigned)__builtin_ctzll(bits | UINT64_C(1) << 63));
}

const struct span *heap_span_of(const struct heap *heap, uint32_t id)
{
	size_t behind = first_behind(heap->span, heap->nspans, first_id, id);
	const struct span *s = behind ? &heap->span[behind - 1] : NULL;

	return s && id - s->first_id < s->nchunks ? s : NULL;
}

bool heap_by_id(const struct heap *heap, uint32_t id, struct block *b)
{
	const struct span *s = heap_span_of(heap, id);
	vaddr chunk;

	if (!s)
		return false;
	chunk = s->cell ? chunk_in(s, cell_of(s, id - s->first_id, 0), id - s->first_id) : s->start;
	return heap_find(heap, chunk + CHUNK_HEADER, b);
}

/* Is one of these n bits (<= 64) set? */
static bool any_set(const uint64_t *bits, uint32_t id, uint32_t n)
{
	unsigned shift = id & 63;
	uint64_t some = n ? bits[id >> 6] >> shift : 0;

	if (shift + n > 64)
		some |= bits[(id >> 6) + 1] << (64 - shift);
	return n < 64 ? some & ((UINT64_C(1) << n) - 1) : some != 0;
}

/* Asks for the blocks that come next, where they have to be read from disk. */
static void want_ahead(const struct heap *h, const struct span *s, const uint64_t *bits,
                       struct heap_iter *it)
{
	size_t end = s->ncells - it->cell > WANTED ? it->cell + WANTED : s->ncells;
	size_t first = SIZE_MAX, last = 0, c = it->ahead > it->cell ? it->ahead : it->cell;

	if (c + WANTED / 2 > it->cell + WANTED && end < s->ncells)
		return; /* enough is on its way */
	for (it->ahead = end; c <= end; c++) {
		uint32_t id = c < end ? s->first_id + s->cell[c].rank : 0;
		uint32_t n = c < end ? bit_count(cell_bits(&s->cell[c])) : 0;

		if (any_set(bits, id, n)) {
			first = first == SIZE_MAX ? c : first;
			last = c;
		} else if (first != SIZE_MAX && (c == end || c - last > WANTED_GAP)) {
			core_will_want(h->scarce, s->start + first * span_cell(s),
			               s->start + (last + 2) * span_cell(s));
			first = SIZE_MAX;
		}
	}
}

/* Fetches the beginnings of the blocks that come next: processors do so within a page at most. */
static void look_ahead(const struct span *s, const uint64_t *bits, struct heap_iter *it)
{
	size_t end = s->ncells - it->cell > LOOK_AHEAD ? it->cell + LOOK_AHEAD : s->ncells;

	for (it->ahead = it->ahead > it->cell ? it->ahead : it->cell + 1; it->ahead < end;
	     it->ahead++) {
		uint32_t id = s->first_id + s->cell[it->ahead].rank;
		uint64_t starts = cell_bits(&s->cell[it->ahead]);

		for (; starts; starts &= starts - 1, id++) {
			unsigned bit = (unsigned)__builtin_ctzll(starts);

			const uint8_t *p = s->mem + CHUNK_HEADER +
			                   (cell_chunk(s, it->ahead, bit) - s->start);

			if (bit_get(bits, id)) {
				__builtin_prefetch(p);
				__builtin_prefetch(p + FIRST_WORDS);
			}
		}
	}
}

bool heap_next_set(const struct heap *heap, const uint64_t *bits, struct heap_iter *it,
                   struct block *b)
{
	uint32_t id = next_set(heap, bits, it->id);
	const struct span *s;
	vaddr chunk;

	if (id >= heap->nchunks)
		return false;
	while (it->span < heap->nspans &&
	       id - heap->span[it->span].first_id >= heap->span[it->span].nchunks) {
		it->span++;
		it->cell = it->ahead = 0;
		it->at = 0;
	}
	if (it->span >= heap->nspans)
		return false;
	s = &heap->span[it->span];
	chunk = s->start;
	if (s->cell && id == it->id && it->at) { /* right behind the last one */
		chunk = it->at;
		it->cell = (size_t)((chunk - s->start) / span_cell(s));
	} else if (s->cell) {
		it->cell = cell_of(s, id - s->first_id, it->cell);
		chunk = chunk_in(s, it->cell, id - s->first_id);
	}
	if (it->look && s->cell && heap->scarce)
		want_ahead(heap, s, bits, it);
	else if (it->look && s->cell && s->mem)
		look_ahead(s, bits, it);
	it->at = s->kind == SPAN_MMAP ? 0 : span_next(s, chunk + CHUNK_HEADER);
	b->addr = chunk + CHUNK_HEADER;
	b->size = it->at ? span_usable(s, it->at - chunk) : s->usable;
	b->id = id;
	b->state = state_of(heap, id);
	b->span = s;
	it->id = id + 1;
	return true;
}
