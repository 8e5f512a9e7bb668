#include "analyzer/diff/tie.h"
#include "analyzer/reach/filter.h"
#include "formats/crew.h"
#include "formats/written.h"

#define PIECE   (UINT64_C(4) << 20) /* bytes of memory that one thread looks at, at a time */
#define HEAD    32                  /* bytes: objects may begin behind a header of their own */
#define WAITING 16                  /* power of two */
#define WORDS   64                  /* at a time */

struct piece {
	vaddr start, end;
	size_t span; /* of whose chunks that start there the used ones count; NO_SPAN: all counts */
};
#define NO_SPAN SIZE_MAX

struct search {
	const struct core *old, *new;
	const struct heap *heap; /* the newer one */
	ARRAY(struct piece) piece;
	vaddr lo, hi;          /* all blocks are in [lo, hi) */
	const uint64_t *other; /* bit by id: blocks in which nothing has stayed */
	const uint64_t *alike; /* ... in which everything has */
	struct ties *ties;
};

/* A pointer whose index cell is being fetched. */
struct edge {
	const struct span *span;
	vaddr value;
	bool same;
};

struct hunt { /* of one thread */
	const struct search *s;
	struct edge edge[WAITING];
	unsigned next;
	uint64_t word[WORDS + 4]; /* that may be pointers */
};

static void set_shared(uint64_t *bits, uint32_t i)
{
	uint64_t bit = UINT64_C(1) << (i & 63);

	if (!(__atomic_load_n(&bits[i >> 6], __ATOMIC_RELAXED) & bit))
		__atomic_fetch_or(&bits[i >> 6], bit, __ATOMIC_RELAXED);
}

static void settle(const struct search *s, const struct edge *e)
{
	vaddr chunk;
	uint32_t id;

	if (!e->span || !span_find(e->span, e->value, &chunk, &id) ||
	    e->value - chunk - CHUNK_HEADER > HEAD)
		return;
	set_shared(s->ties->held, id);
	if (e->same)
		set_shared(s->ties->kept, id);
}

static void meet(struct hunt *l, vaddr value, bool same)
{
	const struct span *span = heap_span(l->s->heap, value - CHUNK_HEADER);
	struct edge *e = &l->edge[l->next++ % WAITING];

	if (!span)
		return;
	settle(l->s, e);
	if (span->cell)
		__builtin_prefetch(cell_at(span, value - CHUNK_HEADER));
	*e = (struct edge){ span, value, same };
}

/* The same in both cores, or in one of them alone. */
static void seek_alike(struct hunt *l, const uint8_t *p, uint64_t n, bool same)
{
	const struct search *s = l->s;
	const struct machine *m = s->new->machine;

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
	const struct search *s = l->s;
	unsigned word = s->new->machine->word;

	if (!old || old == new) {
		seek_alike(l, new, n / word, old != NULL);
		return;
	}
	for (uint64_t i = 0; i + word <= n; i += word) {
		uint64_t raw = load_word(new + i, word);
		vaddr value = core_pointer(s->new, raw);

		if (value - s->lo < s->hi - s->lo)
			meet(l, value, load_word(old + i, word) == raw);
	}
}

/* What is not in the older core has not stayed; old NULL: nothing has. */
static void seek_range(struct hunt *l, struct view *new, struct view *old, vaddr start, vaddr end)
{
	for (vaddr stop, at = start; core_written(l->s->new, &at, end, &stop);) {
		uint64_t n, more;
		const uint8_t *p, *q;

		at = round_up(at, l->s->new->machine->word);
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

/* What is in a free chunk is left over from a holder that is no more. */
static void seek_blocks(struct hunt *l, struct view *new, struct view *old, const struct piece *p)
{
	const struct span *span = &l->s->heap->span[p->span];
	size_t cell = (size_t)((p->start - span->start) / span_cell(span));
	struct heap_iter it = { .span = p->span,
		                .cell = cell,
		                .id = span->first_id + span->cell[cell].rank,
		                .look = true };
	struct block b;

	while (heap_next_set(l->s->heap, l->s->heap->used, &it, &b) && b.span == span &&
	       b.addr - CHUNK_HEADER < p->end) {
		struct view *then = bit_get(l->s->other, b.id)   ? NULL
		                    : bit_get(l->s->alike, b.id) ? new
		                                                 : old;

		seek_range(l, new, then, b.addr, b.addr + b.size);
	}
}

static void seek_some(void *of, size_t first, size_t end)
{
	const struct search *s = of;
	struct hunt l = { .s = s };
	struct view new = { .core = s->new }, old = { .core = s->old };

	for (size_t i = first; i < end; i++) {
		const struct piece *p = &s->piece.v[i];

		if (p->span != NO_SPAN)
			seek_blocks(&l, &new, &old, p);
		else
			seek_range(&l, &new, &old, p->start, p->end);
	}
	for (size_t i = 0; i < WAITING; i++)
		settle(s, &l.edge[i]);
}

static void add_pieces(struct search *s, vaddr start, vaddr end, size_t span)
{
	for (vaddr at = start; at < end;) {
		vaddr stop = end - at < PIECE ? end : at + PIECE;

		array_push(&s->piece, ((struct piece){ at, stop, span }));
		at = stop;
	}
}

void ties_find(struct snapshot *before, struct snapshot *after, const uint64_t *other,
               const uint64_t *same, struct ties *out)
{
	const struct heap *heap = analysis_heap(&after->a);
	const struct roots *roots = analysis_roots(&after->a);
	struct search s = {
		.old = before->a.core,
		.new = after->a.core,
		.heap = heap,
		.other = other,
		.alike = same,
	};

	*out = (struct ties){ .bytes = ((uint64_t)heap->nchunks / 64 + 1) * 8 };
	out->held = mem_lazy(out->bytes);
	out->kept = mem_lazy(out->bytes);
	if (!heap->nspans)
		return;
	s.ties = out;
	s.lo = heap->span[0].start + CHUNK_HEADER;
	s.hi = heap->span[heap->nspans - 1].end + CHUNK_HEADER;
	for (size_t i = 0; i < heap->nspans; i++) {
		const struct span *span = &heap->span[i];

		if (span->cell)
			add_pieces(&s, span->start, span->end, i);
		else if (bit_get(heap->used, span->first_id))
			add_pieces(&s, span->start, span->end, NO_SPAN);
	}
	for (size_t i = 0; i < roots->n; i++) {
		if (roots->v[i].kind != ROOT_STACK)
			add_pieces(&s, roots->v[i].start, roots->v[i].end, NO_SPAN);
	}
	crew_share(analysis_threads(&after->a), s.piece.n, 1, seek_some, &s);
	array_free(&s.piece);
}

void ties_free(struct ties *ties)
{
	mem_lazy_free(ties->held, ties->bytes);
	mem_lazy_free(ties->kept, ties->bytes);
	*ties = (struct ties){ 0 };
}
