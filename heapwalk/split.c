#include "formats/crew.h"
#include "formats/feed.h"
#include "formats/written.h"
#include "heapwalk/part.h"
#include "heapwalk/plan.h"

#include <pthread.h>

#define WORTH      (UINT64_C(8) << 20) /* bytes of heap that are worth threads */
#define SURE_STEPS 512   /* headers in a row behind which a chain is that of the chunks */
#define SEARCH     65536 /* bytes in which a chain is to begin */
#define SURE_BYTES 65536 /* or so many bytes of SURE_LEAST headers */
#define SURE_LEAST 32
#define BUFFERS    5  /* windows in memory, at most */
#define BEHIND     64 /* bytes behind a part's end that are looked at */

struct split {
	struct walk *w;
	const struct visitor *visitor; /* NULL: none */
	struct parking parking;        /* for it */
	unsigned threads;
	ARRAY(struct part) parts;
	size_t *first_cell; /* by region; the last: of what is behind all */
	size_t taken;       /* parts that split_take is past */
	size_t spare;       /* cell */
	/* Of a core that does not fit into memory; else feed is NULL: */
	struct feed *feed;
	size_t open; /* the last part whose end is not known yet; or SIZE_MAX */
	pthread_mutex_t lock;
	pthread_cond_t more; /* parts became ready */
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
			bool sure = ++n > SURE_STEPS || (n > SURE_LEAST && p - q > SURE_BYTES);

			if (sure && (p - r->start) / cell != (last - r->start) / cell)
				return p;
			last = p;
			p += size;
		}
		if (p >= end || n > SURE_STEPS)
			return 0;
	}
	return 0;
}

/* Where the part begins, in the memory of this view. */
static vaddr start_of(const struct split *sp, const struct part *p, struct view view, vaddr end)
{
	const struct walk *w = sp->w;
	const struct region *r = &w->regions.v[p->region];
	struct walk own = { .core = w->core, .word = w->word, .align = w->align, .view = view };
	struct stepper st = stepper_of(&own, r, w->arenas.v[r->arena].main);

	return p->at == r->start ? p->at : sure_start(&st, r, p->at, end);
}

static void find_starts(void *split, size_t first, size_t end)
{
	struct split *sp = split;

	for (size_t i = first; i < end; i++) {
		struct part *p = &sp->parts.v[i];

		p->from = start_of(sp, p, (struct view){ .core = sp->w->core }, p->at + PART);
	}
}

static void await(struct split *sp, const struct part *p)
{
	pthread_mutex_lock(&sp->lock);
	while (!p->ready)
		pthread_cond_wait(&sp->more, &sp->lock);
	pthread_mutex_unlock(&sp->lock);
}

static void walk_parts(void *split, size_t first, size_t end)
{
	struct split *sp = split;
	const struct walk *w = sp->w;

	for (size_t i = first; i < end; i++) {
		struct part *p = &sp->parts.v[i];

		if (sp->feed)
			await(sp, p);
		if (p->from)
			part_walk(p, w, sp->first_cell[p->region], sp->visitor, &sp->parking);
		if (sp->feed)
			feed_take_back(sp->feed, p->mem);
	}
}

/* ---- parts ---- */

static struct part *add_part(struct split *sp, size_t region, vaddr at)
{
	array_push(&sp->parts, ((struct part){ .region = region, .at = at }));
	return &sp->parts.v[sp->parts.n - 1];
}

/* Chunks that are of use lie in front of it: the top chunk has no more than a header. */
static vaddr region_reach(const struct region *r)
{
	return r->top >= r->start && r->top < r->limit && r->limit - r->top > BEHIND
	               ? r->top + BEHIND
	               : r->limit;
}

/*
 * Goes on from at by whole steps over what is a hole of the file, where no part starts. False:
 * there is nothing before end.
 */
static bool skip_holes(const struct core *core, vaddr *at, vaddr end, uint64_t step)
{
	vaddr first = *at, stop;

	if (!core_written(core, &first, end, &stop))
		return false;
	*at += round_down(first - *at, step);
	return true;
}

/* Cuts the regions into parts, by several threads. */
static void cut(struct split *sp)
{
	struct part *last = NULL;

	for (size_t i = 0; i < sp->w->regions.n; i++) {
		const struct region *r = &sp->w->regions.v[i];
		vaddr at = r->start, end = region_reach(r);

		if (r->kind == SPAN_MMAP)
			continue;
		add_part(sp, i, at);
		for (at += PART; at < end && end - at > PART; at += PART)
			if (skip_holes(sp->w->core, &at, end, PART))
				add_part(sp, i, at);
			else
				break;
	}
	crew_share(sp->threads, sp->parts.n, 1, find_starts, sp);
	for (size_t i = 0; i < sp->parts.n; i++) {
		struct part *p = &sp->parts.v[i];

		if (!p->from)
			continue;
		if (last && last->region == p->region)
			last->until = p->from;
		last = p;
	}
}

static void release(struct split *sp, struct part *p)
{
	feed_take_back(sp->feed, p->mem);
	p->mem = NULL;
}

/* The part before ends where this one starts; its last chunk lies in the window of this one. */
static void end_before(struct split *sp, struct part *p)
{
	struct part *before = &sp->parts.v[sp->open];
	uint64_t more = p->from - p->at + BEHIND;

	before->until = p->from;
	if (before->mem && p->mem && before->mem_end == p->at && more <= FEED_TAIL &&
	    more <= p->mem_end - p->at) {
		memcpy(before->mem + (before->mem_end - before->at), p->mem, more);
		before->mem_end += more;
	} else {
		release(sp, before);
	}
}

static void make_ready(struct split *sp, size_t part)
{
	pthread_mutex_lock(&sp->lock);
	sp->parts.v[part].ready = true;
	pthread_cond_broadcast(&sp->more);
	pthread_mutex_unlock(&sp->lock);
}

/*
 * The window of a part has come. Where it has no start for certain, the part before goes on through
 * it, and is read from the mapped file, as there is no buffer for that.
 */
static void arrived(void *split, size_t part, uint8_t *mem)
{
	struct split *sp = split;
	struct part *p = &sp->parts.v[part];
	struct view view = { sp->w->core, p->at, p->mem_end, mem };
	bool first = p->at == sp->w->regions.v[p->region].start;
	bool last = part + 1 == sp->parts.n || p[1].region != p->region;

	p->mem = mem;
	if (first || mem)
		p->from = start_of(sp, p, view, p->mem_end);
	if (!first && p->from)
		end_before(sp, p);
	if (!first && !p->from) {
		release(sp, &sp->parts.v[sp->open]);
		release(sp, p);
		make_ready(sp, part);
	} else {
		if (!first)
			make_ready(sp, sp->open);
		sp->open = part;
	}
	if (last)
		make_ready(sp, sp->open);
}

/* The same, each part as its window comes; where a region is not in one piece it is one part. */
static void cut_fed(struct split *sp)
{
	const struct core *core = sp->w->core;
	unsigned buffers = sp->threads < BUFFERS - 3 ? sp->threads + 3 : BUFFERS;

	sp->feed = feed_open(core, buffers, arrived, sp);
	pthread_mutex_init(&sp->lock, NULL);
	pthread_cond_init(&sp->more, NULL);
	for (size_t i = 0; i < sp->w->regions.n; i++) {
		const struct region *r = &sp->w->regions.v[i];
		vaddr at = r->start, end = region_reach(r);
		bool whole = core_at(core, at, r->limit - at) != NULL;

		if (r->kind == SPAN_MMAP)
			continue;
		do {
			struct part *p = add_part(sp, i, at);

			p->mem_end = whole ? feed_window_end(core, at, end) : at;
			feed_add(sp->feed, p->at, p->mem_end);
			at = p->mem_end;
		} while (whole && at < end && skip_holes(core, &at, end, FEED_WINDOW));
	}
}

static void feed_end(struct split *sp)
{
	if (!sp->feed)
		return;
	feed_close(sp->feed);
	sp->feed = NULL;
	pthread_cond_destroy(&sp->more);
	pthread_mutex_destroy(&sp->lock);
}

static void make_parts(struct split *sp)
{
	if (sp->visitor && sp->w->core->scarce) {
		cut_fed(sp);
		if (feed_start(sp->feed))
			return;
		feed_end(sp);
		sp->parts.n = 0;
	}
	cut(sp);
}

uint64_t split_bytes(const struct walk *w)
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

	if (visitor ? !split_bytes(w) : threads < 2 || split_bytes(w) < WORTH)
		return NULL;
	sp = mem_alloc(1, sizeof(*sp));
	sp->w = w;
	sp->threads = threads;
	sp->visitor = visitor;
	sp->first_cell = mem_alloc(w->regions.n + 1, sizeof(*sp->first_cell));
	for (size_t i = 0; i < w->regions.n; i++)
		sp->first_cell[i + 1] = sp->first_cell[i] + split_cells(&w->regions.v[i], w->align);
	sp->spare = sp->first_cell[w->regions.n];
	if (visitor) {
		plan_make(w, sp, &sp->parking);
		visitor->begin(visitor->of, w->heap, &sp->parking);
	}
	make_parts(sp);
	crew_share(threads, sp->parts.n, 1, walk_parts, sp);
	feed_end(sp);
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
	for (size_t i = 0; i < sp->parts.n; i++)
		part_free(&sp->parts.v[i]);
	array_free(&sp->parts);
	mem_free(sp->first_cell);
	if (sp->visitor)
		mem_trim();
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

static void join(struct walk *w, const struct region *r, struct part *p)
{
	struct arena *to = &w->arenas.v[r->arena];
	const struct arena *from = &p->arena;

	append_bits(w->heap->used, w->next_id, p->used, p->nchunks);
	w->next_id += p->nchunks;
	w->forward += p->forward;
	w->backward += p->backward;
	for (size_t i = 0; i < p->nparked; i++)
		array_push(&w->parked, p->parked[i]);
	for (size_t i = 0; i < p->ncandidates; i++)
		array_push(&w->candidates, p->candidates[i]);
	part_free(p);
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
		sound &= p[n].sound || !p[n].from;
	sp->taken += n;
	w->next_cell = sound && n ? sp->first_cell[region] : sp->spare;
	if (!sound || !n) {
		sp->spare += (r->limit - r->start) / (32 * w->align) + 2;
		return false;
	}
	chunks_open(w, r, r->start, &s);
	for (size_t i = 0; i < n; i++) {
		if (!p[i].from)
			continue;
		join(w, r, &p[i]);
		s.end = p[i].stop;
	}
	s.own_start = r->own_start;
	s.own_end = r->own_end;
	chunks_close(w, &s);
	return true;
}
