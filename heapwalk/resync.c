/*
 * Where a chain of chunk headers breaks: which chunk is the damaged one, and where the next sound
 * one starts.
 *
 * A header that makes no sense either was overwritten itself, or is none: the size of a chunk
 * before it was overwritten and misled the walk. Blocks in use are pointed to by their users, so
 * words that point to a chunk's user address, anywhere in writable memory, tell real chunks from
 * stale headers of chunks that were merged long ago and lie within a block; chunks in bins are
 * pointed to by their list. That search reads all memory once, and is made only for a damaged heap.
 */
#include "heapwalk/step.h"
#include "formats/written.h"

#define RESYNC_STEPS 64    /* headers that must chain for an address to be trusted */
#define MISLED_MAX   4     /* chunks that a wrong size may have made up before the walk stops */
#define SEARCHES_MAX 16    /* regions for which all memory is read */
#define ONE_CHUNK    65536 /* bytes up to which what is between two sound headers is one chunk */
#define LOOK_ON      (UINT64_C(1) << 20) /* bytes in which starts that are pointed to go first */

/* ---- who is pointed to ---- */

static bool note(const struct resync *rs, uint64_t *bits, vaddr v)
{
	unsigned lead = chunk_lead(rs->st.w->word), align = rs->st.w->align;
	uint64_t at;

	/* glibc's address of a chunk: blocks are aligned otherwise, or else a list tells */
	if (lead && (align == 8 ? bits == rs->listed : (v & 15) == lead))
		v -= lead;
	at = v - rs->r->start;
	if (at >= rs->r->limit - rs->r->start || v & (align - 1))
		return false;
	at /= align;
	bits[at >> 6] |= UINT64_C(1) << (at & 63);
	return true;
}

static void note_words(const struct resync *rs, uint64_t *bits, const uint8_t *p, uint64_t bytes)
{
	unsigned word = rs->st.w->word;

	for (uint64_t i = 0; i + word <= bytes; i += word)
		note(rs, bits, core_pointer(rs->st.w->core, load_word(p + i, word)));
}

/*
 * Free chunks of tcaches and fastbins are linked by words that are mixed with their own place (safe
 * linking, 2.32 on); a tcache's leads to the block, a fastbin's to the header.
 */
static void note_links(struct resync *rs, vaddr at, const uint8_t *p, uint64_t bytes)
{
	unsigned word = rs->st.w->word;

	for (uint64_t i = 0; i + word <= bytes; i += word) {
		vaddr to = load_word(p + i, word) ^ ((at + i) >> 12);

		if (note(rs, rs->pointed, to))
			note(rs, rs->pointed, to + CHUNK_HEADER);
	}
}

/* bits NULL: the words are links. */
static void note_range(struct resync *rs, uint64_t *bits, vaddr start, vaddr end)
{
	const struct core *core = rs->st.w->core;
	unsigned word = core->machine->word;

	for (vaddr stop, at = round_up(start, word); core_written(core, &at, end, &stop);
	     at = stop) {
		at = round_up(at, word);
		if (at >= stop)
			continue;
		if (bits)
			note_words(rs, bits, core_at(core, at, stop - at), stop - at);
		else
			note_links(rs, at, core_at(core, at, stop - at), stop - at);
	}
}

static void note_pointers(struct resync *rs)
{
	struct walk *w = rs->st.w;
	const struct arena *a = &w->arenas.v[rs->r->arena];

	rs->bits_bytes = ((rs->r->limit - rs->r->start) / (64 * w->align) + 1) * 8;
	rs->pointed = mem_lazy(rs->bits_bytes);
	rs->listed = mem_lazy(rs->bits_bytes);
	if (w->searches++ >= SEARCHES_MAX)
		return;
	for (size_t i = 0; i < w->core->nseg; i++) {
		const struct segment *s = &w->core->seg[i];

		if (s->flags & SEG_W)
			note_range(rs, rs->pointed, s->start, s->end);
	}
	note_range(rs, rs->listed, a->addr,
	           a->addr + state_size(w->instances.v[a->instance].state));
	for (size_t i = 0; i < w->regions.n; i++) {
		const struct region *r = &w->regions.v[i];

		if (r->kind == SPAN_MMAP || r->arena != rs->r->arena)
			continue;
		note_range(rs, rs->listed, r->start, r->limit);
		note_range(rs, NULL, r->start, r->limit);
	}
}

static bool noted(const struct resync *rs, const uint64_t *bits, vaddr at)
{
	uint64_t granule = (at - rs->r->start) / rs->st.w->align;

	if (!range_holds(rs->r->start, rs->r->limit, at, 1))
		return false;
	return bits[granule >> 6] >> (granule & 63) & 1;
}

/* Does a word of writable memory point here? */
static bool pointed(const struct resync *rs, vaddr at)
{
	return noted(rs, rs->pointed, at);
}

/* Does one of the arena, or of its chunks? A list links to headers; stacks do, too, while malloc or
 * free looks at a chunk, whatever that chunk is. */
static bool listed(const struct resync *rs, vaddr at)
{
	return noted(rs, rs->listed, at);
}

/* ---- chains ---- */

/*
 * Headers chain on from q, but the n-th, at p, is bad: the next damage? A long way of good headers
 * is not chance; nor is a short one between blocks that somebody has.
 */
static bool damaged_again(const struct resync *rs, vaddr q, vaddr p, int n)
{
	return n > 0 && rs->pointed && pointed(rs, q + CHUNK_HEADER) &&
	       (n > 1 || pointed(rs, p + CHUNK_HEADER));
}

/* Do headers chain on from q, either to the end of the region or long enough? */
static bool trustworthy(struct resync *rs, vaddr q)
{
	struct view *view = &rs->st.w->view;
	uint64_t head, size, prev_size, *budget = &rs->st.w->budget;
	vaddr p = q;

	for (int n = 0; n < RESYNC_STEPS && *budget; n++, --*budget) {
		vaddr last = p;

		switch (step_at(&rs->st, p, &head, &size)) {
		case STEP_TOP:
			return true;
		case STEP_FENCE:
			return n > 0;
		case STEP_BAD:
			return n >= RESYNC_STEPS / 8 || damaged_again(rs, q, p, n);
		default:
			p += size;
		}
		/* a free chunk repeats its size at its end */
		if (p != rs->st.top && chunk_head(view, p, &head, rs->st.w->word) &&
		    !(head & CHUNK_PREV_INUSE) &&
		    (!chunk_prev(view, p, &prev_size, rs->st.w->word) || prev_size != p - last) &&
		    n < 2)
			return false;
	}
	return *budget != 0;
}

/* The next trustworthy start at or after p and below end; 0: none. */
static vaddr next_trusted(struct resync *rs, vaddr p, vaddr end)
{
	uint64_t *budget = &rs->st.w->budget;
	unsigned word = rs->st.w->word, align = rs->st.w->align;

	for (vaddr q = p; q < end && range_holds(0, rs->st.limit, q, CHUNK_HEADER) && *budget;
	     q += align, --*budget) {
		uint64_t head;

		if (q == rs->st.top)
			return q;
		if (!chunk_head(&rs->st.w->view, q, &head, word)) {
			q = round_down(q + chunk_lead(word), 4096) + 4096;
			q = chunk_first(word, align, q) - align;
			continue;
		}
		if (head >= chunk_min(word) && trustworthy(rs, q))
			return q;
		if (!*budget)
			break;
	}
	return 0;
}

vaddr resync_after_gap(struct resync *rs, vaddr p)
{
	vaddr q = p;
	uint64_t head;

	while ((q = next_trusted(rs, q, rs->st.limit)) && q != rs->st.top &&
	       chunk_head(&rs->st.w->view, q, &head, rs->st.w->word) && !(head & CHUNK_PREV_INUSE))
		q += rs->st.w->align;
	if (q)
		return q;
	return rs->st.top >= p && rs->st.top < rs->st.limit ? rs->st.top : 0;
}

/*
 * Is the chunk [chunk, next) free, as the header at next has it, size and all, and as a list has
 * it? (Stale headers of merged chunks have the first, too.)
 */
static bool closes_free(const struct resync *rs, vaddr chunk, vaddr next)
{
	uint64_t head, prev_size;

	return listed(rs, chunk) && chunk_head(&rs->st.w->view, next, &head, rs->st.w->word) &&
	       !(head & CHUNK_PREV_INUSE) &&
	       chunk_prev(&rs->st.w->view, next, &prev_size, rs->st.w->word) &&
	       prev_size == next - chunk;
}

/* Does somebody know the sound chunk at q: a user its block, or (where it is free) a list its
 * header? */
static bool known(const struct resync *rs, vaddr q)
{
	uint64_t head;

	if (pointed(rs, q + CHUNK_HEADER))
		return true;
	return chunk_head(&rs->st.w->view, q, &head, rs->st.w->word) &&
	       closes_free(rs, q, q + (head & ~(uint64_t)CHUNK_FLAGS));
}

/*
 * The first sound chunk behind a damaged one. A stale header chains on, too, as a rule into the
 * real chunks; so starts that somebody points to go before others, if one is near.
 */
static vaddr sound_after(struct resync *rs, vaddr chunk)
{
	vaddr first = 0, q = chunk + chunk_min(rs->st.w->word);

	while ((q = next_trusted(rs, q, rs->st.limit))) {
		if (q == rs->st.top || closes_free(rs, chunk, q) || known(rs, q))
			return q;
		if (!first)
			first = q;
		else if (q - first > LOOK_ON)
			break;
		q += rs->st.w->align;
	}
	if (first)
		return first;
	return rs->st.top > chunk && rs->st.top < rs->st.limit ? rs->st.top : 0;
}

/* ---- which chunk is damaged ---- */

/* The chunk of the span that starts before at; false: none. */
static bool chunk_before(const struct span *s, vaddr at, vaddr *chunk)
{
	uint64_t granule = (at - s->start) >> s->shift, bits;
	size_t cell = granule >> 6;

	if (at <= s->start)
		return false;
	bits = cell_bits(&s->cell[cell]) & ((UINT64_C(1) << (granule & 63)) - 1);
	if (!bits)
		return span_find_back(s, cell, chunk);
	*chunk = cell_chunk(s, cell, 63u - (unsigned)__builtin_clzll(bits));
	return true;
}

/* Is the chunk a free one that ends at next for certain, whatever the header there says? */
static bool ends_at(struct resync *rs, vaddr chunk, vaddr next)
{
	uint64_t prev_size;

	return chunk_prev(&rs->st.w->view, next, &prev_size, rs->st.w->word) &&
	       prev_size == next - chunk && chunk_linked(rs->st.w, chunk);
}

/* Do headers from q on, where somebody has a block, lead past stop, so that no chunk starts there?
 */
static bool jumps_over(struct resync *rs, vaddr from, vaddr stop)
{
	vaddr q = from, p;
	uint64_t head, size;

	if (stop - from > ONE_CHUNK)
		return false;
	while ((q = next_trusted(rs, q, stop))) {
		if (known(rs, q))
			break;
		q += rs->st.w->align;
	}
	for (p = q; p && p < stop; p += size)
		if (step_at(&rs->st, p, &head, &size) != STEP_CHUNK)
			return false;
	return p > stop;
}

/*
 * The header at stop is bad. Where nobody knows a chunk there, while the last chunk before it that
 * somebody knows is near, that one's size is what is wrong.
 */
static vaddr damaged_chunk(struct resync *rs, const struct span *s, vaddr stop)
{
	vaddr at = stop;

	if (pointed(rs, stop + CHUNK_HEADER)) {
		bool misled = chunk_before(s, stop, &at) &&
		              jumps_over(rs, at + chunk_min(rs->st.w->word), stop);

		return misled ? at : stop;
	}
	/* a list points to the header of a free chunk; but so does the user of a block that starts
	 * here */
	if (listed(rs, stop) && !trustworthy(rs, stop - CHUNK_HEADER))
		return stop;
	for (int n = 0; n < MISLED_MAX; n++) {
		vaddr behind = at;

		if (!chunk_before(s, at, &at) || ends_at(rs, at, behind))
			return stop;
		if (pointed(rs, at + CHUNK_HEADER))
			return at;
	}
	return stop;
}

/*
 * Does anything point into (chunk, next) as if more than one chunk were there? Had they sound
 * headers, one would be next; few bytes can have hit more than one header, and so most pointers are
 * a user's into the middle of a big block.
 */
static bool several(const struct resync *rs, vaddr chunk, vaddr next)
{
	if (next - chunk <= ONE_CHUNK)
		return false;
	for (vaddr at = chunk + 2 * CHUNK_HEADER; at < next; at += rs->st.w->align)
		if (pointed(rs, at))
			return true;
	return false;
}

void resync_find(struct resync *rs, const struct span *s, vaddr stop, struct fault *f)
{
	uint64_t head;

	if (!rs->pointed)
		note_pointers(rs);
	*f = (struct fault){ .chunk = damaged_chunk(rs, s, stop) };
	chunk_before(s, f->chunk, &f->before);
	f->next = sound_after(rs, f->chunk);
	if (!f->next || (f->next == rs->st.top && rs->st.top_size) ||
	    !chunk_head(&rs->st.w->view, f->next, &head, rs->st.w->word))
		return;
	if (closes_free(rs, f->chunk, f->next)) {
		f->repaired = true;
	} else if ((head & CHUNK_PREV_INUSE) && !several(rs, f->chunk, f->next)) {
		f->repaired = f->used = true;
	}
}

void resync_free(struct resync *rs)
{
	if (!rs->pointed)
		return;
	mem_lazy_free(rs->pointed, rs->bits_bytes);
	mem_lazy_free(rs->listed, rs->bits_bytes);
	rs->pointed = rs->listed = NULL;
}
