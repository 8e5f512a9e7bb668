/*
 * Chunks with a mapping of their own. They stand in no list; only their headers tell, at the start
 * of an anonymous writable page, with nothing but IS_MMAPPED in the flags:
 *
 *   up to 2.42: prev_size = distance from the mapping's start, prev_size + size = whole pages
 *   2.43:       the same, but the header's two words are not counted in size
 *
 * The block begins 16 bytes behind the mapping's start, so that with words of 4 bytes the distance
 * of glibc's header is 8; or 8 bytes behind it, and the distance is 0, where blocks are aligned
 * to 8.
 *
 * memalign moves the header to 16 bytes below the aligned address (prev_size = the distance), and
 * leaves the old header stale at the start of the mapping: the inner one is the true one.
 */
#include "heapwalk/walk.h"
#include "formats/written.h"

struct found {
	vaddr header;
	uint64_t size, total; /* of the size field; of the mapping from its base */
};

/* Is there a header at h for the mapping that starts at base? */
static bool header_at(struct walk *w, vaddr base, vaddr h, uint64_t extra, struct found *f)
{
	const uint8_t *p = view_at(&w->view, h + chunk_lead(w->word), 2 * w->word);
	uint64_t prev, head;

	if (!p)
		return false;
	prev = load_word(p, w->word);
	head = load_word(p + w->word, w->word);
	if (extra)
		prev &= ~UINT64_C(1); /* 2.43 keeps MMAP_HP there */
	if ((head & CHUNK_FLAGS) != CHUNK_MMAPPED || prev != h + chunk_lead(w->word) - base ||
	    head < chunk_min(w->word) || (head + extra + prev) & 8)
		return false;
	f->header = h;
	f->size = head & ~(uint64_t)CHUNK_FLAGS;
	if (__builtin_add_overflow(f->size, prev + extra, &f->total))
		return false;
	return (f->total & (w->core->page_size - 1)) == 0;
}

/* Is there a header below user address base + distance? Then it is a better one than *f. */
static bool try_distance(struct walk *w, vaddr base, vaddr end, uint64_t distance, uint64_t extra,
                         struct found *f)
{
	struct found g;

	if (distance >= end - base ||
	    !header_at(w, base, base + distance - CHUNK_HEADER, extra, &g))
		return false;
	if (g.total > end - base || distance >= g.total)
		return false;
	*f = g;
	return true;
}

/*
 * The aligned header, if memalign moved it. Below a page the user address lies 2^k or 2 * 2^k above
 * the mapping's start; otherwise whole pages, and how many tells nothing: mremap may have moved the
 * mapping to where the address is aligned no more. The stale header's size bounds the search, as it
 * was true when memalign was called. Pages that were never written hold no header.
 */
static bool inner_header(struct walk *w, vaddr base, vaddr end, uint64_t stale, uint64_t extra,
                         struct found *f)
{
	uint64_t page = w->core->page_size;
	vaddr last = stale < end - base ? base + stale : end;
	bool any = false;

	for (uint64_t distance = 32; distance < page; distance *= 2)
		any |= try_distance(w, base, end, distance, extra, f);
	for (vaddr stop, at = base; core_written(w->core, &at, last, &stop); at = stop)
		for (vaddr user = round_down(at, page) + page; user <= stop; user += page)
			any |= try_distance(w, base, end, user - base, extra, f);
	return any;
}

static bool chunk_on_page(struct walk *w, vaddr page, vaddr end, uint64_t extra, struct found *f)
{
	struct found outer;

	if (!header_at(w, page, chunk_first(w->word, w->align, page), extra, &outer))
		return false;
	if (inner_header(w, page, end, outer.total, extra, f))
		return true;
	*f = outer;
	return outer.total <= end - page;
}

/* Where the run of adjoining anonymous writable segments from index i ends; *last is its last one.
 */
static vaddr run_of(const struct core *core, size_t i, size_t *last)
{
	while (i + 1 < core->nseg && core->seg[i + 1].start == core->seg[i].end &&
	       anonymous_rw(&core->seg[i + 1]))
		i++;
	*last = i;
	return core->seg[i].end;
}

/* Index of the first region that ends behind at; regions are sorted. */
static size_t region_behind(const struct walk *w, size_t nregions, vaddr at)
{
	size_t lo = first_behind(w->regions.v, nregions, own_end, at);

	return lo;
}

static void add_chunk(struct walk *w, vaddr base, const struct found *f, bool new_kind)
{
	struct region r = { .start = f->header, .kind = SPAN_MMAP, .own_start = base };

	r.own_end = base + f->total;
	r.limit = r.own_end - chunk_lead(w->word);
	/* malloc.c memsize/musable: 2.43 no longer loses a word more than the header */
	r.usable = new_kind ? f->size - w->word - w->apart : f->size - 2 * w->word;
	if (new_kind && r.usable > r.own_end - (r.start + CHUNK_HEADER))
		r.usable = r.own_end - (r.start + CHUNK_HEADER);
	array_push(&w->regions, r);
}

#define ASK_FIRST (UINT64_C(64) << 10)
#define ASK_MOST  (UINT64_C(2) << 20)

/* How far a run of pages without a header was asked for, and how much of it is asked for next. */
struct asked {
	vaddr upto;
	uint64_t more;
};

/*
 * There is no header at this page, and the next one is looked at: of memory that is not malloc's
 * much may follow, which from disk would be a read for each page.
 */
static void ask_ahead(const struct core *core, vaddr at, vaddr stop, struct asked *a)
{
	if (!core->scarce || a->upto >= stop || a->upto > at + a->more)
		return;
	if (a->upto < at)
		a->upto = at;
	core_will_want(core, a->upto, stop - a->upto < a->more ? stop : a->upto + a->more);
	a->upto += a->more;
	if (a->more < ASK_MOST)
		a->more *= 2;
}

static void scan_run(struct walk *w, vaddr start, vaddr end, uint64_t extra, size_t nregions)
{
	vaddr at = round_up(start, w->core->page_size), stop = 0;
	struct asked asked = { .more = ASK_FIRST };

	while (at < end) {
		size_t i = region_behind(w, nregions, at);
		struct found f;

		if (i < nregions &&
		    round_down(w->regions.v[i].own_start, w->core->page_size) <= at) {
			at = round_up(w->regions.v[i].own_end, w->core->page_size);
			continue;
		}
		if (at >= stop) { /* a header was written: go on where memory was */
			if (!core_written(w->core, &at, end, &stop))
				return;
			at = round_up(at, w->core->page_size);
			continue;
		}
		if (chunk_on_page(w, at, end, extra, &f)) {
			add_chunk(w, at, &f, extra != 0);
			at += f.total;
			asked.more = ASK_FIRST;
		} else {
			ask_ahead(w->core, at, stop, &asked);
			at += w->core->page_size;
		}
	}
}

void mmapped_find(struct walk *w)
{
	const struct instance *in = w->instances.n ? &w->instances.v[0] : NULL;
	size_t nregions = w->regions.n, last;
	uint64_t extra;

	if (!in)
		return;
	if (in->parl)
		extra = in->parl->new_mmap ? 2 * w->word : 0;
	else
		extra = in->state->versions.from >= 43 ? 2 * w->word : 0;
	for (size_t i = 0; i < w->core->nseg; i = last + 1) {
		last = i;
		if (anonymous_rw(&w->core->seg[i])) {
			vaddr end = run_of(w->core, i, &last);

			scan_run(w, w->core->seg[i].start, end, extra, nregions);
		}
	}
}
