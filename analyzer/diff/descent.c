#include "analyzer/diff/descent.h"
#include "formats/wordrun.h"

#define WAITING 32   /* power of two */
#define AHEAD   16   /* blocks */
#define OFTEN   1024 /* blocks; a power of two */

struct met {
	uint32_t id, origin;
};

struct holder {              /* a block that points to others */
	uint32_t id, origin; /* what that of the others will be */
	uint32_t first;      /* as pointers.first */
};

struct search {
	struct descent *d;
	struct holder *queue; /* in the order in which they were met */
	size_t n;
	uint64_t *met;               /* bit by id; those that are not in use count as met */
	struct met waiting[WAITING]; /* whose origin is being fetched */
	unsigned next;
};

static uint64_t origin_bytes(const struct pointers *p)
{
	return ((uint64_t)p->heap->nchunks + 1) * sizeof(uint32_t);
}

static void settle(struct search *s, const struct met *m)
{
	const struct pointers *p = &s->d->pointers;
	bool top = m->origin > p->heap->nchunks;

	if (!m->origin)
		return;
	s->d->origin[m->id] = m->origin;
	if (p->first[m->id])
		s->queue[s->n++] = (struct holder){ m->id, top ? m->id + 1 : m->origin,
			                            p->first[m->id] };
}

static void meet(struct search *s, uint32_t pointer, uint32_t origin)
{
	struct met *m = &s->waiting[s->next % WAITING];
	uint32_t id = pointer & POINTER_ID;

	if ((pointer & POINTER_INSIDE && !s->d->inside) || bit_get(s->met, id))
		return;
	bit_set(s->met, id);
	s->next++;
	settle(s, m);
	*m = (struct met){ id, origin };
	__builtin_prefetch(&s->d->origin[m->id]);
	__builtin_prefetch(&s->d->pointers.first[m->id]);
}

static void settle_all(struct search *s)
{
	for (unsigned i = 0; i < WAITING; i++) {
		struct met *m = &s->waiting[(s->next + i) % WAITING];

		settle(s, m);
		m->origin = 0;
	}
}

/* All of a piece that is one holder. */
static void follow_piece(struct search *s, const struct pointer_piece *at, uint32_t origin)
{
	const uint32_t *to = s->d->pointers.to + at->base;

	for (uint64_t i = 0; i < at->n; i++)
		meet(s, to[i], origin);
}

/* A block that was looked at in pieces. */
static void follow_large(struct search *s, uint32_t id, uint32_t origin)
{
	const struct pointers *p = &s->d->pointers;

	size_t first = first_where(i, 0, p->nspan_pieces, p->piece.v[i].id >= id);

	for (size_t i = first; i < p->nspan_pieces && p->piece.v[i].id == id; i++)
		follow_piece(s, &p->piece.v[i], origin);
}

static void follow(struct search *s, const struct holder *h)
{
	const uint32_t *to = s->d->pointers.to + h->first - 1;

	if (h->first == POINTERS_SOME)
		follow_large(s, h->id, h->origin);
	else
		do
			meet(s, *to, h->origin);
		while (!(*to++ & POINTER_LAST));
}

static void start_at_ranges(struct search *s, const enum root_kind *kinds, size_t n)
{
	const struct pointers *p = &s->d->pointers;
	uint32_t none = p->heap->nchunks + 1;

	for (size_t k = 0; k < n; k++) {
		for (size_t i = p->nspan_pieces; i < p->piece.n; i++) {
			const struct pointer_piece *at = &p->piece.v[i];

			if (at->kind != PIECE_GAP && p->roots->v[at->of].kind == kinds[k])
				follow_piece(s, at, none + (uint32_t)i);
		}
	}
}

static void start_at_registers(struct search *s)
{
	const struct pointers *p = &s->d->pointers;
	uint32_t none = p->heap->nchunks + 1;

	for (size_t i = 0; i < p->roots->nregs; i++) {
		vaddr value = core_pointer(p->core, p->roots->reg[i].value);
		struct block b;

		if (heap_find(p->heap, value, &b) && b.state == BLOCK_USED)
			meet(s, b.id | (b.addr == value ? 0 : POINTER_INSIDE),
			     none + (uint32_t)(p->piece.n + i));
	}
	for (size_t i = p->nspan_pieces; i < p->piece.n && s->d->inside; i++)
		if (p->piece.v[i].kind == PIECE_GAP)
			follow_piece(s, &p->piece.v[i], none + (uint32_t)i);
}

/* May the search end? */
static bool is_done(const struct descent *d)
{
	size_t n = __atomic_load_n(&d->nasked, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&d->given_up, __ATOMIC_RELAXED))
		return true;
	for (size_t i = 0; i < n; i++)
		if (d->asked[i].id < d->pointers.heap->nchunks && !d->origin[d->asked[i].id])
			return false;
	return n > 0;
}

/* From what the queue has on. False: all that were asked for were met. */
static bool search_on(struct search *s, size_t *at)
{
	const uint32_t *to = s->d->pointers.to;

	settle_all(s);
	for (; *at < s->n; ++*at) {
		if (*at % OFTEN == 0 && is_done(s->d))
			return false;
		if (*at + AHEAD < s->n && s->queue[*at + AHEAD].first != POINTERS_SOME)
			__builtin_prefetch(&to[s->queue[*at + AHEAD].first - 1]);
		follow(s, &s->queue[*at]);
		if (*at + 1 == s->n)
			settle_all(s);
	}
	return true;
}

/*
 * What has a name first, to its end: what a function or a register has of it at the moment, as at
 * hand it may be, explains less, and is another one in the next moment.
 */
static void search(struct search *s)
{
	static const enum root_kind lasting[] = { ROOT_DATA, ROOT_TLS, ROOT_SHARED, ROOT_ANON };
	static const enum root_kind passing[] = { ROOT_STACK };
	size_t at = 0;

	start_at_ranges(s, lasting, sizeof(lasting) / sizeof(*lasting));
	if (!search_on(s, &at))
		return;
	start_at_ranges(s, passing, 1);
	if (!search_on(s, &at))
		return;
	start_at_registers(s);
	search_on(s, &at);
}

static void run(void *of)
{
	struct descent *d = of;
	const struct pointers *p = &d->pointers;
	uint64_t bytes = ((uint64_t)p->heap->nchunks + 1) * sizeof(struct holder);
	struct search s = { .d = d };

	d->searched = true;
	if (p->piece.n + p->roots->nregs + 2 > UINT32_MAX - (uint64_t)p->heap->nchunks)
		return; /* there are more roots than numbers for them */
	d->origin = mem_lazy(origin_bytes(p));
	s.queue = mem_lazy(bytes);
	s.met = mem_lazy(p->heap->bits_bytes);
	for (size_t i = 0; i < ((size_t)p->heap->nchunks + 63) / 64; i++)
		s.met[i] = ~p->heap->used[i];
	search(&s);
	mem_lazy_free(s.met, p->heap->bits_bytes);
	mem_lazy_free(s.queue, bytes);
}

void descent_begin(struct descent *d)
{
	if (d->pointers.kept && d->pointers.threads > 1)
		hand_start(&d->hand, run, d);
}

bool descent_wait(struct descent *d, const struct block *block, size_t n)
{
	d->asked = block;
	__atomic_store_n(&d->nasked, n, __ATOMIC_RELEASE);
	hand_wait(&d->hand);
	if (d->pointers.kept && !d->searched)
		run(d);
	return d->pointers.kept;
}

void descent_free(struct descent *d)
{
	__atomic_store_n(&d->given_up, true, __ATOMIC_RELAXED);
	hand_wait(&d->hand);
	if (d->origin)
		mem_lazy_free(d->origin, origin_bytes(&d->pointers));
	pointers_free(&d->pointers);
	*d = (struct descent){ 0 };
}

bool descent_root(const struct descent *d, uint32_t id, vaddr *at)
{
	const struct pointers *p = &d->pointers;
	uint32_t origin = d->origin && id < p->heap->nchunks ? d->origin[id] : 0;
	const struct pointer_piece *piece;
	struct block top;
	vaddr value;

	if (origin && origin <= p->heap->nchunks) {
		id = origin - 1;
		origin = d->origin[id];
	}
	if (!origin || !heap_by_id(p->heap, id, &top))
		return false;
	*at = 0;
	origin -= p->heap->nchunks + 1;
	if (origin >= p->piece.n)
		return true;
	piece = &p->piece.v[origin];
	return wordrun_find(p->core, piece->start, piece->end, top.addr, top.size, at, &value);
}
