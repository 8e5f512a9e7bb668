#include "formats/crew.h"
#include "formats/written.h"
#include "heapwalk/plan.h"
#include "heapwalk/step.h"

#define PART        (UINT64_C(8) << 20) /* bytes of heap, about */
#define WORTH       (UINT64_C(8) << 20) /* bytes of heap that are worth threads */
#define SURE_STEPS  512          /* headers in a row behind which a chain is that of the chunks */
#define SEARCH      65536        /* bytes in which a chain is to begin */
#define PARKED_MOST (PART / 512) /* in a part */
#define FAST_MOST   0xbf /* bytes of a chunk in a fastbin, with flags: malloc.c MAX_FAST_SIZE */

/* A part of a region, and what was found in it. */
struct part {
	size_t region;
	vaddr from, until; /* the chunks that start there; until 0: to the region's end */
	struct walk walk;  /* with one arena: the region's */
	struct heap heap;  /* ids start at 0 */
	uint64_t used_bytes;
	vaddr stop; /* end of the chunks */
	bool sound;
	const struct visitor *visitor; /* NULL: none; it was told of: */
	struct parking parking;        /* word 0: of no use */
	size_t told_cell;              /* cells of the region before this one */
	uint32_t told_id;
};

/* Where a part might begin. */
struct cut {
	size_t region;
	vaddr at, from; /* looked for behind at; found: 0 if none was */
};

struct split {
	struct walk *w;
	const struct visitor *visitor; /* NULL: none */
	struct parking parking;        /* for it */
	unsigned threads;
	ARRAY(struct cut) cuts;
	ARRAY(struct part) parts;
	size_t *first_cell; /* by region; the last: of what is behind all */
	size_t taken;       /* parts that split_take is past */
	size_t spare;       /* cell */
};

/*
 * A chunk's start behind at and below end. Stray words that look like headers do not lead on for
 * long, or they lead to the start of a chunk: two chains that meet are one from there on. The chunk
 * is the first in its cell of the index, so that parts have no cell in common. 0: none was found.
 */
static vaddr sure_start(const struct stepper *st, const struct region *r, vaddr at, vaddr end)
{
	uint64_t head, size, cell = 64 * st->w->align;

	for (vaddr q = at; q < at + SEARCH && q < end; q += st->w->align) {
		vaddr p = q, last = q;
		unsigned n = 0;

		while (p < end && step_at(st, p, &head, &size) == STEP_CHUNK) {
			if (++n > SURE_STEPS && (p - r->start) / cell != (last - r->start) / cell)
				return p;
			last = p;
			p += size;
		}
		if (p >= end || n > SURE_STEPS)
			return 0;
	}
	return 0;
}

static void add_part(struct split *sp, size_t region, vaddr from)
{
	if (sp->parts.n && sp->parts.v[sp->parts.n - 1].region == region)
		sp->parts.v[sp->parts.n - 1].until = from;
	array_push(&sp->parts, ((struct part){ .region = region, .from = from }));
}

static struct stepper stepper_of(struct walk *w, const struct region *r, bool main)
{
	return (struct stepper){
		.w = w, .limit = r->limit, .top = r->top, .top_size = r->top_size, .main = main
	};
}

static void find_cuts(void *split, size_t first, size_t end)
{
	struct split *sp = split;
	const struct walk *w = sp->w;
	struct walk own = {
		.core = w->core, .word = w->word, .align = w->align, .view = { .core = w->core }
	};

	for (size_t i = first; i < end; i++) {
		struct cut *c = &sp->cuts.v[i];
		const struct region *r = &w->regions.v[c->region];
		struct stepper st = stepper_of(&own, r, w->arenas.v[r->arena].main);

		c->from = sure_start(&st, r, c->at, c->at + PART);
	}
}

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

static void walk_part(const struct split *sp, struct part *p)
{
	const struct walk *w = sp->w;
	struct region r = w->regions.v[p->region];
	const struct arena *a = &w->arenas.v[r.arena];
	struct arena blank = { .addr = a->addr, .instance = a->instance, .main = a->main };
	struct stepper st = stepper_of(&p->walk, &r, a->main);
	struct span s = { .start = r.start, .kind = r.kind, .arena = r.arena, .apart = w->apart };
	vaddr end = p->until ? p->until : r.limit;
	enum step how;

	span_form(&s, chunk_size_at(w->word), w->align);
	p->used_bytes = (end - p->from) / chunk_min(w->word) / 8 + 16;
	p->heap.used = mem_lazy(p->used_bytes);
	p->walk = (struct walk){ .core = w->core,
		                 .word = w->word,
		                 .align = w->align,
		                 .heap = &p->heap,
		                 .view = { .core = w->core },
		                 .candidate_max = w->candidate_max,
		                 .ahead = ahead_open(w->core, 1) };
	ahead_add(p->walk.ahead, p->from, end);
	core_will_want(w->core, p->from, end + PART);
	array_push(&p->walk.arenas, blank);
	s.cell = w->heap->cell + sp->first_cell[p->region];
	s.first_cell = sp->first_cell[p->region];
	s.mem = core_at(w->core, r.start, r.limit - r.start);
	s.ncells = (r.limit - r.start) / span_cell(&s) + 1;
	p->told_cell = (p->from - r.start) / span_cell(&s);
	if (sp->visitor) {
		p->visitor = sp->visitor;
		if (w->core->scarce)
			p->parking = sp->parking;
		p->walk.show = show;
		p->walk.show_of = p;
	}
	r.arena = 0;
	st.until = p->until;
	how = chunks_span(&st, &r, &s, p->from, &p->stop);
	p->sound = !p->walk.findings.n &&
	           (p->until ? how == STEP_CHUNK
	                     : how == STEP_TOP || (how == STEP_FENCE && r.top <= p->stop));
	ahead_close(p->walk.ahead);
	/* a part behind it begins in the cell in which this one ends */
	if (p->sound && sp->visitor)
		tell(p, &s, (p->stop - s.start) / span_cell(&s) + (p->until ? 0 : 1), p->stop);
	array_free(&p->walk.findings);
	pool_free(&p->heap.pool);
}

static void walk_parts(void *split, size_t first, size_t end)
{
	struct split *sp = split;

	for (size_t i = first; i < end; i++)
		walk_part(sp, &sp->parts.v[i]);
}

/* Cuts the regions into parts. */
static void cut(struct split *sp)
{
	const struct walk *w = sp->w;
	size_t c = 0;

	for (size_t i = 0; i < w->regions.n; i++) {
		const struct region *r = &w->regions.v[i];

		for (vaddr at = r->start + PART;
		     r->kind != SPAN_MMAP && at < r->limit && r->limit - at > PART; at += PART)
			array_push(&sp->cuts, ((struct cut){ .region = i, .at = at }));
	}
	crew_share(sp->threads, sp->cuts.n, 1, find_cuts, sp);
	for (size_t i = 0; i < w->regions.n; i++) {
		if (w->regions.v[i].kind == SPAN_MMAP)
			continue;
		add_part(sp, i, w->regions.v[i].start);
		for (; c < sp->cuts.n && sp->cuts.v[c].region == i; c++)
			if (sp->cuts.v[c].from)
				add_part(sp, i, sp->cuts.v[c].from);
	}
}

/* Bytes of heap to be stepped through; 0 where regions overlap, which the ordinary walk reports. */
static uint64_t bytes_to_walk(const struct walk *w)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->regions.n; i++) {
		const struct region *r = &w->regions.v[i];

		if (i && r->start + chunk_lead(w->word) < r[-1].limit)
			return 0;
		if (r->kind != SPAN_MMAP && r->limit > r->start)
			sum += r->limit - r->start;
	}
	return sum;
}

struct split *split_walk(struct walk *w, unsigned threads, const struct visitor *visitor)
{
	struct split *sp;

	if (visitor ? !bytes_to_walk(w) : threads < 2 || bytes_to_walk(w) < WORTH)
		return NULL;
	sp = mem_alloc(1, sizeof(*sp));
	sp->w = w;
	sp->threads = threads;
	sp->visitor = visitor;
	sp->first_cell = mem_alloc(w->regions.n + 1, sizeof(*sp->first_cell));
	for (size_t i = 0; i < w->regions.n; i++)
		sp->first_cell[i + 1] = sp->first_cell[i] + split_cells(&w->regions.v[i], w->align);
	sp->spare = sp->first_cell[w->regions.n];
	cut(sp);
	if (visitor) {
		plan_make(w, sp, &sp->parking);
		visitor->begin(visitor->of, w->heap, &sp->parking);
	}
	crew_share(threads, sp->parts.n, 1, walk_parts, sp);
	if (visitor)
		plan_drop(w->heap);
	return sp;
}

size_t split_first_cell(const struct split *split, size_t region)
{
	return split->first_cell[region];
}

void split_free(struct split *sp)
{
	if (!sp)
		return;
	for (size_t i = 0; i < sp->parts.n; i++) {
		struct part *p = &sp->parts.v[i];

		mem_lazy_free(p->heap.used, p->used_bytes);
		array_free(&p->walk.arenas);
		array_free(&p->walk.candidates);
		array_free(&p->walk.parked);
	}
	array_free(&sp->cuts);
	array_free(&sp->parts);
	mem_free(sp->first_cell);
	mem_free(sp);
}

/* n bits go behind the bits that are there already. */
static void append_bits(uint64_t *to, uint64_t at, const uint64_t *from, uint64_t n)
{
	unsigned shift = at & 63;

	to += at >> 6;
	for (uint64_t i = 0; i < (n + 63) / 64; i++) {
		to[i] |= from[i] << shift;
		if (shift && from[i] >> (64 - shift))
			to[i + 1] |= from[i] >> (64 - shift);
	}
}

static void add_tally(struct tally *to, const struct tally *from)
{
	to->blocks += from->blocks;
	to->bytes += from->bytes;
}

static void join(struct walk *w, const struct region *r, const struct part *p)
{
	struct arena *to = &w->arenas.v[r->arena];
	const struct arena *from = &p->walk.arenas.v[0];

	append_bits(w->heap->used, w->next_id, p->heap.used, p->walk.next_id);
	w->next_id += p->walk.next_id;
	w->forward += p->walk.forward;
	w->backward += p->walk.backward;
	for (size_t i = 0; i < p->walk.parked.n; i++)
		array_push(&w->parked, p->walk.parked.v[i]);
	for (size_t i = 0; i < p->walk.candidates.n; i++)
		array_push(&w->candidates, p->walk.candidates.v[i]);
	add_tally(&to->used, &from->used);
	for (int place = 0; place < FREE_PLACES; place++)
		add_tally(&to->free[place], &from->free[place]);
	if (from->largest_free > to->largest_free)
		to->largest_free = from->largest_free;
}

bool split_take(struct split *sp, struct walk *w, size_t region)
{
	const struct region *r = &w->regions.v[region];
	struct part *p = sp->parts.v + sp->taken;
	size_t n = 0;
	bool sound = true;
	struct span s;

	for (; sp->taken + n < sp->parts.n && p[n].region == region; n++)
		sound &= p[n].sound;
	sp->taken += n;
	w->next_cell = sound && n ? sp->first_cell[region] : sp->spare;
	if (!sound || !n) {
		sp->spare += (r->limit - r->start) / (32 * w->align) + 2;
		return false;
	}
	chunks_open(w, r, r->start, &s);
	for (size_t i = 0; i < n; i++)
		join(w, r, &p[i]);
	s.end = p[n - 1].stop;
	s.own_start = r->own_start;
	s.own_end = r->own_end;
	chunks_close(w, &s);
	return true;
}
