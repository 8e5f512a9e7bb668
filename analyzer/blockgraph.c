#include "analyzer/blockgraph.h"
#include "formats/written.h"

#define LARGE 65536 /* bytes: a block that may have holes, as in edge.c */
#define EARLY 64    /* words of a block whose cells are fetched when it is looked at first */

/* ---- words ---- */

/* The block of the set that a word keeps. */
static bool target_of(const struct blockgraph *g, uint64_t word, uint32_t *to)
{
	const struct span *s;
	vaddr chunk;

	word = core_pointer(g->core, word);
	if (word - g->lo >= g->size)
		return false;
	s = heap_span(g->heap, word - CHUNK_HEADER);
	return s && span_find(s, word, &chunk, to) && bit_get(g->set, *to);
}

static bool next_in(const struct blockgraph *g, const struct near_block *b, unsigned width,
                    uint32_t *at, uint32_t *to)
{
	uint64_t n = (b->end - b->addr) / width;

	for (uint64_t i = *at; i < n; i++)
		if (target_of(g, load_word(b->p + i * width, width), to)) {
			*at = (uint32_t)i + 1;
			return true;
		}
	*at = (uint32_t)n;
	return false;
}

/* The same word by word, as far as they are saved. */
static bool next_apart(const struct blockgraph *g, const struct near_block *b, unsigned width,
                       uint32_t *at, uint32_t *to)
{
	vaddr start = b->addr + (uint64_t)*at * width;

	for (vaddr stop; core_written(g->core, &start, b->end, &stop);) {
		/* a word that begins in front of a run and ends in it is no hole either */
		vaddr word = b->addr + (start - b->addr) / width * width;

		for (; word < stop && b->end - word >= width; word += width) {
			uint64_t value;

			if (!core_read_word(g->core, word, &value) || !target_of(g, value, to))
				continue;
			*at = (uint32_t)((word - b->addr) / width) + 1;
			return true;
		}
		start = stop > word ? stop : word;
	}
	*at = (uint32_t)((b->end - b->addr) / width);
	return false;
}

/* What it leads to is looked up soon. */
static void fetch(const struct blockgraph *g, const struct near_block *b, unsigned width)
{
	uint64_t n = (b->end - b->addr) / width;

	for (uint64_t i = 0; i < n && i < EARLY; i++) {
		vaddr v = core_pointer(g->core, load_word(b->p + i * width, width));
		const struct span *s;

		if (v - g->lo >= g->size)
			continue;
		s = heap_span(g->heap, v - CHUNK_HEADER);
		if (s && s->cell)
			__builtin_prefetch(cell_at(s, v - CHUNK_HEADER));
	}
}

static const struct near_block *block_of(struct blockgraph *g, uint32_t id)
{
	struct near_block *b = &g->near[id & (BLOCKGRAPH_NEAR - 1)];
	struct block block;

	if (b->end && b->id == id)
		return b;
	*b = (struct near_block){ .id = id };
	if (!blockmap_at(&g->ids, id, &block) || !block.size)
		return b;
	b->addr = block.addr;
	b->end = block.addr + block.size;
	if (block.span->mem && block.size < LARGE && b->end <= block.span->end)
		b->p = block.span->mem + (block.addr - block.span->start);
	return b;
}

static bool next(void *of, uint32_t id, uint32_t *at, uint32_t *to)
{
	struct blockgraph *g = of;
	unsigned width = g->core->machine->word;
	const struct near_block *b = block_of(g, id);

	if (!b->end || (b->end - b->addr) / width > UINT32_MAX - 1)
		return false;
	if (!b->p)
		return next_apart(g, b, width, at, to);
	if (!*at)
		fetch(g, b, width);
	return next_in(g, b, width, at, to);
}

/* ---- graphs ---- */

static void scan(void *of, edge_fn *take, void *arg)
{
	const struct blockgraph *g = of;

	edges_scan(g->core, g->heap, g->set, take, arg);
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
	blockmap_free(&g->ids);
	mem_free(g->near);
	*g = (struct blockgraph){ 0 };
}

struct dominator_graph blockgraph_ask(struct blockgraph *g, uint64_t most)
{
	return (struct dominator_graph){ g, g->heap->nchunks, (uint32_t)most, next, scan };
}
