#include "analyzer/diff/pointers.h"
#include "analyzer/reach/filter.h"
#include "formats/crew.h"
#include "formats/wordrun.h"
#include "formats/written.h"

#define PIECE   (UINT64_C(4) << 20) /* bytes of memory that one thread looks at, at a time */
#define HEAD    32                  /* bytes: objects may begin behind a header of their own */
#define WAITING 16                  /* power of two */
#define WORDS   64                  /* at a time */
#define PAGE    12                  /* log2 of bytes */
#define NEAR    20                  /* log2 of bits */
#define FEW     4                   /* of so many chunks one is wanted */

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

static uint32_t page_bit(vaddr at)
{
	return (uint32_t)((at >> PAGE) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - NEAR));
}

/* Where nearly no block is asked about, nearly no pointer is followed. */
static void note_pages(struct pointers *p)
{
	struct heap_iter it = { 0 };
	struct block b;
	uint64_t n = 0;

	p->near = mem_alloc((1u << NEAR) / 64, sizeof(*p->near));
	while (heap_next_set(p->heap, p->wanted, &it, &b)) {
		bit_set(p->near, page_bit(b.addr));
		bit_set(p->near, page_bit(b.addr + HEAD));
		n++;
	}
	p->few = n < p->heap->nchunks / FEW;
}

static void settle(const struct hunt *l, struct edge *e)
{
	vaddr chunk, far;
	uint32_t id;
	bool found = e->span && span_find(e->span, e->value, &chunk, &id);

	e->span = NULL;
	if (!found)
		return;
	far = e->value - chunk - CHUNK_HEADER;
	if (l->s->p->wanted && (far > HEAD || !bit_get(l->s->p->wanted, id)))
		return;
	l->s->take.take(l->s->take.of, l->piece, e->holder, id,
	                (e->same ? POINTER_SAME : 0) | (far ? POINTER_INSIDE : 0) |
	                        (far > HEAD ? POINTER_FAR : 0));
}

static void meet(struct hunt *l, vaddr value, bool same)
{
	const struct pointers *p = l->s->p;
	struct edge *e = &l->edge[l->next % WAITING];
	const struct span *span;

	if (p->near && !bit_get(p->near, page_bit(value)))
		return;
	span = heap_span(p->heap, value - CHUNK_HEADER);
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

static bool is_near(const struct scan *s, uint64_t value)
{
	return value - s->lo < s->hi - s->lo && bit_get(s->p->near, page_bit(value));
}

/* A word that may point to a wanted block: whose is it? */
static void seek_word(struct hunt *l, struct view *old, vaddr at, uint64_t raw)
{
	const struct scan *s = l->s;
	unsigned word = s->p->core->machine->word;
	enum pointers_stayed stayed;
	struct block holder;
	uint64_t before;

	if (!is_near(s, core_pointer(s->p->core, raw)) || !heap_find(s->p->heap, at, &holder) ||
	    holder.state != BLOCK_USED)
		return;
	stayed = ask(s, &holder);
	l->holder = holder.id;
	meet(l, core_pointer(s->p->core, raw),
	     stayed == STAYED_ALL || (stayed == STAYED_SOME && old->core &&
	                              view_read_word(old, at, &before, word) && before == raw));
}

/*
 * The blocks' words as one range, and only those looked at closer that may be wanted: blocks are
 * asked about more than once then, and most not at all.
 */
static void seek_few(struct hunt *l, struct view *old, const struct pointer_piece *piece)
{
	const struct scan *s = l->s;
	const struct machine *m = s->p->core->machine;
	const struct span *span = &s->p->heap->span[piece->of];
	struct wordrun run = wordruns(s->p->core, span_next(span, piece->start),
	                              span_next(span, piece->end) + CHUNK_HEADER);

	while (wordrun_next(&run)) {
		uint64_t n = run.bytes / m->word;

		for (uint64_t i = 0; i < n; i += WORDS) {
			size_t some = n - i < WORDS ? (size_t)(n - i) : WORDS, found, k = 0;
			const uint8_t *p = run.mem + i * m->word;

			found = filter_pointers(p, some, m->word, m->pointer_mask, s->lo,
			                        s->hi - s->lo, l->word);
			while (k < found && !is_near(s, l->word[k]))
				k++;
			for (size_t w = 0; k < found && w < some; w++)
				seek_word(l, old, run.at + (i + w) * m->word,
				          load_word(p + w * m->word, m->word));
		}
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
		if (p->kind == PIECE_BLOCKS && s->p->few)
			seek_few(&l, &old, p);
		else if (p->kind == PIECE_BLOCKS)
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

/* ---- pieces ---- */

static void add(struct pointers *p, vaddr start, vaddr end, enum pointer_piece_kind kind, size_t of)
{
	const struct span *span = kind == PIECE_BLOCKS || kind == PIECE_LARGE ? &p->heap->span[of]
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
                   const struct roots *roots, unsigned threads, const uint64_t *wanted,
                   struct pointers_ask ask, struct pointers *out)
{
	*out = (struct pointers){ .core = core, .old = old, .heap = heap, .roots = roots };
	out->threads = threads;
	out->wanted = wanted;
	out->first_bytes = ((uint64_t)heap->nchunks + 1) * sizeof(*out->first);
	if (!heap->nspans)
		return;
	if (wanted)
		note_pages(out);
	find_pieces(out);
	pointers_keep(out, ask);
}

void pointers_free(struct pointers *p)
{
	array_free(&p->piece);
	mem_free(p->near);
	mem_lazy_free(p->first, p->first_bytes);
	mem_lazy_free(p->to, p->to_bytes);
	*p = (struct pointers){ 0 };
}
