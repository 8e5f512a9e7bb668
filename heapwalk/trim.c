/*
 * A bit by id says which chunks are held: used, malloc's own, or in a tcache. What is not is in
 * bins, in fastbins or top; chunks of such ids in a row are one after malloc_consolidate. Single
 * ones are of interest only where whole pages lie in them, and those the index tells (broad.h).
 */
#include "heapwalk/trim.h"
#include "heapwalk/broad.h"
#include "heapwalk/layout.h"

#include <stdlib.h>

struct trimmer {
	const struct core *core;
	const struct heap *heap;
	uint64_t *held; /* bit by id */
	unsigned word;
	ARRAY(struct trim_run) runs;
	ARRAY(struct trim_pin) pins;
};

/* ---- chunks by id ---- */

/* Addresses of chunks of one span, asked for in rising order. */
struct cursor {
	const struct span *span;
	size_t cell;
};

/* Where the chunk of this id starts; the span's end for the one behind the last. */
static vaddr chunk_of(struct cursor *c, uint32_t id)
{
	const struct span *s = c->span;
	uint32_t n = id - s->first_id;
	uint64_t bits;

	if (n >= s->nchunks)
		return s->end;
	while (c->cell + 1 < s->ncells && s->cell[c->cell + 1].rank <= n)
		c->cell++;
	bits = cell_bits(&s->cell[c->cell]);
	for (n -= s->cell[c->cell].rank; n && bits; n--)
		bits &= bits - 1;
	return bits ? cell_chunk(s, c->cell, (unsigned)__builtin_ctzll(bits)) : s->end;
}

/* The first id from `id` on below end whose bit is set (or is not); end if there is none. */
static uint32_t next_bit(const uint64_t *bits, uint32_t id, uint32_t end, bool set)
{
	while (id < end) {
		uint64_t v = (set ? bits[id >> 6] : ~bits[id >> 6]) >> (id & 63);

		if (v) {
			id += (uint32_t)__builtin_ctzll(v);
			return id < end ? id : end;
		}
		id = (id | 63) + 1;
	}
	return end;
}

/* The first id from `id` on whose bit is clear, as is the next below end; end if there is none. */
static uint32_t next_two(const uint64_t *bits, uint32_t id, uint32_t end)
{
	while (id + 1 < end && id < end) {
		uint64_t clear = ~bits[id >> 6], v = clear & clear >> 1;

		if ((id | 63) + 1 < end)
			v |= clear & ~bits[(id >> 6) + 1] << 63;
		v >>= id & 63;
		if (v) {
			id += (uint32_t)__builtin_ctzll(v);
			return id + 1 < end ? id : end;
		}
		id = (id | 63) + 1;
	}
	return end;
}

static void find_held(struct trimmer *t)
{
	const struct heap *h = t->heap;
	uint64_t words = ((uint64_t)h->nchunks + 63) / 64;

	t->held = mem_lazy(h->bits_bytes);
	for (uint64_t i = 0; i < words; i++)
		t->held[i] = h->used[i] | h->internal[i];
	for (size_t i = 0; i < h->ncached; i++)
		bit_set(t->held, h->cached[i]);
}

/* ---- what is returned ---- */

/* The tunable glibc.malloc.hugetlb=1 (2.35 on): mp_.thp_pagesize, in front of hp_pagesize. */
static uint64_t top_page(const struct trimmer *t, const struct arena *a)
{
	const struct instance *in = &t->heap->instance[a->instance];
	uint64_t size = 0;

	if (in->par && in->parl && in->parl->hp_pagesize >= (int)t->word)
		core_read_word(t->core, in->par + (uint64_t)in->parl->hp_pagesize - t->word, &size);
	if (size < t->core->page_size || size & (size - 1))
		size = t->core->page_size;
	return size;
}

/* Does brk end where this region does? The kernel rounds its mapping up to a page. */
static bool is_at_brk(const struct trimmer *t, const struct span *s, vaddr end)
{
	const struct segment *seg = s->kind == SPAN_BRK ? core_segment(t->core, end - 1) : NULL;

	return seg && seg->end == round_up(end, t->core->page_size);
}

static void add_run(struct trimmer *t, const struct span *s, vaddr start, vaddr end, bool top)
{
	struct trim_run run = { .start = start, .end = end, .arena = s->arena, .top = top };

	if (start >= end)
		return;
	run.resident = core_resident(t->core, start, end);
	array_push(&t->runs, run);
}

static void add_top(struct trimmer *t, const struct span *s, vaddr start, vaddr end)
{
	const struct arena *a = &t->heap->arena[s->arena];
	uint64_t spare = chunk_min(t->word) + 1, size = end - start;
	vaddr brk = end + chunk_lead(t->word);

	if (!a->main || size <= spare || !is_at_brk(t, s, brk))
		return;
	add_run(t, s, brk - round_down(size - spare, top_page(t, a)), brk, true);
}

/* One free chunk, as it is after consolidation. */
static void add_free(struct trimmer *t, const struct span *s, vaddr start, vaddr end)
{
	const struct arena *a = &t->heap->arena[s->arena];
	uint64_t page = t->core->page_size;
	vaddr p = start + chunk_lead(t->word), last = end + chunk_lead(t->word);
	vaddr from = round_up(p + 6 * t->word, page);

	if (a->instance) /* another libc's, with a malloc_trim of its own */
		return;
	if (a->top >= start && a->top < end)
		add_top(t, s, start, end);
	else if (from < last)
		add_run(t, s, from, from + round_down(last - from, page), false);
}

static void add_joined(struct trimmer *t, const struct span *s)
{
	struct cursor at = { .span = s };
	uint32_t end = s->first_id + s->nchunks;

	for (uint32_t from, id = s->first_id; (from = next_two(t->held, id, end)) < end;) {
		vaddr start = chunk_of(&at, from);

		id = next_bit(t->held, from, end, true);
		add_free(t, s, start, chunk_of(&at, id));
	}
}

/* A free chunk whose neighbours are not. */
static bool is_single(const struct trimmer *t, const struct span *s, uint32_t id)
{
	if (bit_get(t->held, id))
		return false;
	if (id > s->first_id && !bit_get(t->held, id - 1))
		return false;
	return id + 1 >= s->first_id + s->nchunks || bit_get(t->held, id + 1);
}

static void add_single(struct trimmer *t, const struct span *s)
{
	struct broad b;

	for (size_t at = 0; broad_next(s, &at, &b);)
		if (is_single(t, s, b.id))
			add_free(t, s, b.chunk, b.end);
}

/* ---- what is in the way ---- */

/* The last id before end whose bit is set (or is not); first - 1 if there is none. */
static uint32_t last_bit(const uint64_t *bits, uint32_t first, uint32_t end, bool set)
{
	while (end-- > first)
		if (bit_get(bits, end) == set)
			break;
	return end;
}

static uint32_t count_used(const struct heap *h, uint32_t from, uint32_t end)
{
	uint32_t n = 0;

	for (uint32_t id = from; id < end;) {
		uint32_t first = next_bit(h->used, id, end, true);

		id = next_bit(h->used, first, end, false);
		n += id - first;
	}
	return n;
}

static void add_pin(struct trimmer *t, const struct span *s)
{
	uint32_t end = s->first_id + s->nchunks, id = last_bit(t->held, s->first_id, end, true);
	struct trim_pin pin = { .span = s, .used = count_used(t->heap, s->first_id, end) };

	if (id >= s->first_id && id < end) {
		struct cursor at = { .span = s };
		uint32_t front = last_bit(t->held, s->first_id, id, true) + 1;
		vaddr run = chunk_of(&at, front), chunk = chunk_of(&at, id);

		heap_find(t->heap, chunk + CHUNK_HEADER, &pin.block);
		pin.cached = pin.block.state == BLOCK_FREE;
		pin.below = chunk - run;
		pin.above = s->end - chunk_of(&at, id + 1);
	} else {
		pin.above = s->end - s->start;
	}
	array_push(&t->pins, pin);
}

/* ---- all ---- */

static int by_start(const void *a, const void *b)
{
	const struct trim_run *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

void trims_find(const struct core *core, const struct heap *heap, struct trims *out)
{
	struct trimmer t = { .core = core, .heap = heap, .word = core->machine->word };

	*out = (struct trims){ .of_arena = mem_alloc(heap->narenas + 1, sizeof(*out->of_arena)) };
	find_held(&t);
	for (size_t i = 0; i < heap->nspans; i++) {
		const struct span *s = &heap->span[i];

		if (s->kind == SPAN_MMAP || !s->nchunks)
			continue;
		add_joined(&t, s);
		add_single(&t, s);
		add_pin(&t, s);
	}
	mem_lazy_free(t.held, heap->bits_bytes);
	if (t.runs.n)
		qsort(t.runs.v, t.runs.n, sizeof(*t.runs.v), by_start);
	for (size_t i = 0; i < t.runs.n; i++) {
		out->resident += t.runs.v[i].resident;
		out->whole += t.runs.v[i].end - t.runs.v[i].start;
		out->of_arena[t.runs.v[i].arena] += t.runs.v[i].resident;
	}
	out->run = t.runs.v;
	out->nruns = t.runs.n;
	out->pin = t.pins.v;
	out->npins = t.pins.n;
}

void trims_free(struct trims *trims)
{
	mem_free(trims->run);
	mem_free(trims->pin);
	mem_free(trims->of_arena);
	*trims = (struct trims){ 0 };
}
