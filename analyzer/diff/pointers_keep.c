/* The list of pointers: each piece's by itself, and put behind those that are done. */
#include "analyzer/diff/pointers.h"

#define SHARE 4 /* of the heap, one byte in so many may be spent */
#define LEAST (UINT64_C(16) << 20)

struct list { /* of one piece, while it is looked at */
	ARRAY(uint32_t) to;
	uint32_t holder; /* of the last of them */
};

struct keeping {
	struct pointers *p;
	struct list **list;  /* by piece */
	struct list **spare; /* lists that are at nobody's use; one by thread */
	uint64_t most;       /* pointers */
	bool full;
};

/* A list that is at nobody's use: there is one for each thread. */
static struct list *take_list(struct keeping *k)
{
	struct list *l = NULL;

	for (unsigned i = 0; !l; i = (i + 1) % k->p->threads)
		l = __atomic_exchange_n(&k->spare[i], NULL, __ATOMIC_ACQUIRE);
	l->to.n = 0;
	return l;
}

static void give_back(struct keeping *k, struct list *l)
{
	for (unsigned i = 0; l; i = (i + 1) % k->p->threads) {
		struct list *none = NULL;

		if (__atomic_compare_exchange_n(&k->spare[i], &none, l, false, __ATOMIC_RELEASE,
		                                __ATOMIC_RELAXED))
			l = NULL;
	}
}

static void keep(void *of, size_t piece, uint32_t holder, uint32_t id, uint32_t how)
{
	struct keeping *k = of;
	struct list *l = k->list[piece];

	if (!l && __atomic_load_n(&k->full, __ATOMIC_RELAXED))
		return;
	if (!l)
		l = k->list[piece] = take_list(k);
	if (k->p->piece.v[piece].kind == PIECE_BLOCKS && (!l->to.n || l->holder != holder)) {
		if (l->to.n)
			l->to.v[l->to.n - 1] |= POINTER_LAST;
		k->p->first[holder] = (uint32_t)l->to.n + 1;
		l->holder = holder;
	}
	array_push(&l->to, id | how);
}

/* Id behind the last chunk of a piece of blocks. */
static uint32_t end_id(const struct pointers *p, size_t piece)
{
	const struct pointer_piece *at = &p->piece.v[piece];

	if (piece + 1 < p->nspan_pieces && at[1].of == at->of)
		return at[1].id;
	return p->heap->span[at->of].first_id + p->heap->span[at->of].nchunks;
}

/* The piece's list goes behind those that are done. */
static void put(struct keeping *k, size_t piece, const struct list *l)
{
	struct pointers *p = k->p;
	struct pointer_piece *at = &p->piece.v[piece];

	at->n = l->to.n;
	at->base = __atomic_fetch_add(&p->n, at->n, __ATOMIC_RELAXED);
	if (at->base + at->n > k->most) {
		__atomic_store_n(&k->full, true, __ATOMIC_RELAXED);
		return;
	}
	memcpy(p->to + at->base, l->to.v, at->n * sizeof(*p->to));
	if (at->kind != PIECE_BLOCKS)
		return;
	p->to[at->base + at->n - 1] |= POINTER_LAST;
	for (uint32_t id = at->id, end = end_id(p, piece); id < end; id++)
		if (p->first[id])
			p->first[id] += (uint32_t)at->base;
}

static void done(void *of, size_t piece)
{
	struct keeping *k = of;
	struct list *l = k->list[piece];

	if (k->p->piece.v[piece].kind == PIECE_LARGE && k->p->first)
		k->p->first[k->p->piece.v[piece].id] = POINTERS_SOME;
	if (!l)
		return;
	if (!__atomic_load_n(&k->full, __ATOMIC_RELAXED))
		put(k, piece, l);
	k->list[piece] = NULL;
	give_back(k, l);
}

static uint64_t heap_bytes(const struct heap *heap)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < heap->nspans; i++)
		bytes += heap->span[i].end - heap->span[i].start;
	return bytes;
}

static void scan_and_keep(struct keeping *k, struct pointers_ask ask)
{
	struct pointers *p = k->p;
	struct list *list = mem_alloc(p->threads, sizeof(*list));

	k->list = mem_alloc(p->piece.n + 1, sizeof(*k->list));
	k->spare = mem_alloc(p->threads, sizeof(*k->spare));
	for (unsigned i = 0; i < p->threads; i++)
		k->spare[i] = &list[i];
	pointers_scan(p, ask, (struct pointers_take){ keep, done, k });
	for (unsigned i = 0; i < p->threads; i++)
		array_free(&list[i].to);
	mem_free(list);
	mem_free(k->spare);
	mem_free(k->list);
}

void pointers_keep(struct pointers *p, struct pointers_ask ask)
{
	struct keeping k = { .p = p };
	uint64_t room = LEAST + heap_bytes(p->heap) / SHARE;

	/* even so each block is asked for once */
	k.full = p->heap->nchunks >= POINTER_ID || p->first_bytes > room;
	if (!k.full) {
		k.most = (room - p->first_bytes) / sizeof(*p->to);
		if (k.most > POINTERS_SOME - 2)
			k.most = POINTERS_SOME - 2;
		p->to_bytes = k.most * sizeof(*p->to);
		p->first = mem_lazy(p->first_bytes);
		p->to = mem_lazy(p->to_bytes);
	}
	scan_and_keep(&k, ask);
	p->kept = !k.full;
	if (p->kept)
		return;
	mem_lazy_free(p->first, p->first_bytes);
	mem_lazy_free(p->to, p->to_bytes);
	p->first = p->to = NULL;
}
