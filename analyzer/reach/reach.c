/*
 * First pass: start pointers only, from the roots; blocks that an interior pointer touches are
 * noted. Second pass: from those, any pointer. What was visited in neither is unreachable.
 *
 * Heads of the unreachable graph, without building it: flood it from each block not yet visited, in
 * address order; the blocks that started a flood are candidates, and every strongly connected
 * component that nothing else leads to holds exactly one, its lowest. Flood again from the
 * candidates in reverse order: a candidate that is visited before its turn was held by another
 * component; the rest are the heads. (Each held component is reached from a held-by-nothing one
 * whose candidate came later in the first round, or it would have been visited then.)
 */
#include "analyzer/reach/reach.h"
#include "analyzer/reach/mark.h"
#include "formats/stage.h"

#define BATCH 64 /* as many as a cell may have, at least */

const char *reach_name(enum reach_class reach)
{
	static const char *const name[REACH_CLASSES] = { "", "reachable", "possible", "indirect",
		                                         "definite" };

	return name[reach];
}

struct work {
	const struct heap *heap;
	struct reach *reach;
	struct marker *marker;
	uint64_t *left;      /* by id, of the strong pass; then of the weak one: unreachable */
	uint64_t *candidate; /* by id */
};

/* Words of a bitmap by id that are in use. */
static size_t words_used(const struct work *w)
{
	return ((size_t)w->heap->nchunks + 63) / 64;
}

/* The first pass, as far as it was not done while the heap was walked. */
static void begin_strong(struct work *w, const struct core *core, const struct roots *roots,
                         unsigned threads)
{
	w->marker = mark_open(core, w->heap, threads);
	mark_leave(w->marker, w->heap->used);
	mark_pass(w->marker, w->reach->weak, &w->reach->total[REACH_REACHABLE]);
	for (size_t i = 0; i < roots->nregs; i++)
		mark_word(w->marker, roots->reg[i].value);
	for (size_t i = 0; i < roots->n; i++)
		mark_range(w->marker, roots->v[i].start, roots->v[i].end);
}

/* What the first pass reached is strong; what interior pointers touched else is to be scanned. */
static void settle_strong(struct work *w)
{
	uint64_t *strong = w->reach->strong, *weak = w->reach->weak;

	for (size_t i = 0; i < words_used(w); i++) {
		if (w->heap->used[i] != w->left[i])
			strong[i] = w->heap->used[i] & ~w->left[i];
		if (weak[i])
			weak[i] &= w->left[i];
	}
	mark_blocks(w->marker, weak);
}

/* A chunk that was inferred to be free, by a damaged header, may be none: its words may count. */
static void mark_doubtful(struct work *w)
{
	for (size_t i = 0; i < w->heap->ninferred; i++) {
		const struct owned *o = &w->heap->inferred[i];
		struct block b;

		if (!heap_find(w->heap, o->start + CHUNK_HEADER, &b) || b.state == BLOCK_USED)
			continue;
		mark_range(w->marker, b.addr, o->end);
		mark_drain(w->marker);
	}
}

/* What the second pass reached of what the first one left is weak. */
static void settle_weak(struct work *w)
{
	uint64_t *weak = w->reach->weak;

	mem_lazy_free(w->left, w->reach->bits_bytes);
	w->left = mem_lazy(w->reach->bits_bytes);
	mark_left(w->marker, w->left);
	for (size_t i = 0; i < words_used(w); i++) {
		uint64_t some = w->heap->used[i] & ~w->left[i] & ~w->reach->strong[i];

		if (weak[i] != some)
			weak[i] = some;
	}
}

static void mark_weak(struct work *w)
{
	mark_pass(w->marker, NULL, &w->reach->total[REACH_POSSIBLE]);
	settle_strong(w);
	mark_drain(w->marker);
	w->reach->unread = mark_unread(w->marker);
	/* parts of the heap that could not be read may hold anything; heap.unread counts them */
	for (size_t i = 0; i < w->heap->ngaps; i++) {
		mark_range(w->marker, w->heap->gap[i].start, w->heap->gap[i].end);
		mark_drain(w->marker);
	}
	mark_doubtful(w);
	settle_weak(w);
}

/* Blocks of a bitmap by cell, whose content is fetched while the first of them are followed. */
struct batch {
	struct batched {
		const struct span *span;
		size_t cell;
		unsigned bit;
	} v[BATCH];
	size_t n;
	size_t span, cell; /* where the next one is looked for; at the end: heap.nspans */
};

static size_t cells_of(const struct span *s)
{
	return s->cell ? s->ncells : 1;
}

/* The next ones in address order. False: there are none. */
static bool batch_up(const struct work *w, const uint64_t *bits, struct batch *b)
{
	for (b->n = 0; b->span < w->heap->nspans; b->span++, b->cell = 0) {
		const struct span *s = &w->heap->span[b->span];

		for (; b->cell < cells_of(s); b->cell++) {
			uint64_t some = bits[s->first_cell + b->cell];

			if (some && b->n + bit_count(some) > BATCH)
				return true;
			for (; some; some &= some - 1) {
				unsigned bit = (unsigned)__builtin_ctzll(some);

				mark_fetch(w->marker, s, cell_chunk(s, b->cell, bit));
				b->v[b->n++] = (struct batched){ s, b->cell, bit };
			}
		}
	}
	return b->n > 0;
}

/* The highest bit that is set below *id, which it becomes. */
static bool bit_before(const uint64_t *bits, uint32_t *id)
{
	size_t word = *id >> 6;
	uint64_t some = *id & 63 ? bits[word] & ((UINT64_C(1) << (*id & 63)) - 1) : 0;

	while (!some && word)
		some = bits[--word];
	if (some)
		*id = (uint32_t)(word << 6) + 63u - (uint32_t)__builtin_clzll(some);
	return some != 0;
}

/* The cell of the chunk with this rank, which is not behind cell last, and often near. */
static size_t cell_upto(const struct span *s, uint32_t rank, size_t last)
{
	size_t hi, step = 1;

	if (!s->cell)
		return 0;
	hi = last < s->ncells ? last + 1 : s->ncells;
	while (step < hi && s->cell[hi - step].rank > rank)
		step *= 2;
	return first_where(i, step < hi ? hi - step : 0, hi, s->cell[i].rank > rank) - 1;
}

/* The granule in the cell at which the chunk with this id starts. */
static unsigned bit_of(const struct span *s, size_t cell, uint32_t id)
{
	uint64_t starts = s->cell ? cell_bits(&s->cell[cell]) : 1;

	for (uint32_t n = s->cell ? id - s->first_id - s->cell[cell].rank : 0; n; n--)
		starts &= starts - 1;
	return (unsigned)__builtin_ctzll(starts);
}

static uint32_t id_of(const struct batched *v)
{
	const struct span *s = v->span;

	return !s->cell ? s->first_id
	                : s->first_id + s->cell[v->cell].rank +
	                          bit_count(cell_bits(&s->cell[v->cell]) &
	                                    ((UINT64_C(1) << v->bit) - 1));
}

/* The same downwards, of a bitmap by id: span and cell are where the one before was found. */
static bool batch_down(const struct work *w, const uint64_t *bits, uint32_t *id, struct batch *b)
{
	for (b->n = 0; b->n < BATCH && bit_before(bits, id);) {
		const struct span *s = &w->heap->span[b->span];
		struct batched v;

		for (; *id < s->first_id; b->cell = SIZE_MAX)
			s = &w->heap->span[--b->span];
		b->cell = cell_upto(s, *id - s->first_id, b->cell);
		v = (struct batched){ s, b->cell, bit_of(s, b->cell, *id) };
		mark_fetch(w->marker, s, cell_chunk(s, v.cell, v.bit));
		b->v[b->n++] = v;
	}
	return b->n > 0;
}

/* Floods, in address order, from each block that no earlier flood came to. */
static void find_candidates(struct work *w)
{
	const uint64_t *left = mark_cells(w->marker);
	struct batch b = { .n = 0 };

	while (batch_up(w, left, &b)) {
		for (size_t i = 0; i < b.n; i++) {
			const struct batched *v = &b.v[i];
			size_t at = v->span->first_cell + v->cell;

			if (!(left[at] >> v->bit & 1))
				continue;
			bit_set(w->candidate, id_of(v));
			mark_block(w->marker, cell_chunk(v->span, v->cell, v->bit));
			mark_drain(w->marker);
		}
	}
}

/* A candidate that is still left is a head: its own tally, and a flood of what hangs below. */
static void take_head(struct work *w, const struct batched *v)
{
	struct tally *below = mark_sum(w->marker, &w->reach->total[REACH_DEFINITE]);
	const struct span *s = v->span;

	bit_set(w->reach->head, id_of(v));
	mark_cells(w->marker)[s->first_cell + v->cell] &= ~(UINT64_C(1) << v->bit);
	mark_scan(w->marker, cell_chunk(s, v->cell, v->bit));
	mark_sum(w->marker, below);
	mark_drain(w->marker);
}

/* Floods from the candidates in reverse order. */
static void find_heads(struct work *w)
{
	const uint64_t *left = mark_cells(w->marker);
	struct batch b = { .span = w->heap->nspans - 1, .cell = SIZE_MAX };
	uint32_t id = w->heap->nchunks;

	while (w->heap->nspans && batch_down(w, w->candidate, &id, &b))
		for (size_t i = 0; i < b.n; i++)
			if (left[b.v[i].span->first_cell + b.v[i].cell] >> b.v[i].bit & 1)
				take_head(w, &b.v[i]);
}

static void judge_leaked(struct work *w)
{
	struct tally ignored = { 0 };

	w->candidate = mem_lazy(w->reach->bits_bytes);
	mark_pass(w->marker, NULL, &ignored);
	find_candidates(w);
	mark_rest(w->marker);
	mark_leave(w->marker, w->left);
	mark_pass(w->marker, NULL, &w->reach->total[REACH_INDIRECT]);
	find_heads(w);
	mem_lazy_free(w->candidate, w->reach->bits_bytes);
}

/*
 * What has a damaged header may be free, or more than one block: never a leak for certain. What
 * only it points to is one all the same.
 */
static void doubt_inferred(struct work *w)
{
	struct reach *r = w->reach;
	struct block b;

	for (size_t i = 0; i < w->heap->ninferred; i++) {
		enum reach_class class;

		if (!heap_find(w->heap, w->heap->inferred[i].start + CHUNK_HEADER, &b))
			continue;
		class = reach_of(r, b.id);
		if (class != REACH_DEFINITE && class != REACH_INDIRECT)
			continue;
		bit_set(r->weak, b.id);
		r->total[class].blocks--;
		r->total[class].bytes -= b.size;
		r->total[REACH_POSSIBLE].blocks++;
		r->total[REACH_POSSIBLE].bytes += b.size;
	}
}

/* Roots are missing: what was not reached may be held by them. */
static void withhold(const struct heap *heap, struct reach *r)
{
	struct tally *t = &r->withheld_tally;

	t->blocks = heap->total[BLOCK_USED].blocks - r->total[REACH_REACHABLE].blocks -
	            r->total[REACH_POSSIBLE].blocks;
	t->bytes = heap->total[BLOCK_USED].bytes - r->total[REACH_REACHABLE].bytes -
	           r->total[REACH_POSSIBLE].bytes;
	r->total[REACH_POSSIBLE].blocks += t->blocks;
	r->total[REACH_POSSIBLE].bytes += t->bytes;
}

void reach_mark(const struct core *core, const struct heap *heap, const struct roots *roots,
                unsigned threads, struct early *early, struct reach *out)
{
	struct work w = { .heap = heap, .reach = out };
	struct stage outer = stage_bytes("following pointers", heap->total[BLOCK_USED].bytes);

	*out = (struct reach){ .heap = heap, .bits_bytes = heap->bits_bytes };
	out->strong = mem_lazy(out->bits_bytes);
	out->weak = mem_lazy(out->bits_bytes);
	out->head = mem_lazy(out->bits_bytes);
	w.left = mem_lazy(out->bits_bytes);
	if (early)
		w.marker = early_marker(early, heap, out->weak, &out->total[REACH_REACHABLE]);
	out->early = w.marker != NULL;
	stage_add(out->total[REACH_REACHABLE].bytes);
	if (!out->early)
		begin_strong(&w, core, roots, threads);
	mark_drain(w.marker);
	mark_rest(w.marker);
	mark_left(w.marker, w.left);
	mark_weak(&w);
	mark_rest(w.marker);
	out->withheld = roots->nmissing || heap->unread || out->unread || core->damaged ||
	                core->bad_headers;
	if (out->withheld) {
		withhold(heap, out);
	} else {
		judge_leaked(&w);
		doubt_inferred(&w);
	}
	mem_lazy_free(w.left, out->bits_bytes);
	mark_close(w.marker);
	stage_end(outer);
}

void reach_free(struct reach *reach)
{
	mem_lazy_free(reach->strong, reach->bits_bytes);
	mem_lazy_free(reach->weak, reach->bits_bytes);
	mem_lazy_free(reach->head, reach->bits_bytes);
	*reach = (struct reach){ 0 };
}

enum reach_class reach_of(const struct reach *r, uint32_t id)
{
	if (id == UINT32_MAX || !bit_get(r->heap->used, id))
		return REACH_NONE;
	if (bit_get(r->strong, id))
		return REACH_REACHABLE;
	if (bit_get(r->weak, id) || r->withheld)
		return REACH_POSSIBLE;
	return bit_get(r->head, id) ? REACH_DEFINITE : REACH_INDIRECT;
}

uint64_t *reach_bits(const struct reach *r, unsigned classes)
{
	uint64_t *bits = mem_lazy(r->bits_bytes);

	for (size_t i = 0; i < ((size_t)r->heap->nchunks + 63) / 64; i++) {
		uint64_t used = r->heap->used[i], weak = r->weak[i],
			 rest = used & ~r->strong[i] & ~weak, v = 0;

		if (r->withheld) {
			weak |= rest;
			rest = 0;
		}
		v |= classes & 1u << REACH_REACHABLE ? r->strong[i] : 0;
		v |= classes & 1u << REACH_POSSIBLE ? weak : 0;
		v |= classes & 1u << REACH_DEFINITE ? rest & r->head[i] : 0;
		v |= classes & 1u << REACH_INDIRECT ? rest & ~r->head[i] : 0;
		if (v)
			bits[i] = v;
	}
	return bits;
}
