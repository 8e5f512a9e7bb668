#include "analyzer/reach/early.h"
#include "analyzer/reach/marker.h"

/* Who scans the blocks of a part of the heap: one for each thread. */
struct scanner {
	struct marker marker; /* over the same bitmaps */
	struct tally sum;
	struct pen *pen; /* NULL: there is no log */
	bool busy;
};

struct early {
	const struct core *core;
	unsigned threads;
	struct marker *marker; /* NULL: nothing was begun, or it was handed over */
	struct parking parking;
	struct tally sum; /* of the marker */
	struct scanner *scanner;
	struct stacks stacks;
	struct roots roots;
	bool rooted; /* stacks and roots are there */
	struct owned *owned;
	size_t nowned;
	uint64_t most;       /* bytes of: */
	struct edgelog *log; /* NULL: there is none */
};

/* Root words, and mmapped chunks: as what they lead to most often is in the heap. */
static void scan_roots(struct early *e)
{
	struct marker *m = e->marker;
	const struct heap *h = m->heap;

	for (size_t i = 0; i < e->roots.nregs; i++)
		mark_word(m, e->roots.reg[i].value);
	for (size_t i = 0; i < e->roots.n; i++)
		mark_range(m, e->roots.v[i].start, e->roots.v[i].end);
	resolve_words(m);
	for (size_t i = 0; i < h->nspans; i++)
		if (h->span[i].kind == SPAN_MMAP)
			m->left[h->span[i].first_cell] |= 1;
	for (size_t i = 0; i < h->nspans; i++)
		if (h->span[i].kind == SPAN_MMAP)
			sweep_mmapped(m, &h->span[i]);
}

static void begin(void *early, const struct heap *heap, const struct parking *parking)
{
	struct early *e = early;

	stacks_find(e->core, heap, &e->stacks);
	roots_find(e->core, heap, &e->stacks, &e->roots);
	e->rooted = true;
	e->owned = mem_alloc(heap->nowned, sizeof(*e->owned));
	memcpy(e->owned, heap->owned, heap->nowned * sizeof(*e->owned));
	e->nowned = heap->nowned;
	e->parking = *parking;
	e->marker = mark_open(e->core, heap, e->threads);
	e->marker->early = &e->parking;
	for (int i = 0; i < 2; i++)
		e->marker->inner[i] = mem_sparse(e->marker->ncells * sizeof(uint64_t));
	e->marker->sum = &e->sum;
	e->marker->sweeping = true;
	scan_roots(e);
	e->log = edgelog_open(heap, e->most);
	e->scanner = mem_alloc(e->threads, sizeof(*e->scanner));
	for (unsigned i = 0; i < e->threads; i++) {
		struct scanner *s = &e->scanner[i];

		s->marker = *e->marker;
		s->marker.shared = e->threads > 1;
		s->marker.unread = 0;
		s->marker.sum = &s->sum;
		s->pen = e->log ? pen_new(e->log) : NULL;
	}
}

/* One that no other thread has: there are as many as threads. */
static struct scanner *take_scanner(struct early *e)
{
	for (unsigned i = 0;; i = i + 1 < e->threads ? i + 1 : 0)
		if (!__atomic_exchange_n(&e->scanner[i].busy, true, __ATOMIC_ACQUIRE))
			return &e->scanner[i];
}

/* Blocks in use are to be visited. */
static void leave(struct marker *m, const struct span *s, size_t first, size_t end,
                  const uint64_t *used, uint32_t id)
{

	for (size_t c = first; c < end; c++) {
		uint64_t starts = cell_bits(&s->cell[c]);
		uint32_t n = bit_count(starts);

		m->left[s->first_cell + c] = cellmap_of_ids(used, id, n, starts);
		id += n;
	}
}

static void walked(void *early, const struct span *s, size_t first, size_t end,
                   const uint64_t *used, uint32_t id)
{
	struct early *e = early;
	struct scanner *scanner = take_scanner(e);
	struct marker *m = &scanner->marker;
	size_t from = s->first_cell + first, to = s->first_cell + end;

	leave(m, s, first, end, used, id);
	m->foreign = end < s->ncells ? end : SIZE_MAX;
	for (size_t c = first; c < end; c += PIECE)
		sweep_cells(m, s, c, end - c < PIECE ? end : c + PIECE);
	m->fed = s->mem != core_at(e->core, s->start, 1);
	if (scanner->pen)
		log_left(m, scanner->pen, s, first, end);
	sweep_settle(m, (from + PIECE - 1) / PIECE, to / PIECE);
	__atomic_store_n(&scanner->busy, false, __ATOMIC_RELEASE);
}

struct early *early_new(const struct core *core, unsigned threads, uint64_t log,
                        struct visitor *visitor)
{
	struct early *e = mem_alloc(1, sizeof(*e));

	e->core = core;
	e->threads = threads;
	e->most = log;
	*visitor = (struct visitor){ e, begin, walked };
	return e;
}

static void drop_inner(struct marker *m)
{
	for (int i = 0; i < 2; i++) {
		mem_lazy_free(m->inner[i], m->ncells * sizeof(uint64_t));
		m->inner[i] = NULL;
	}
}

static void drop_scanners(struct early *e)
{
	for (unsigned i = 0; e->scanner && i < e->threads; i++)
		pen_free(e->scanner[i].pen);
	mem_free(e->scanner);
	e->scanner = NULL;
}

static void drop_marker(struct early *e)
{
	if (e->marker)
		drop_inner(e->marker);
	drop_scanners(e);

	mark_close(e->marker);
	e->marker = NULL;
}

void early_free(struct early *e)
{
	if (!e)
		return;
	drop_marker(e);
	if (e->rooted) {
		roots_free(&e->roots);
		stacks_free(&e->stacks);
	}
	edgelog_close(e->log);
	mem_free(e->owned);
	mem_free(e);
}

bool early_roots(struct early *e, const struct heap *heap, struct stacks *stacks,
                 struct roots *roots)
{
	bool same = e->rooted && heap->visited && heap->nowned == e->nowned;

	for (size_t i = 0; same && i < e->nowned; i++)
		same = heap->owned[i].start == e->owned[i].start &&
		       heap->owned[i].end == e->owned[i].end;
	if (!same) {
		drop_marker(e);
		return false;
	}
	*stacks = e->stacks;
	*roots = e->roots;
	e->rooted = false;
	return true;
}

/* Only what is in use is left now. False: something else was visited. */
static bool leave_used(struct marker *m, uint64_t visited)
{
	const struct heap *h = m->heap;
	uint64_t *ids = mem_lazy(h->bits_bytes), n = 0;

	cellmap_to_ids(h, m->left, ids);
	for (size_t i = 0; i < ((size_t)h->nchunks + 63) / 64; i++) {
		n += bit_count(h->used[i] & ~ids[i]);
		if (ids[i] & ~h->used[i])
			ids[i] &= h->used[i];
	}
	mem_lazy_free(m->left, m->ncells * sizeof(*m->left));
	m->left = mem_lazy(m->ncells * sizeof(*m->left));
	cellmap_from_ids(h, ids, m->threads, m->left);
	mem_lazy_free(ids, h->bits_bytes);
	return n == visited;
}

/* What the scanners saw is the marker's. */
static void gather(struct early *e)
{
	struct marker *m = e->marker;

	for (unsigned i = 0; i < e->threads; i++) {
		const struct scanner *s = &e->scanner[i];

		m->unread += s->marker.unread;
		e->sum.blocks += s->sum.blocks;
		e->sum.bytes += s->sum.bytes;
	}
}

struct marker *early_marker(struct early *e, const struct heap *heap, uint64_t *touched,
                            struct tally *sum)
{
	struct marker *m = e->marker;

	if (!m || m->heap != heap)
		return NULL;
	gather(e);
	drop_scanners(e);
	if (!leave_used(m, e->sum.blocks)) {
		drop_marker(e);
		return NULL;
	}
	marker_aim(m);
	m->early = NULL;
	m->log = e->log && edgelog_read(e->log, heap) ? e->log : NULL;
	m->down = true;
	sum->blocks += e->sum.blocks;
	sum->bytes += e->sum.bytes;
	mark_pass(m, touched, sum);
	resolve_held_back(m);
	drop_inner(m);
	e->marker = NULL;
	drop_marker(e);
	return m;
}
