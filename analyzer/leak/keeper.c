#include "analyzer/leak/keeper.h"
#include "analyzer/graph/blockgraph.h"
#include "formats/wordrun.h"

#define DROP  0.7 /* a child that retains less of its parent's is no longer the same thing */
#define SHARE 20  /* of what is in use: less is not worth a word */
#define SIZES 256 /* different sizes of parts that are told apart */
#define LEAST (UINT64_C(1) << 20) /* bytes for edges at a time, and one a block, at least */

struct found {
	uint32_t top, point; /* numbers */
	uint64_t top_bytes, point_bytes, top_blocks, point_blocks, chain;
};

struct search {
	const struct core *core;
	const struct heap *heap;
	uint64_t *set;   /* bit by id: blocks in use, which are the nodes */
	uint64_t *entry; /* bit by id */
	struct scratch scratch;
	struct dominators dom;
	uint64_t *bytes; /* by number: retained */
	struct found found[KEEPERS];
	size_t n;
};

/* ---- what roots point to ---- */

static void enter(struct search *s, uint64_t word)
{
	struct block b;

	word = core_pointer(s->core, word);
	if (heap_find(s->heap, word, &b) && b.id < s->heap->nchunks && bit_get(s->set, b.id))
		bit_set(s->entry, b.id);
}

static void enter_range(struct search *s, vaddr start, vaddr end)
{
	unsigned width = s->core->machine->word;
	vaddr lo = s->heap->span[0].start, hi = s->heap->span[s->heap->nspans - 1].own_end;
	struct wordrun run = wordruns(s->core, start, end);

	while (wordrun_next(&run)) {
		for (uint64_t i = 0; i < run.bytes; i += width) {
			uint64_t word = core_pointer(s->core, load_word(run.mem + i, width));

			if (word >= lo && word < hi)
				enter(s, word);
		}
	}
}

static void enter_all(struct search *s, const struct roots *roots)
{
	s->entry = mem_lazy(s->heap->bits_bytes);
	for (size_t i = 0; i < roots->nregs; i++)
		enter(s, roots->reg[i].value);
	for (size_t i = 0; i < roots->n; i++)
		enter_range(s, roots->v[i].start, roots->v[i].end);
	for (size_t i = 0; i < s->heap->ngaps; i++)
		enter_range(s, s->heap->gap[i].start, s->heap->gap[i].end);
}

/* ---- sums ---- */

static size_t numbers(const struct search *s)
{
	return (size_t)s->dom.reached + 1;
}

/* Who dominates has a lower number than what it dominates: downwards all sums are there in time. */
static void sum_up(struct search *s)
{
	struct heap_iter it = { 0 };
	struct block b;

	s->bytes = scratch_take(&s->scratch, numbers(s) * sizeof(*s->bytes));
	while (heap_next_set(s->heap, s->set, &it, &b))
		s->bytes[s->dom.number[b.id]] += b.size;
	s->bytes[0] = 0; /* what no root leads to */
	for (uint32_t k = s->dom.reached; k; k--)
		if (s->dom.by[k])
			s->bytes[s->dom.by[k]] += s->bytes[k];
}

/* The numbers that retain most, largest first. */
static void find_tops(struct search *s, uint64_t least)
{
	for (uint32_t k = 1; k <= s->dom.reached; k++) {
		uint64_t bytes = s->bytes[k];
		size_t i;

		if (s->dom.by[k] || bytes < least)
			continue;
		if (s->n == KEEPERS && bytes <= s->found[s->n - 1].top_bytes)
			continue;
		i = s->n < KEEPERS ? s->n++ : KEEPERS - 1;
		for (; i && s->found[i - 1].top_bytes < bytes; i--)
			s->found[i] = s->found[i - 1];
		s->found[i] = (struct found){ .top = k, .top_bytes = bytes };
	}
}

static bool most_of(uint64_t child, uint64_t bytes)
{
	return (double)child >= DROP * (double)bytes;
}

/*
 * Where the way down ends with a drop at which little is lost yet; a list, which dwindles, has no
 * such point. A block has one child at most that retains so much, and that comes after it.
 */
static void find_points(struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		s->found[i].point = s->found[i].top;
		s->found[i].point_bytes = s->found[i].top_bytes;
	}
	for (uint32_t k = 1; k <= s->dom.reached; k++)
		for (size_t i = 0; s->dom.by[k] && i < s->n; i++) {
			struct found *f = &s->found[i];

			if (s->dom.by[k] != f->point || !most_of(s->bytes[k], f->point_bytes))
				continue;
			f->point = k;
			f->point_bytes = s->bytes[k];
			f->chain++;
		}
	for (size_t i = 0; i < s->n; i++) {
		struct found *f = &s->found[i];

		if (most_of(f->point_bytes, f->top_bytes))
			continue;
		f->point = f->top;
		f->point_bytes = f->top_bytes;
	}
}

/* Two bits a keeper: what its top dominates, what its point does. */
static void count_blocks(struct search *s)
{
	size_t n = numbers(s) * sizeof(uint16_t);
	uint16_t *below = scratch_take(&s->scratch, n);

	for (uint32_t k = 1; k <= s->dom.reached; k++) {
		unsigned bits = below[s->dom.by[k]];

		for (size_t i = 0; i < s->n; i++) {
			bits |= (unsigned)(k == s->found[i].top) << 2 * i;
			bits |= (unsigned)(k == s->found[i].point) << (2 * i + 1);
			s->found[i].top_blocks += bits >> 2 * i & 1;
			s->found[i].point_blocks += bits >> (2 * i + 1) & 1;
		}
		below[k] = (uint16_t)bits;
	}
	scratch_give(&s->scratch, below, n);
}

/* ---- parts ---- */

struct part {
	size_t keeper;
	uint64_t size, blocks, bytes;
};

struct parts {
	ARRAY(struct part) v;
};

static void add_part(struct parts *p, size_t keeper, uint64_t size, uint64_t bytes)
{
	size_t i = 0;

	while (i < p->v.n && (p->v.v[i].keeper != keeper || p->v.v[i].size != size))
		i++;
	if (i == p->v.n) {
		if (i == SIZES)
			return;
		array_push(&p->v, ((struct part){ keeper, size, 0, 0 }));
	}
	p->v.v[i].blocks++;
	p->v.v[i].bytes += bytes;
	if (i && p->v.v[i - 1].blocks < p->v.v[i].blocks) { /* common ones are found first */
		struct part common = p->v.v[i];

		p->v.v[i] = p->v.v[i - 1];
		p->v.v[i - 1] = common;
	}
}

/* What blocks are, and what hangs on points, in one pass over them. */
static void write_down(const struct search *s, struct keeper *out)
{
	struct parts parts = { 0 };
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next_set(s->heap, s->set, &it, &b)) {
		uint32_t k = s->dom.number[b.id];

		for (size_t i = 0; k && i < s->n; i++) {
			if (k == s->found[i].top)
				out[i].block = b;
			if (k == s->found[i].point)
				out[i].point = b;
			if (s->dom.by[k] != s->found[i].point)
				continue;
			out[i].parts++;
			add_part(&parts, i, b.size, s->bytes[k]);
		}
	}
	for (size_t i = 0; i < parts.v.n; i++) {
		const struct part *p = &parts.v.v[i];
		struct keeper *k = &out[p->keeper];

		if (p->bytes <= k->of_bytes)
			continue;
		k->of = p->blocks;
		k->of_size = p->size;
		k->of_bytes = p->bytes;
	}
	array_free(&parts.v);
}

/* Edges are kept where that and what dominators_find needs is within the bound. */
static bool find_dominators(struct search *s, uint64_t blocks)
{
	struct blockgraph graph;
	struct dominator_graph ask;
	uint64_t needed = blocks * 12 + blocks / 4 + (uint64_t)s->heap->nchunks * 4;
	uint64_t list = LEAST + blocks, left = scratch_left(&s->scratch);
	bool good;

	blockgraph_make(s->core, s->heap, s->set, &graph);
	if (left > needed + list) {
		uint64_t kept = blockgraph_keep(&graph, left - needed - list);

		s->scratch.bound -= kept;
		list = left - needed - kept;
	}
	ask = blockgraph_ask(&graph, blocks);
	good = dominators_find(&ask, s->entry, list, &s->scratch, &s->dom);
	blockgraph_free(&graph);
	return good;
}

size_t keepers_find(const struct core *core, const struct heap *heap, const struct roots *roots,
                    const struct reach *reach, uint64_t memory, struct pool *pool,
                    struct keeper out[KEEPERS])
{
	struct search s = { .core = core, .heap = heap, .scratch = scratch_open(memory) };
	struct block block[KEEPERS];
	struct path path[KEEPERS];

	if (!heap->nspans)
		return 0;
	memset(out, 0, KEEPERS * sizeof(*out));
	s.set = reach_bits(reach, 1u << REACH_REACHABLE | 1u << REACH_POSSIBLE);
	enter_all(&s, roots);
	if (find_dominators(&s,
	                    reach->total[REACH_REACHABLE].blocks +
	                            reach->total[REACH_POSSIBLE].blocks)) {
		sum_up(&s);
		find_tops(&s, heap->total[BLOCK_USED].bytes / SHARE);
		find_points(&s);
		write_down(&s, out);
		scratch_give(&s.scratch, s.bytes, numbers(&s) * sizeof(*s.bytes));
		count_blocks(&s);
	}
	dominators_free(&s.dom);
	scratch_close(&s.scratch);
	mem_lazy_free(s.entry, heap->bits_bytes);
	mem_lazy_free(s.set, heap->bits_bytes);
	for (size_t i = 0; i < s.n; i++) {
		out[i].retained = (struct tally){ s.found[i].top_blocks, s.found[i].top_bytes };
		out[i].point_retained =
			(struct tally){ s.found[i].point_blocks, s.found[i].point_bytes };
		out[i].chain = s.found[i].chain;
		block[i] = out[i].block;
	}
	if (s.n)
		path_find(core, heap, roots, reach, PATH_ANY, block, s.n, pool, path);
	for (size_t i = 0; i < s.n; i++)
		out[i].path = path[i];
	return s.n;
}
