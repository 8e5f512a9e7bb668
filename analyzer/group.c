/*
 * Folding is a hash table by (verdict, type, size). What heads hold is found by following, from
 * each head in address order, every word that points into an indirect block not yet counted. The
 * list of blocks to look at is bounded: what does not fit is left unlooked-at and found again by a
 * pass over the heap, so a long chain and a wide tree both cost little memory.
 */
#include "analyzer/group.h"

#include <stdlib.h>

#define PENDING_MAX 65536
#define HEADS       16  /* looked at together */
#define FETCH       256 /* bytes of a block that are fetched ahead */

struct fold {
	struct group *slot; /* own.blocks == 0: empty */
	size_t nslots;      /* a power of two */
	size_t n;
	const struct types *types; /* NULL: no type is known */
	struct group *last;        /* runs of blocks of one size are common */
};

static size_t slot_of(const struct fold *f, enum reach_class reach, uint32_t label, uint64_t size)
{
	uint64_t h = (size ^ (uint64_t)reach << 60 ^ (uint64_t)label << 40) *
	             UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(h >> 32) & (f->nslots - 1);

	while (f->slot[i].own.blocks &&
	       (f->slot[i].size != size || f->slot[i].reach != reach || f->slot[i].label != label))
		i = (i + 1) & (f->nslots - 1);
	return i;
}

static void grow(struct fold *f)
{
	struct fold bigger = { .nslots = f->nslots ? f->nslots * 2 : 256,
		               .n = f->n,
		               .types = f->types };

	bigger.slot = mem_alloc(bigger.nslots, sizeof(*bigger.slot));
	for (size_t i = 0; i < f->nslots; i++) {
		const struct group *g = &f->slot[i];

		if (g->own.blocks)
			bigger.slot[slot_of(&bigger, g->reach, g->label, g->size)] = *g;
	}
	mem_free(f->slot);
	*f = bigger;
}

static void fold_block(struct fold *f, enum reach_class reach, const struct block *b)
{
	uint32_t label = f->types ? types_label(f->types, b->id) : 0;
	struct group *g = f->last;

	if (!g || g->size != b->size || g->reach != reach || g->label != label) {
		if (f->n * 2 >= f->nslots)
			grow(f);
		g = &f->slot[slot_of(f, reach, label, b->size)];
		if (!g->own.blocks) {
			*g = (struct group){
				.reach = reach, .size = b->size, .label = label, .example = b->addr
			};
			if (label)
				g->type = types_by_label(f->types, label);
			f->n++;
		}
		f->last = g;
	}
	g->own.blocks++;
	g->own.bytes += b->size;
}

/* Walks what heads hold. */
struct holding {
	const struct core *core;
	const struct heap *heap;
	const struct reach *reach;
	uint64_t *counted;   /* bit by id: indirect blocks that are counted for some head */
	uint64_t *looked_at; /* bit by id: counted ones whose words were followed */
	struct block *pending;
	size_t npending;
	vaddr lost_from;       /* lowest address of those that did not fit there; 0: none */
	vaddr lowest, highest; /* of the heap: most words point elsewhere */
	struct tally *held;    /* of the head that is being followed */
};

/* Asks for what is looked at first of a block. */
static inline __attribute__((always_inline)) void fetch(const struct block *b)
{
	const uint8_t *p = b->span->mem;

	for (uint64_t i = 0; p && i < b->size && i < FETCH; i += 64)
		__builtin_prefetch(p + (b->addr - b->span->start) + i);
}

static void count_block(struct holding *h, const struct block *b)
{
	fetch(b);
	bit_set(h->counted, b->id);
	h->held->blocks++;
	h->held->bytes += b->size;
	if (h->npending < PENDING_MAX)
		h->pending[h->npending++] = *b;
	else if (!h->lost_from || b->addr < h->lost_from)
		h->lost_from = b->addr;
}

static void follow_word(struct holding *h, vaddr word)
{
	struct block b;

	word = core_pointer(h->core, word);
	if (word < h->lowest || word >= h->highest || !heap_find(h->heap, word, &b) ||
	    b.state != BLOCK_USED || b.id >= h->heap->nchunks ||
	    reach_of(h->reach, b.id) != REACH_INDIRECT || bit_get(h->counted, b.id))
		return;
	count_block(h, &b);
}

static void follow_block(struct holding *h, const struct block *b)
{
	unsigned word = h->core->machine->word;
	vaddr at = b->addr, end = b->addr + b->size;

	while (at < end && end - at >= word) {
		uint64_t n;
		const uint8_t *mem = core_bytes(h->core, at, &n);

		if (!mem) { /* not saved: go on at the next page */
			at = round_down(at, h->core->page_size) + h->core->page_size;
			continue;
		}
		if (n > end - at)
			n = end - at;
		for (uint64_t i = 0; i + word <= n; i += word)
			follow_word(h, load_word(mem + i, word));
		at += n < word ? word : round_down(n, word);
	}
}

static void follow_pending(struct holding *h)
{
	while (h->npending > 0) {
		struct block b = h->pending[--h->npending];

		bit_set(h->looked_at, b.id);
		follow_block(h, &b);
	}
}

/* Blocks that did not fit into pending: found by a pass over the heap, as often as it takes. */
static void follow_lost(struct holding *h)
{
	while (h->lost_from) {
		vaddr from = h->lost_from;
		struct heap_iter it = { 0 };
		struct block b;

		h->lost_from = 0;
		while (heap_next(h->heap, &it, &b)) {
			if (b.addr < from || b.id >= h->heap->nchunks ||
			    !bit_get(h->counted, b.id) || bit_get(h->looked_at, b.id))
				continue;
			bit_set(h->looked_at, b.id);
			follow_block(h, &b);
			follow_pending(h);
		}
	}
}

static void follow_head(struct holding *h, struct fold *f, const struct block *b)
{
	uint32_t label = f->types ? types_label(f->types, b->id) : 0;

	h->held = &f->slot[slot_of(f, REACH_DEFINITE, label, b->size)].held;
	follow_block(h, b);
	follow_pending(h);
	follow_lost(h);
}

static void follow_heads(struct holding *h, struct fold *f)
{
	uint64_t *bits = reach_bits(h->reach, 1u << REACH_DEFINITE);
	struct heap_iter it = { 0 };
	struct block b[HEADS];
	bool more = true;

	while (more) {
		size_t n = 0;

		for (; n < HEADS && (more = heap_next_set(h->heap, bits, &it, &b[n])); n++)
			fetch(&b[n]);
		for (size_t i = 0; i < n; i++)
			follow_head(h, f, &b[i]);
	}
	mem_lazy_free(bits, h->heap->bits_bytes);
}

static void hold(const struct core *core, const struct heap *heap, const struct reach *reach,
                 struct fold *f)
{
	struct holding h = { .core = core, .heap = heap, .reach = reach };
	size_t bytes = ((size_t)heap->nchunks + 63) / 64 * 8;

	h.counted = mem_lazy(bytes);
	h.looked_at = mem_lazy(bytes);
	h.pending = mem_alloc(PENDING_MAX, sizeof(*h.pending));
	h.lowest = heap->span[0].start;
	for (size_t i = 0; i < heap->nspans; i++) {
		if (heap->span[i].own_end > h.highest)
			h.highest = heap->span[i].own_end;
	}
	follow_heads(&h, f);
	mem_free(h.pending);
	mem_lazy_free(h.looked_at, bytes);
	mem_lazy_free(h.counted, bytes);
}

static int by_reach_size_type(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->reach != y->reach)
		return x->reach > y->reach ? -1 : 1; /* definite is the highest */
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	if (!x->type || !y->type)
		return !x->type ? -(y->type != NULL) : 1;
	if (strcmp(x->type->name, y->type->name))
		return strcmp(x->type->name, y->type->name);
	return x->example < y->example ? -1 : x->example > y->example;
}

static void fold_blocks(const struct heap *heap, const struct reach *reach, unsigned classes,
                        struct fold *f)
{
	uint64_t *bits = reach_bits(reach, classes);
	struct heap_iter it = { 0 };
	struct block b;

	grow(f);
	while (heap_next_set(heap, bits, &it, &b))
		fold_block(f, reach_of(reach, b.id), &b);
	f->last = NULL;
	mem_lazy_free(bits, heap->bits_bytes);
}

void groups_make(const struct core *core, const struct heap *heap, const struct reach *reach,
                 const struct types *types, unsigned classes, struct groups *out)
{
	struct fold f = { .types = types };
	size_t n = 0;

	fold_blocks(heap, reach, classes, &f);
	if ((classes & 1u << REACH_DEFINITE) && reach->total[REACH_INDIRECT].blocks)
		hold(core, heap, reach, &f);
	for (size_t i = 0; i < f.nslots; i++) {
		if (f.slot[i].own.blocks)
			f.slot[n++] = f.slot[i];
	}
	qsort(f.slot, n, sizeof(*f.slot), by_reach_size_type);
	*out = (struct groups){ f.slot, n };
}

void groups_free(struct groups *groups)
{
	mem_free(groups->v);
	*groups = (struct groups){ 0 };
}
