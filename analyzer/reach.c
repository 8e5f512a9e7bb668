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
#include "analyzer/reach.h"
#include "analyzer/mark.h"

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
	uint64_t *left;      /* bit by id */
	uint64_t *candidate; /* bit by id */
};

/* Words of a bitmap by id that are in use. */
static size_t words_used(const struct work *w)
{
	return ((size_t)w->heap->nchunks + 63) / 64;
}

static void mark_strong(struct work *w, const struct roots *roots)
{
	mark_pass(w->marker, w->left, w->reach->weak, &w->reach->total[REACH_REACHABLE]);
	for (size_t i = 0; i < roots->nregs; i++)
		mark_word(w->marker, roots->reg[i].value);
	for (size_t i = 0; i < roots->n; i++)
		mark_range(w->marker, roots->v[i].start, roots->v[i].end);
	mark_drain(w->marker);
}

/* What the first pass took out of left is strong; what interior pointers touched is to be scanned.
 */
static void settle_strong(struct work *w)
{
	uint64_t *strong = w->reach->strong, *weak = w->reach->weak, *left = w->left;
	uint64_t *found = mark_found(w->marker);

	for (size_t i = 0; i < words_used(w); i++) {
		if (w->heap->used[i] != left[i])
			strong[i] = w->heap->used[i] & ~left[i];
		if (weak[i] & left[i])
			found[i] |= weak[i] & left[i];
		if (weak[i])
			weak[i] = 0;
	}
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

static void mark_weak(struct work *w)
{
	mark_pass(w->marker, w->left, NULL, &w->reach->total[REACH_POSSIBLE]);
	settle_strong(w);
	mark_drain(w->marker);
	w->reach->unread = mark_unread(w->marker);
	/* parts of the heap that could not be read may hold anything; heap.unread counts them */
	for (size_t i = 0; i < w->heap->ngaps; i++) {
		mark_range(w->marker, w->heap->gap[i].start, w->heap->gap[i].end);
		mark_drain(w->marker);
	}
	mark_doubtful(w);
	for (size_t i = 0; i < words_used(w); i++) {
		uint64_t weak = w->heap->used[i] & ~w->left[i] & ~w->reach->strong[i];

		if (weak)
			w->reach->weak[i] = weak;
	}
}

static void flood(struct work *w, vaddr chunk, uint32_t id)
{
	mark_block(w->marker, chunk, id);
	mark_drain(w->marker);
}

/* Floods, in address order, from each block that no earlier flood came to. */
static void find_candidates(struct work *w)
{
	for (size_t i = 0; i < w->heap->nspans; i++) {
		const struct span *s = &w->heap->span[i];

		for (size_t c = 0; c < s->ncells; c++) {
			uint64_t bits = cell_bits(&s->cell[c]);
			uint32_t id = s->first_id + s->cell[c].rank;

			if (!bits_any(w->left, id, bit_count(bits)))
				continue;
			for (; bits; bits &= bits - 1, id++) {
				if (!bit_get(w->left, id))
					continue;
				bit_set(w->candidate, id);
				flood(w, cell_chunk(s, c, (unsigned)__builtin_ctzll(bits)), id);
			}
		}
		if (!s->cell && bit_get(w->left, s->first_id)) {
			bit_set(w->candidate, s->first_id);
			flood(w, s->start, s->first_id);
		}
	}
}

/* A candidate that is still left is a head: its own tally, and a flood of what hangs below. */
static void take_head(struct work *w, vaddr chunk, uint32_t id)
{
	struct tally *below = mark_sum(w->marker, &w->reach->total[REACH_DEFINITE]);

	bit_set(w->reach->head, id);
	bit_clear(w->left, id);
	mark_scan(w->marker, chunk);
	mark_sum(w->marker, below);
	mark_drain(w->marker);
}

static void heads_of_cell(struct work *w, const struct span *s, size_t c)
{
	uint64_t bits = cell_bits(&s->cell[c]);
	uint32_t n = bit_count(bits), id = s->first_id + s->cell[c].rank;

	if (!bits_any(w->candidate, id, n))
		return;
	id += n;
	while (bits) {
		unsigned bit = 63u - (unsigned)__builtin_clzll(bits);

		bits &= ~(UINT64_C(1) << bit);
		id--;
		if (bit_get(w->candidate, id) && bit_get(w->left, id))
			take_head(w, cell_chunk(s, c, bit), id);
	}
}

/* Floods from the candidates in reverse order. */
static void find_heads(struct work *w)
{
	for (size_t i = w->heap->nspans; i-- > 0;) {
		const struct span *s = &w->heap->span[i];

		for (size_t c = s->ncells; c-- > 0;)
			heads_of_cell(w, s, c);
		if (!s->cell && bit_get(w->candidate, s->first_id) && bit_get(w->left, s->first_id))
			take_head(w, s->start, s->first_id);
	}
}

/* The unreachable blocks, as left for a flood. */
static void leave_unreachable(struct work *w)
{
	const struct reach *r = w->reach;

	for (size_t i = 0; i < words_used(w); i++)
		w->left[i] = w->heap->used[i] & ~r->strong[i] & ~r->weak[i];
}

static void judge_leaked(struct work *w)
{
	struct tally ignored = { 0 };

	w->candidate = mem_lazy(w->reach->bits_bytes);
	leave_unreachable(w);
	mark_pass(w->marker, w->left, NULL, &ignored);
	find_candidates(w);
	leave_unreachable(w);
	mark_pass(w->marker, w->left, NULL, &w->reach->total[REACH_INDIRECT]);
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
                unsigned threads, struct reach *out)
{
	struct work w = { .heap = heap, .reach = out, .marker = mark_open(core, heap, threads) };

	*out = (struct reach){ .heap = heap, .bits_bytes = heap->bits_bytes };
	out->strong = mem_lazy(out->bits_bytes);
	out->weak = mem_lazy(out->bits_bytes);
	out->head = mem_lazy(out->bits_bytes);
	w.left = mem_lazy(out->bits_bytes);
	memcpy(w.left, heap->used, words_used(&w) * 8);
	mark_strong(&w, roots);
	mark_weak(&w);
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
