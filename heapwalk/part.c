#include "heapwalk/part.h"
#include "formats/written.h"

#define PARKED_MOST (PART / 512) /* in a part */
#define FAST_MOST   0xbf /* bytes of a chunk in a fastbin, with flags: malloc.c MAX_FAST_SIZE */

/* A part that is being walked. */
struct tour {
	struct part *part;
	struct walk walk; /* with one arena: the part's */
	struct heap heap; /* ids start at 0 */
	uint64_t used_bytes;
	const struct visitor *visitor; /* NULL: none; it was told of: */
	struct parking parking;        /* word 0: of no use */
	size_t told_cell;              /* cells of the region before this one */
	uint32_t told_id;
};

/*
 * Of the chunks that start in the next cell to be told of, those that may wait in fastbins are
 * kept, with their links: following those lists in the core itself would be a read from disk for
 * each chunk.
 */
static void note_parked(struct tour *t, const struct span *s, uint64_t starts)
{
	uint32_t id = t->told_id;

	for (; starts && t->walk.parked.n < PARKED_MOST; starts &= starts - 1, id++) {
		vaddr chunk = cell_chunk(s, t->told_cell, (unsigned)__builtin_ctzll(starts));
		const uint8_t *mem = s->mem ? s->mem + (chunk - s->start) : NULL;
		unsigned word = t->parking.word;

		if (!mem || chunk + CHUNK_HEADER + word > s->end || !bit_get(t->heap.used, id) ||
		    load_word(mem + chunk_size_at(word), word) > FAST_MOST ||
		    !chunk_may_be_parked(&t->parking, chunk, mem))
			continue;
		array_push(&t->walk.parked,
		           ((struct parked){ chunk, load_word(mem + CHUNK_HEADER, word) }));
	}
}

/* The pages in which the headers stand are not all zeroes. */
static void note_written(const struct tour *t, const struct span *s, uint64_t starts)
{
	if (!starts)
		return;
	core_note_written(t->walk.core, s->size_at + cell_chunk(s, t->told_cell,
	                                                        (unsigned)__builtin_ctzll(starts)));
	core_note_written(
		t->walk.core,
		s->size_at + cell_chunk(s, t->told_cell, 63u - (unsigned)__builtin_clzll(starts)));
}

/* The visitor is told of the chunks before cell `to`, which end at end. */
static void tell(struct tour *t, const struct span *span, size_t to, vaddr end)
{
	struct span s = *span;
	size_t first = t->told_cell;
	uint32_t from = t->told_id;

	s.end = end;
	s.ncells = (s.end - s.start) / span_cell(&s) + 1;
	for (; t->told_cell < to; t->told_cell++) {
		if (t->parking.word) {
			note_parked(t, &s, cell_bits(&s.cell[t->told_cell]));
			note_written(t, &s, cell_bits(&s.cell[t->told_cell]));
		}
		t->told_id += bit_count(cell_bits(&s.cell[t->told_cell]));
	}
	t->visitor->walked(t->visitor->of, &s, first, to, t->heap.used, from);
}

/* A part was walked up to this chunk. */
static void show(void *tour, const struct span *s, vaddr chunk)
{
	struct tour *t = tour;
	size_t to = (chunk - s->start) / span_cell(s);

	to = round_down(s->first_cell + to, VISIT_CELLS);
	if (to > s->first_cell + t->told_cell)
		tell(t, s, to - s->first_cell,
		     span_next(s, s->start + (to - s->first_cell) * span_cell(s)));
}

/* What the walk of a part starts with. */
static void prepare(struct tour *t, const struct walk *w, const struct region *r, vaddr end)
{
	const struct arena *a = &w->arenas.v[r->arena];
	struct part *p = t->part;

	p->arena = (struct arena){ .addr = a->addr, .instance = a->instance, .main = a->main };
	t->used_bytes = (end - p->from) / chunk_min(w->word) / 8 + 16;
	t->heap.used = mem_lazy(t->used_bytes);
	t->walk = (struct walk){ .core = w->core,
		                 .word = w->word,
		                 .align = w->align,
		                 .heap = &t->heap,
		                 .view = { .core = w->core },
		                 .arenas = { &p->arena, 1, 1 },
		                 .candidate_max = w->candidate_max,
		                 .ahead = ahead_open(w->core, 1) };
	if (p->mem) {
		t->walk.view.lo = p->at;
		t->walk.view.hi = p->mem_end;
		t->walk.view.mem = p->mem;
	} else {
		ahead_add(t->walk.ahead, p->from, end);
		core_will_want(w->core, p->from, end + PART);
	}
	t->walk.show = t->visitor ? show : NULL;
	t->walk.show_of = t;
}

/* A copy of n items of this size, no longer than they are; NULL: there are none. */
static void *keep(const void *items, size_t n, size_t size)
{
	return n ? memcpy(mem_alloc(n, size), items, n * size) : NULL;
}

static void keep_found(struct tour *t)
{
	struct part *p = t->part;
	const struct walk *w = &t->walk;

	p->nchunks = w->next_id;
	p->used = keep(t->heap.used, w->next_id / 64 + 1, sizeof(*p->used));
	p->parked = keep(w->parked.v, w->parked.n, sizeof(*p->parked));
	p->nparked = w->parked.n;
	p->candidates = keep(w->candidates.v, w->candidates.n, sizeof(*p->candidates));
	p->ncandidates = w->candidates.n;
	p->forward = w->forward;
	p->backward = w->backward;
}

static void end_tour(struct tour *t)
{
	ahead_close(t->walk.ahead);
	array_free(&t->walk.parked);
	array_free(&t->walk.candidates);
	array_free(&t->walk.findings);
	pool_free(&t->heap.pool);
	mem_lazy_free(t->heap.used, t->used_bytes);
}

void part_walk(struct part *p, const struct walk *w, size_t first_cell,
               const struct visitor *visitor, const struct parking *parking)
{
	struct region r = w->regions.v[p->region];
	struct tour t = { .part = p, .visitor = visitor };
	struct stepper st = stepper_of(&t.walk, &r, w->arenas.v[r.arena].main);
	struct span s = { .start = r.start, .kind = r.kind, .arena = r.arena, .apart = w->apart };
	enum step how;

	span_form(&s, chunk_size_at(w->word), w->align);
	if (visitor && w->core->scarce)
		t.parking = *parking;
	prepare(&t, w, &r, p->until ? p->until : r.limit);
	s.cell = w->heap->cell + first_cell;
	s.first_cell = first_cell;
	/* only what lies in the part is looked at */
	s.mem = p->mem ? (const uint8_t *)((uintptr_t)p->mem - (p->at - r.start))
	               : core_at(w->core, r.start, r.limit - r.start);
	s.ncells = (r.limit - r.start) / span_cell(&s) + 1;
	t.told_cell = (p->from - r.start) / span_cell(&s);
	r.arena = 0;
	st.until = p->until;
	how = chunks_span(&st, &r, &s, p->from, &p->stop);
	p->sound = !t.walk.findings.n &&
	           (p->until ? how == STEP_CHUNK
	                     : how == STEP_TOP || (how == STEP_FENCE && r.top <= p->stop));
	/* a part behind it begins in the cell in which this one ends */
	if (p->sound && visitor)
		tell(&t, &s, (p->stop - s.start) / span_cell(&s) + (p->until ? 0 : 1), p->stop);
	if (p->sound)
		keep_found(&t);
	end_tour(&t);
}

void part_free(struct part *p)
{
	mem_free(p->used);
	mem_free(p->parked);
	mem_free(p->candidates);
	p->used = NULL;
	p->parked = NULL;
	p->candidates = NULL;
}
