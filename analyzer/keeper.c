#include "analyzer/keeper.h"
#include "analyzer/dominator.h"
#include "formats/written.h"

#define DROP  0.7 /* a child that retains less of its parent's is no longer the same thing */
#define SHARE 20  /* of what is in use: less is not worth a word */

struct search {
	const struct core *core;
	const struct heap *heap;
	uint64_t *set; /* bit by id: blocks in use, which are the nodes */
	struct graph graph;
	uint64_t *entry; /* bit by node */
	struct dominators dom;
	struct tally *retained; /* by node */
	uint32_t *largest;      /* by node: the child that retains most; GRAPH_NONE: it has none */
};

/* ---- what roots point to ---- */

static void enter(struct search *s, uint64_t word)
{
	struct block b;
	uint32_t v;

	word = core_pointer(s->core, word);
	if (!heap_find(s->heap, word, &b) || b.id >= s->heap->nchunks)
		return;
	v = graph_node(&s->graph, b.id);
	if (v != GRAPH_NONE)
		bit_set(s->entry, v);
}

static void enter_range(struct search *s, vaddr start, vaddr end)
{
	unsigned width = s->core->machine->word;
	vaddr lo = s->heap->span[0].start, hi = s->heap->span[s->heap->nspans - 1].own_end;

	for (vaddr stop, at = start; core_written(s->core, &at, end, &stop); at = stop) {
		const uint8_t *p;

		at = round_up(at, width);
		p = at < stop ? core_at(s->core, at, stop - at) : NULL;
		for (uint64_t i = 0; p && i + width <= stop - at; i += width) {
			uint64_t word = core_pointer(s->core, load_word(p + i, width));

			if (word >= lo && word < hi)
				enter(s, word);
		}
	}
}

static void enter_all(struct search *s, const struct roots *roots)
{
	s->entry = mem_alloc((size_t)s->graph.n / 64 + 1, sizeof(*s->entry));
	for (size_t i = 0; i < roots->nregs; i++)
		enter(s, roots->reg[i].value);
	for (size_t i = 0; i < roots->n; i++)
		enter_range(s, roots->v[i].start, roots->v[i].end);
	for (size_t i = 0; i < s->heap->ngaps; i++)
		enter_range(s, s->heap->gap[i].start, s->heap->gap[i].end);
}

/* ---- sums ---- */

static void sum_up(struct search *s)
{
	struct heap_iter it = { 0 };
	struct block b;

	s->retained = mem_alloc((size_t)s->graph.n + 1, sizeof(*s->retained));
	s->largest = mem_alloc((size_t)s->graph.n + 1, sizeof(*s->largest));
	for (uint32_t v = 0; heap_next_set(s->heap, s->set, &it, &b); v++) {
		s->retained[v] = (struct tally){ 1, b.size };
		s->largest[v] = GRAPH_NONE;
	}
	/* who dominates comes before what it dominates: backwards all sums are there in time */
	for (uint32_t k = s->dom.reached; k-- > 0;) {
		uint32_t v = s->dom.node[k], by = s->dom.by[v];

		if (by == DOMINATOR_ROOT)
			continue;
		s->retained[by].blocks += s->retained[v].blocks;
		s->retained[by].bytes += s->retained[v].bytes;
		if (s->largest[by] == GRAPH_NONE ||
		    s->retained[v].bytes > s->retained[s->largest[by]].bytes)
			s->largest[by] = v;
	}
}

static bool most_of(const struct search *s, uint32_t child, uint32_t v)
{
	return (double)s->retained[child].bytes >= DROP * (double)s->retained[v].bytes;
}

/* Where it ends with a drop at which little is lost yet; a list, which dwindles, has no such point.
 */
static uint32_t descend(const struct search *s, uint32_t top)
{
	uint32_t v = top, next;

	while ((next = s->largest[v]) != GRAPH_NONE && most_of(s, next, v))
		v = next;
	return most_of(s, v, top) ? v : top;
}

/* The nodes that retain most, largest first. */
static size_t find_top(const struct search *s, uint64_t least, uint32_t top[KEEPERS])
{
	size_t n = 0;

	for (uint32_t v = 0; v < s->graph.n; v++) {
		size_t i;

		if (s->dom.by[v] != DOMINATOR_ROOT || s->retained[v].bytes < least)
			continue;
		if (n == KEEPERS && s->retained[v].bytes <= s->retained[top[n - 1]].bytes)
			continue;
		i = n < KEEPERS ? n++ : KEEPERS - 1;
		for (; i && s->retained[top[i - 1]].bytes < s->retained[v].bytes; i--)
			top[i] = top[i - 1];
		top[i] = v;
	}
	return n;
}

static void write_down(const struct search *s, const uint32_t *top, size_t n, struct keeper *out)
{
	struct heap_iter it = { 0 };
	uint32_t point[KEEPERS];
	struct block b;

	for (size_t i = 0; i < n; i++)
		point[i] = descend(s, top[i]);
	for (uint32_t v = 0; heap_next_set(s->heap, s->set, &it, &b); v++)
		for (size_t i = 0; i < n; i++) {
			if (v == top[i])
				out[i].block = b;
			if (v == point[i])
				out[i].point = b;
		}
	for (size_t i = 0; i < n; i++) {
		out[i].retained = s->retained[top[i]];
		out[i].point_retained = s->retained[point[i]];
	}
}

size_t keepers_find(const struct core *core, const struct heap *heap, const struct roots *roots,
                    const struct reach *reach, struct pool *pool, struct keeper out[KEEPERS])
{
	struct search s = { .core = core, .heap = heap };
	struct block block[KEEPERS];
	struct path path[KEEPERS];
	uint32_t top[KEEPERS];
	size_t n = 0;

	if (!heap->nspans)
		return 0;
	s.set = reach_bits(reach, 1u << REACH_REACHABLE | 1u << REACH_POSSIBLE);
	if (graph_make(core, heap, s.set, &s.graph, NULL)) {
		enter_all(&s, roots);
		dominators_find(&s.graph, s.entry, &s.dom);
		sum_up(&s);
		n = find_top(&s, heap->total[BLOCK_USED].bytes / SHARE, top);
		write_down(&s, top, n, out);
	}
	for (size_t i = 0; i < n; i++)
		block[i] = out[i].block;
	if (n)
		path_find(core, heap, roots, reach, PATH_ANY, block, n, pool, path);
	for (size_t i = 0; i < n; i++)
		out[i].path = path[i];
	dominators_free(&s.dom);
	graph_free(&s.graph);
	mem_free(s.entry);
	mem_free(s.retained);
	mem_free(s.largest);
	mem_lazy_free(s.set, heap->bits_bytes);
	return n;
}
