#include "analyzer/graph/blockgraph.h"
#include "formats/stage.h"
#include "formats/written.h"

#define LARGE   65536 /* bytes: a block that may have holes, as in edge.c */
#define WAITING 16    /* words whose cells are being fetched */

/* ---- words ---- */

struct words {
	struct blockgraph *g;
	unsigned width;
	struct dominator_step *step;
	size_t n, most;
};

/* Takes the word with this number, if it may point into the heap: its cell is fetched. */
static bool ask(const struct words *w, uint64_t word, uint64_t *value)
{
	const struct span *s;

	*value = core_pointer(w->g->core, word);
	if (*value - w->g->lo >= w->g->size)
		return false;
	s = heap_span(w->g->heap, *value - CHUNK_HEADER);
	if (!s)
		return false;
	if (s->cell)
		__builtin_prefetch(cell_at(s, *value - CHUNK_HEADER));
	return true;
}

/* The step to the block of the set that this value keeps. */
static void put(struct words *w, uint64_t value, uint32_t place)
{
	struct blockgraph *g = w->g;
	vaddr chunk;
	uint32_t id;

	if (!span_find(heap_span(g->heap, value - CHUNK_HEADER), value, &chunk, &id) ||
	    !bit_get(g->set, id))
		return;
	g->fresh[g->nfresh++ & (BLOCKGRAPH_FRESH - 1)] = (struct near_block){
		.addr = chunk + CHUNK_HEADER, .id = id
	};
	w->step[w->n++] = (struct dominator_step){ id, place, place + 1 };
}

/* In two steps, so that memory is waited for once. */
static void next_in(struct words *w, const struct near_block *b, uint32_t at)
{
	uint64_t n = (b->end - b->addr) / w->width, value[WAITING];
	uint32_t place[WAITING];

	for (uint64_t i = at; i < n && w->n < w->most;) {
		size_t found = 0, room = w->most - w->n < WAITING ? w->most - w->n : WAITING;

		for (; i < n && found < room; i++) {
			place[found] = (uint32_t)i;
			found += ask(w, load_word(b->p + i * w->width, w->width), &value[found]);
		}
		for (size_t k = 0; k < found; k++)
			put(w, value[k], place[k]);
	}
}

/* The same word by word, as far as they are saved. */
static void next_apart(struct words *w, const struct near_block *b, uint32_t at)
{
	const struct core *core = w->g->core;
	vaddr start = b->addr + (uint64_t)at * w->width;

	for (vaddr stop; w->n < w->most && core_written(core, &start, b->end, &stop);) {
		/* a word that begins in front of a run and ends in it is no hole either */
		vaddr word = b->addr + (start - b->addr) / w->width * w->width;

		for (; word < stop && b->end - word >= w->width && w->n < w->most;
		     word += w->width) {
			uint64_t value;

			if (core_read_word(core, word, &value) && ask(w, value, &value))
				put(w, value, (uint32_t)((word - b->addr) / w->width));
		}
		start = stop > word ? stop : word;
	}
}

/* ---- blocks ---- */

/* Where it is: as was found last, or by its id. */
static void find_place(const struct blockgraph *g, uint32_t id, struct near_block *b)
{
	struct block block;

	*b = (struct near_block){ .id = id, .known = true };
	for (unsigned i = 0; i < BLOCKGRAPH_FRESH && !b->addr; i++)
		if (g->fresh[i].addr && g->fresh[i].id == id)
			b->addr = g->fresh[i].addr;
	if (b->addr ? !heap_find(g->heap, b->addr, &block) : !blockmap_at(&g->ids, id, &block))
		return;
	b->addr = block.addr;
	if (block.size / g->core->machine->word < UINT32_MAX - 1)
		b->end = block.addr + block.size;
	if (block.span->mem && block.size < LARGE && b->end <= block.span->end)
		b->p = block.span->mem + (block.addr - block.span->start);
}

static size_t next(void *of, uint32_t id, uint32_t at, struct dominator_step *step, size_t n)
{
	struct blockgraph *g = of;
	struct words w = { g, g->core->machine->word, step, 0, n };
	struct near_block *b = &g->near[id & (BLOCKGRAPH_NEAR - 1)];

	if (!b->known || b->id != id)
		find_place(g, id, b);
	if (!b->end)
		return 0;
	if (b->p)
		next_in(&w, b, at);
	else
		next_apart(&w, b, at);
	return w.n;
}

/* ---- edges that are kept ---- */

static size_t first_bytes(const struct blockgraph *g)
{
	return ((size_t)g->heap->nchunks + 1) * sizeof(*g->first);
}

static void drop_edges(struct blockgraph *g)
{
	if (!g->first)
		return;
	mem_lazy_free(g->first, first_bytes(g));
	mem_lazy_free(g->to, g->room * sizeof(*g->to));
	g->first = g->to = NULL;
}

struct keeping {
	struct blockgraph *g;
	uint64_t n;
	uint32_t counted; /* ids whose first edge is known */
};

static bool keep_edges(void *arg, const struct edge *edge, size_t n)
{
	struct keeping *k = arg;
	struct blockgraph *g = k->g;

	if (n > g->room - k->n) {
		drop_edges(g);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&g->set[edge[i].to >> 6]);
	for (size_t i = 0; i < n; i++) {
		uint32_t from = edge[i].from, to = edge[i].to;

		while (k->counted <= from)
			g->first[k->counted++] = (uint32_t)k->n;
		if (from == to || !bit_get(g->set, to))
			continue;
		if (k->n == g->first[from] || g->to[k->n - 1] != to)
			g->to[k->n++] = to;
	}
	return true;
}

uint64_t blockgraph_keep(struct blockgraph *g, uint64_t memory)
{
	struct keeping k = { .g = g };
	struct stage outer;

	if (memory < 2 * first_bytes(g)) /* less than an edge a block */
		return 0;
	g->room = (memory - first_bytes(g)) / sizeof(*g->to);
	g->room = g->room < UINT32_MAX ? g->room : UINT32_MAX - 1;
	g->first = mem_lazy(first_bytes(g));
	g->to = mem_lazy(g->room * sizeof(*g->to));
	outer = stage_steps("who holds what", 0);
	edges_scan(g->core, g->heap, g->set, keep_edges, &k);
	stage_end(outer);
	if (!g->first)
		return 0;
	while (k.counted <= g->heap->nchunks)
		g->first[k.counted++] = (uint32_t)k.n;
	return first_bytes(g) + k.n * sizeof(*g->to);
}

static size_t next_kept(void *of, uint32_t id, uint32_t at, struct dominator_step *step, size_t n)
{
	const struct blockgraph *g = of;
	const uint32_t *to = g->to + g->first[id] + at, *end = g->to + g->first[id + 1];
	size_t found = 0;

	for (; found < n && to < end; to++, at++)
		step[found++] = (struct dominator_step){ *to, at, at + 1 };
	return found;
}

static void scan_kept(void *of, edge_fn *take, void *arg)
{
	const struct blockgraph *g = of;
	struct edge edge[EDGES];
	size_t n = 0;

	for (uint32_t id = 0; id < g->heap->nchunks; id++)
		for (uint32_t e = g->first[id]; e < g->first[id + 1]; e++) {
			edge[n++] = (struct edge){ .from = id, .to = g->to[e] };
			if (n == EDGES && !take(arg, edge, n))
				return;
			n %= EDGES;
		}
	if (n)
		take(arg, edge, n);
}

/* ---- graphs ---- */

static void scan(void *of, edge_fn *take, void *arg)
{
	const struct blockgraph *g = of;
	struct stage outer = stage_steps("who holds what", 0);

	edges_scan(g->core, g->heap, g->set, take, arg);
	stage_end(outer);
}

void blockgraph_make(const struct core *core, const struct heap *heap, const uint64_t *set,
                     struct blockgraph *out)
{
	*out = (struct blockgraph){ .core = core, .heap = heap, .set = set };
	blockmap_make(heap, &out->ids);
	out->near = mem_alloc(BLOCKGRAPH_NEAR, sizeof(*out->near));
	if (!heap->nspans)
		return;
	out->lo = heap->span[0].start + CHUNK_HEADER;
	out->size = heap->span[heap->nspans - 1].end + CHUNK_HEADER - out->lo;
}

void blockgraph_free(struct blockgraph *g)
{
	drop_edges(g);
	blockmap_free(&g->ids);
	mem_free(g->near);
	*g = (struct blockgraph){ 0 };
}

struct dominator_graph blockgraph_ask(struct blockgraph *g, uint64_t most)
{
	struct dominator_graph ask = { g, g->heap->nchunks, (uint32_t)most, next, scan };

	if (g->first) {
		ask.next = next_kept;
		ask.scan = scan_kept;
	}
	return ask;
}
