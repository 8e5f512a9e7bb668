#include "analyzer/diff/pointers.h"
#include "analyzer/reach/filter.h"
#include "formats/crew.h"
#include "formats/written.h"

#define PIECE   (UINT64_C(4) << 20) /* bytes of memory that one thread looks at, at a time */
#define HEAD    32                  /* bytes: objects may begin behind a header of their own */
#define WAITING 16                  /* power of two */
#define WORDS   64                  /* at a time */
#define SHARE   4                   /* of the heap, one byte in so many may be spent */
#define LEAST   (UINT64_C(16) << 20)

struct scan {
	const struct pointers *p;
	struct pointers_ask ask;
	vaddr lo, hi; /* all blocks are in [lo, hi) */
	struct pointers_take take;
};

/* A pointer whose index cell is being fetched. */
struct edge {
	const struct span *span;
	vaddr value;
	uint32_t holder;
	bool same;
};

struct hunt { /* of one thread */
	const struct scan *s;
	size_t piece;
	uint32_t holder;
	struct edge edge[WAITING];
	unsigned next;
	uint64_t word[WORDS + 4]; /* that may be pointers */
};

/* ---- words ---- */

static void settle(const struct hunt *l, struct edge *e)
{
	vaddr chunk, far;
	uint32_t id;
	bool found = e->span && span_find(e->span, e->value, &chunk, &id);

	e->span = NULL;
	if (!found)
		return;
	far = e->value - chunk - CHUNK_HEADER;
	l->s->take.take(l->s->take.of, l->piece, e->holder, id,
	                (e->same ? POINTER_SAME : 0) | (far ? POINTER_INSIDE : 0) |
	                        (far > HEAD ? POINTER_FAR : 0));
}

static void meet(struct hunt *l, vaddr value, bool same)
{
	const struct span *span = heap_span(l->s->p->heap, value - CHUNK_HEADER);
	struct edge *e = &l->edge[l->next % WAITING];

	if (!span)
		return;
	l->next++;
	settle(l, e);
	if (span->cell)
		__builtin_prefetch(cell_at(span, value - CHUNK_HEADER));
	*e = (struct edge){ span, value, l->holder, same };
}

/* In the order in which they were met. */
static void settle_all(struct hunt *l)
{
	for (unsigned i = 0; i < WAITING; i++)
		settle(l, &l->edge[(l->next + i) % WAITING]);
}

/* The same in both cores, or in one of them alone. */
static void seek_alike(struct hunt *l, const uint8_t *p, uint64_t n, bool same)
{
	const struct scan *s = l->s;
	const struct machine *m = s->p->core->machine;

	for (uint64_t i = 0; i < n; i += WORDS) {
		size_t some = n - i < WORDS ? (size_t)(n - i) : WORDS, found;

		found = filter_pointers(p + i * m->word, some, m->word, m->pointer_mask, s->lo,
		                        s->hi - s->lo, l->word);
		for (size_t k = 0; k < found; k++)
			meet(l, l->word[k], same);
	}
}

static void seek_words(struct hunt *l, const uint8_t *new, const uint8_t *old, uint64_t n)
{
	const struct scan *s = l->s;
	unsigned word = s->p->core->machine->word;

	if (!old || old == new) {
		seek_alike(l, new, n / word, old != NULL);
		return;
	}
	for (uint64_t i = 0; i + word <= n; i += word) {
		uint64_t raw = load_word(new + i, word);
		vaddr value = core_pointer(s->p->core, raw);

		if (value - s->lo < s->hi - s->lo)
			meet(l, value, load_word(old + i, word) == raw);
	}
}

/* What is not in the older core is not the same; old NULL: nothing is. */
static void seek_range(struct hunt *l, struct view *new, struct view *old, vaddr start, vaddr end)
{
	const struct core *core = l->s->p->core;

	for (vaddr stop, at = start; core_written(core, &at, end, &stop);) {
		uint64_t n, more;
		const uint8_t *p, *q;

		at = round_up(at, core->machine->word);
		p = at < stop ? view_at(new, at, 1) : NULL;
		if (!p) {
			at = stop;
			continue;
		}
		n = (new->hi < stop ? new->hi : stop) - at;
		q = old ? view_at(old, at, 1) : NULL;
		more = q ? old->hi - at : n;
		n = more < n ? more : n;
		seek_words(l, p, q, n);
		at += n;
	}
}

/* ---- blocks and roots ---- */

static enum pointers_stayed ask(const struct scan *s, const struct block *b)
{
	return s->ask.block ? s->ask.block(s->ask.of, b) : STAYED_SOME;
}

/* The first of the pieces of a block asks for all of them. */
static void ask_large(const struct scan *s, const struct pointer_piece *p)
{
	struct block b;

	if (p->start == s->p->heap->span[p->of].start && heap_by_id(s->p->heap, p->id, &b))
		ask(s, &b);
}

/* What is in a free chunk is left over from a holder that is no more. */
static void seek_blocks(struct hunt *l, struct view *new, struct view *old,
                        const struct pointer_piece *p)
{
	const struct heap *heap = l->s->p->heap;
	const struct span *span = &heap->span[p->of];
	struct heap_iter it = { .span = p->of,
		                .cell = (size_t)((p->start - span->start) / span_cell(span)),
		                .id = p->id,
		                .look = true };
	struct block b;

	while (heap_next_set(heap, heap->used, &it, &b) && b.span == span &&
	       b.addr - CHUNK_HEADER < p->end) {
		enum pointers_stayed stayed = ask(l->s, &b);

		l->holder = b.id;
		seek_range(l, new,
		           stayed == STAYED_NOTHING ? NULL
		           : stayed == STAYED_ALL   ? new
		                                    : old,
		           b.addr, b.addr + b.size);
	}
}

static void seek_some(void *of, size_t first, size_t end)
{
	const struct scan *s = of;
	struct view new = { .core = s->p->core }, old = { .core = s->p->old };
	struct hunt l = { .s = s };

	for (size_t i = first; i < end; i++) {
		const struct pointer_piece *p = &s->p->piece.v[i];

		l.piece = i;
		l.holder = p->kind == PIECE_LARGE ? p->id : UINT32_MAX;
		if (p->kind == PIECE_LARGE)
			ask_large(s, p);
		if (p->kind == PIECE_BLOCKS)
			seek_blocks(&l, &new, s->p->old ? &old : NULL, p);
		else
			seek_range(&l, &new, s->p->old ? &old : NULL, p->start, p->end);
		settle_all(&l);
		if (s->take.done)
			s->take.done(s->take.of, i);
	}
}

void pointers_scan(const struct pointers *p, struct pointers_ask ask, struct pointers_take take)
{
	const struct heap *heap = p->heap;
	struct scan s = { .p = p, .ask = ask, .take = take };

	if (!heap->nspans)
		return;
	s.lo = heap->span[0].start + CHUNK_HEADER;
	s.hi = heap->span[heap->nspans - 1].end + CHUNK_HEADER;
	crew_share(p->threads, p->piece.n, 1, seek_some, &s);
}

/* ---- the list ---- */

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

static void keep_all(struct pointers *p, struct pointers_ask ask)
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

/* ---- pieces ---- */

static void add(struct pointers *p, vaddr start, vaddr end, enum pointer_piece_kind kind, size_t of)
{
	const struct span *span = kind == PIECE_BLOCKS || kind == PIECE_LARGE
	                                  ? &p->heap->span[of]
	                                  : NULL;

	for (vaddr at = start; at < end;) {
		struct pointer_piece piece = { .start = at, .kind = kind, .of = of };

		piece.end = end - at < PIECE ? end : at + PIECE;
		if (kind == PIECE_BLOCKS)
			piece.id = span->first_id +
			           span->cell[(at - span->start) / span_cell(span)].rank;
		else
			piece.id = span ? span->first_id : UINT32_MAX;
		array_push(&p->piece, piece);
		at = piece.end;
	}
}

static void find_pieces(struct pointers *p)
{
	const struct heap *heap = p->heap;

	for (size_t i = 0; i < heap->nspans; i++) {
		const struct span *span = &heap->span[i];

		if (span->cell)
			add(p, span->start, span->end, PIECE_BLOCKS, i);
		else if (bit_get(heap->used, span->first_id))
			add(p, span->start, span->end, PIECE_LARGE, i);
	}
	p->nspan_pieces = p->piece.n;
	for (size_t i = 0; i < p->roots->n; i++) {
		const struct root *r = &p->roots->v[i];

		add(p, r->start, r->end, r->kind == ROOT_STACK ? PIECE_STACK : PIECE_ROOT, i);
	}
	for (size_t i = 0; i < heap->ngaps; i++)
		add(p, heap->gap[i].start, heap->gap[i].end, PIECE_GAP, i);
}

void pointers_find(const struct core *core, const struct core *old, const struct heap *heap,
                   const struct roots *roots, unsigned threads, struct pointers_ask ask,
                   struct pointers *out)
{
	*out = (struct pointers){ .core = core, .old = old, .heap = heap, .roots = roots };
	out->threads = threads;
	out->first_bytes = ((uint64_t)heap->nchunks + 1) * sizeof(*out->first);
	if (!heap->nspans)
		return;
	find_pieces(out);
	keep_all(out, ask);
}

void pointers_free(struct pointers *p)
{
	array_free(&p->piece);
	mem_lazy_free(p->first, p->first_bytes);
	mem_lazy_free(p->to, p->to_bytes);
	*p = (struct pointers){ 0 };
}
