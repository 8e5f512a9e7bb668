#include "heapwalk/part.h"
#include "formats/written.h"

#define PARKED_MOST (PART / 512) /* in a part */
#define FAST_MOST   0xbf /* bytes of a chunk in a fastbin, with flags: malloc.c MAX_FAST_SIZE */

/*
 * Of the chunks that start in the next cell to be told of, those that may wait in fastbins are
 * kept, with their links: following those lists in the core itself would be a read from disk for
 * each chunk.
 */
static void note_parked(struct part *p, const struct span *s, uint64_t starts)
{
	uint32_t id = p->told_id;

	for (; starts && p->walk.parked.n < PARKED_MOST; starts &= starts - 1, id++) {
		vaddr chunk = cell_chunk(s, p->told_cell, (unsigned)__builtin_ctzll(starts));
		const uint8_t *mem = s->mem ? s->mem + (chunk - s->start) : NULL;
		unsigned word = p->parking.word;

		if (!mem || chunk + CHUNK_HEADER + word > s->end || !bit_get(p->heap.used, id) ||
		    load_word(mem + chunk_size_at(word), word) > FAST_MOST ||
		    !chunk_may_be_parked(&p->parking, chunk, mem))
			continue;
		array_push(&p->walk.parked,
		           ((struct parked){ chunk, load_word(mem + CHUNK_HEADER, word) }));
	}
}

/* The pages in which the headers stand are not all zeroes. */
static void note_written(const struct part *p, const struct span *s, uint64_t starts)
{
	if (!starts)
		return;
	core_note_written(p->walk.core, s->size_at + cell_chunk(s, p->told_cell,
	                                                        (unsigned)__builtin_ctzll(starts)));
	core_note_written(
		p->walk.core,
		s->size_at + cell_chunk(s, p->told_cell, 63u - (unsigned)__builtin_clzll(starts)));
}

/* The visitor is told of the chunks before cell `to`, which end at end. */
static void tell(struct part *p, const struct span *span, size_t to, vaddr end)
{
	struct span s = *span;
	size_t first = p->told_cell;
	uint32_t from = p->told_id;

	s.end = end;
	s.ncells = (s.end - s.start) / span_cell(&s) + 1;
	for (; p->told_cell < to; p->told_cell++) {
		if (p->parking.word) {
			note_parked(p, &s, cell_bits(&s.cell[p->told_cell]));
			note_written(p, &s, cell_bits(&s.cell[p->told_cell]));
		}
		p->told_id += bit_count(cell_bits(&s.cell[p->told_cell]));
	}
	p->visitor->walked(p->visitor->of, &s, first, to, p->heap.used, from);
}

/* A part was walked up to this chunk. */
static void show(void *part, const struct span *s, vaddr chunk)
{
	struct part *p = part;
	size_t to = (chunk - s->start) / span_cell(s);

	to = round_down(s->first_cell + to, VISIT_CELLS);
	if (to > s->first_cell + p->told_cell)
		tell(p, s, to - s->first_cell,
		     span_next(s, s->start + (to - s->first_cell) * span_cell(s)));
}

/* What the walk of a part starts with. */
static void prepare(struct part *p, const struct walk *w, const struct region *r, vaddr end)
{
	const struct arena *a = &w->arenas.v[r->arena];
	struct arena blank = { .addr = a->addr, .instance = a->instance, .main = a->main };

	p->used_bytes = (end - p->from) / chunk_min(w->word) / 8 + 16;
	p->heap.used = mem_lazy(p->used_bytes);
	p->walk = (struct walk){ .core = w->core,
		                 .word = w->word,
		                 .align = w->align,
		                 .heap = &p->heap,
		                 .view = { .core = w->core },
		                 .candidate_max = w->candidate_max,
		                 .ahead = ahead_open(w->core, 1) };
	array_push(&p->walk.arenas, blank);
	if (p->mem) {
		p->walk.view.lo = p->at;
		p->walk.view.hi = p->mem_end;
		p->walk.view.mem = p->mem;
	} else {
		ahead_add(p->walk.ahead, p->from, end);
		core_will_want(w->core, p->from, end + PART);
	}
	p->walk.show = p->visitor ? show : NULL;
	p->walk.show_of = p;
}

/* Until all parts are joined, each has as much of it as it needs, and no more. */
static void keep_used(struct part *p)
{
	uint64_t *used = p->heap.used;
	size_t words = p->walk.next_id / 64 + 1;

	p->heap.used = mem_alloc(words, sizeof(*used));
	memcpy(p->heap.used, used, words * sizeof(*used));
	mem_lazy_free(used, p->used_bytes);
}

void part_walk(struct part *p, const struct walk *w, size_t first_cell,
               const struct visitor *visitor, const struct parking *parking)
{
	struct region r = w->regions.v[p->region];
	struct stepper st = stepper_of(&p->walk, &r, w->arenas.v[r.arena].main);
	struct span s = { .start = r.start, .kind = r.kind, .arena = r.arena, .apart = w->apart };
	enum step how;

	span_form(&s, chunk_size_at(w->word), w->align);
	p->visitor = visitor;
	if (visitor && w->core->scarce)
		p->parking = *parking;
	prepare(p, w, &r, p->until ? p->until : r.limit);
	s.cell = w->heap->cell + first_cell;
	s.first_cell = first_cell;
	/* only what lies in the part is looked at */
	s.mem = p->mem ? (const uint8_t *)((uintptr_t)p->mem - (p->at - r.start))
	               : core_at(w->core, r.start, r.limit - r.start);
	s.ncells = (r.limit - r.start) / span_cell(&s) + 1;
	p->told_cell = (p->from - r.start) / span_cell(&s);
	r.arena = 0;
	st.until = p->until;
	how = chunks_span(&st, &r, &s, p->from, &p->stop);
	p->sound = !p->walk.findings.n &&
	           (p->until ? how == STEP_CHUNK
	                     : how == STEP_TOP || (how == STEP_FENCE && r.top <= p->stop));
	ahead_close(p->walk.ahead);
	/* a part behind it begins in the cell in which this one ends */
	if (p->sound && visitor)
		tell(p, &s, (p->stop - s.start) / span_cell(&s) + (p->until ? 0 : 1), p->stop);
	array_free(&p->walk.findings);
	pool_free(&p->heap.pool);
	keep_used(p);
}
