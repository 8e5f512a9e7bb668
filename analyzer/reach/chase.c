/*
 * A link is a word in one place of each block, so what follows a block is a function of it, and a
 * leg, which goes from a block to where another leg was or to the list's end, is one of its paths.
 * Legs that start anywhere are walked in turns, so that each one's memory comes while the others'
 * is looked at; a bit tells where one was. Where the leg of the list's head ends on the start of
 * another, all of that other one follows, too, and so on.
 */
#include "analyzer/reach/chase.h"
#include "analyzer/reach/cellmap.h"
#include "formats/idmap.h"

#define LANES   48  /* legs that are walked at a time */
#define TRIAL   16  /* steps that a word has to lead from block to block, to be a link */
#define REACH   512 /* bytes of a block in which the link is looked for */
#define LUCK    256 /* starts that may lead nowhere; one more for each STEPS steps made */
#define STEPS   4
#define LONGEST 1024 /* steps of a leg, in a small heap */
#define TRIES   32   /* cells in which a start is looked for */

struct leg {
	vaddr end; /* the first block that is another's; 0: not yet known, or: */
	bool dead; /* there is none */
	bool taken;
};

struct lane {
	size_t leg; /* SIZE_MAX: none */
	vaddr at;   /* a chunk */
	vaddr next; /* what it leads to */
	struct seat seat;
	unsigned steps;
};

struct chase {
	struct marker *m;
	unsigned link; /* bytes behind a block's start */
	ARRAY(struct leg) legs;
	struct idmap starts; /* of legs, by chunk */
	struct lane lane[LANES];
	uint64_t random, luck;
	size_t longest; /* steps of a leg: no one is to be scanned last, alone */
	size_t nheads;  /* of the lists, whose legs are the first ones */
	size_t front;   /* the leg that the list was followed to */
	bool over;
	ARRAY(vaddr) out;
};

/* Where the bits are of the chunk that a word leads to. False: to none that can be followed. */
static bool target(const struct marker *m, uint64_t word, struct seat *seat)
{
	vaddr chunk = (word & m->mask) - CHUNK_HEADER;
	const struct span *s = heap_span(m->heap, chunk);

	if (!s || !s->cell || !s->mem || chunk & (m->grain - 1))
		return false;
	*seat = seat_of(s, chunk);
	return true;
}

/* The chunk's word that is the link. False: it has none there. */
static bool read_link(const struct marker *m, unsigned link, vaddr chunk, uint64_t *word)
{
	const struct span *s = heap_span(m->heap, chunk);
	const uint8_t *p = s->mem + (chunk - s->start);
	uint64_t usable = marker_usable(m, s, chunk, p);

	if (usable > s->end - chunk - CHUNK_HEADER || link + m->width > usable)
		return false;
	*word = load_word(p + CHUNK_HEADER + link, m->width);
	return true;
}

static bool is_link(const struct marker *m, unsigned link, vaddr chunk)
{
	struct seat seat;
	uint64_t word;

	for (unsigned i = 0; i < TRIAL; i++) {
		if (!read_link(m, link, chunk, &word) || !target(m, word, &seat) ||
		    !(m->left[seat.cell] & seat.bit))
			return false;
		chunk = (word & m->mask) - CHUNK_HEADER;
	}
	return true;
}

static bool find_link(const struct marker *m, vaddr chunk, unsigned *link)
{
	const struct span *s = heap_span(m->heap, chunk);

	if (!s || !s->cell || !s->mem)
		return false;
	for (*link = 0; *link < REACH; *link += m->width)
		if (is_link(m, *link, chunk))
			return true;
	return false;
}

static void set_out(struct chase *c, struct lane *l, vaddr from)
{
	*l = (struct lane){ .leg = c->legs.n, .at = from };
	idmap_put(&c->starts, from, (uint32_t)c->legs.n);
	array_push(&c->legs, (struct leg){ 0 });
}

/* A block that is left and on no leg, anywhere; 0: none was found. */
static vaddr pick(struct chase *c)
{
	struct marker *m = c->m;

	for (unsigned i = 0; i < TRIES; i++) {
		size_t cell;
		uint64_t bits;
		struct stretch p;

		c->random = c->random * UINT64_C(6364136223846793005) + 1442695040888963407;
		cell = (size_t)((c->random >> 32) * m->ncells >> 32);
		bits = m->left[cell] & ~m->found[cell];
		if (bits && stretch_first(m->heap, cell, cell + 1, &p) && p.span->mem &&
		    p.span->cell) {
			m->found[cell] |= bits & -bits;
			return cell_chunk(p.span, cell - p.span->first_cell,
			                  (unsigned)__builtin_ctzll(bits));
		}
	}
	return 0;
}

static void set_out_anywhere(struct chase *c, struct lane *l)
{
	vaddr from = c->luck && c->legs.n < CHASE_LEGS ? pick(c) : 0;

	l->leg = SIZE_MAX;
	if (!from) {
		c->luck = 0;
		return;
	}
	c->luck--;
	set_out(c, l, from);
}

/* A head's leg that the list was not followed to yet. */
static bool next_head(const struct chase *c, uint32_t *leg)
{
	for (*leg = 0; *leg < c->nheads; (*leg)++)
		if (!c->legs.v[*leg].taken)
			return true;
	return false;
}

/* On to the leg that begins where the front one ended, and so on; then to the next head's. */
static void advance(struct chase *c)
{
	const struct leg *l = &c->legs.v[c->front];

	for (; l->end || l->dead; l = &c->legs.v[c->front]) {
		uint32_t next = l->dead ? IDMAP_NONE : idmap_get(&c->starts, l->end);

		if (!l->dead)
			array_push(&c->out, l->end);
		if (next == IDMAP_NONE || c->legs.v[next].taken) {
			c->over = !next_head(c, &next);
			if (c->over)
				return;
		}
		c->front = next;
		c->legs.v[next].taken = true;
	}
}

static void end_leg(struct chase *c, struct lane *l, vaddr end)
{
	struct leg *leg = &c->legs.v[l->leg];

	leg->end = end;
	leg->dead = !end;
	if (l->leg == c->front)
		advance(c);
	set_out_anywhere(c, l);
}

/* A leg ends where the lane is, and another begins there. */
static void cut(struct chase *c, struct lane *l)
{
	size_t leg = l->leg;

	c->legs.v[leg].end = l->at;
	set_out(c, l, l->at);
	if (leg == c->front)
		advance(c);
}

/* A step onto l->next, whose bits are there. */
static void step(struct chase *c, struct lane *l)
{
	struct marker *m = c->m;

	if (!(m->left[l->seat.cell] & l->seat.bit)) {
		end_leg(c, l, 0);
	} else if (m->found[l->seat.cell] & l->seat.bit) {
		end_leg(c, l, l->next);
	} else {
		m->found[l->seat.cell] |= l->seat.bit;
		l->at = l->next;
		c->luck += !(++l->steps % STEPS);
		if (l->steps >= c->longest && c->legs.n < CHASE_LEGS)
			cut(c, l);
	}
}

/* Links, then what they lead to is asked for, then steps: each for all lanes, see push_words. */
static void step_all(struct chase *c)
{
	struct marker *m = c->m;
	const uint8_t *p[LANES];
	struct lane *on[LANES];
	size_t n = 0;

	for (size_t i = 0; i < LANES; i++) {
		struct lane *l = &c->lane[i];
		uint64_t word;

		if (l->leg == SIZE_MAX) {
			if (c->luck)
				set_out_anywhere(c, l);
		} else if (read_link(m, c->link, l->at, &word) && target(m, word, &l->seat)) {
			const struct span *s;

			l->next = (word & m->mask) - CHUNK_HEADER;
			s = heap_span(m->heap, l->next);
			p[n] = s->mem + (l->next - s->start);
			on[n++] = l;
		} else {
			end_leg(c, l, 0);
		}
	}
	for (size_t i = 0; i < n; i++) {
		__builtin_prefetch(p[i]);
		__builtin_prefetch(p[i] + CHUNK_HEADER + c->link);
		__builtin_prefetch(&m->left[on[i]->seat.cell]);
		__builtin_prefetch(&m->found[on[i]->seat.cell], 1);
	}
	for (size_t i = 0; i < n; i++)
		step(c, on[i]);
}

/* Legs from the heads, which are taken for left ones as long as that lasts. */
static void set_out_from(struct chase *c, const vaddr *head, size_t n)
{
	struct marker *m = c->m;
	struct seat seat;

	for (size_t i = 0; i < LANES; i++)
		c->lane[i].leg = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		if (!target(m, head[i] + CHUNK_HEADER, &seat))
			continue;
		m->left[seat.cell] |= seat.bit;
		m->found[seat.cell] |= seat.bit;
		set_out(c, &c->lane[c->nheads++], head[i]);
	}
	c->legs.v[0].taken = true;
}

/* What the heads were found to lead to. */
static size_t take_out(struct chase *c, const vaddr *head, size_t nheads, vaddr *chunk)
{
	struct marker *m = c->m;
	struct seat seat;
	size_t n = 0;

	for (size_t i = 0; i < nheads; i++)
		if (target(m, head[i] + CHUNK_HEADER, &seat))
			m->left[seat.cell] &= ~seat.bit;
	for (size_t i = 0; i < c->out.n && n < CHASE_LEGS; i++)
		if (target(m, c->out.v[i] + CHUNK_HEADER, &seat) && m->left[seat.cell] & seat.bit)
			chunk[n++] = c->out.v[i];
	return n;
}

size_t chase_lists(struct marker *m, const vaddr *head, size_t nheads, vaddr *chunk)
{
	struct chase c = { .m = m, .luck = LUCK, .longest = LONGEST + m->ncells / 128 };
	size_t n = 0;

	if (nheads > LANES)
		nheads = LANES;
	while (n < nheads && !find_link(m, head[n], &c.link))
		n++;
	if (n == nheads)
		return 0;
	c.random = head[n];
	set_out_from(&c, head, nheads);
	while (!c.over)
		step_all(&c);
	n = take_out(&c, head, nheads, chunk);
	mem_lazy_clear(m->found, m->ncells * sizeof(*m->found));
	array_free(&c.legs);
	array_free(&c.out);
	idmap_free(&c.starts);
	return n;
}
