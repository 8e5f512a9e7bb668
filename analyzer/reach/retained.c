/*
 * By the definition: once with all blocks, once without the one that is asked about, which is taken
 * out of what is left to be visited. The difference is its own.
 */
#include "analyzer/reach/retained.h"
#include "analyzer/reach/mark.h"

struct work {
	const struct core *core;
	const struct heap *heap;
	const struct roots *roots;
	const struct reach *reach;
	unsigned threads;
	uint64_t *bits; /* by id: to be visited */
};

static size_t words_used(const struct work *w)
{
	return ((size_t)w->heap->nchunks + 63) / 64;
}

/* Is it unreachable, so that heads of leaks hold it and not roots? */
static bool is_leaked(const struct work *w, uint32_t id)
{
	enum reach_class class = reach_of(w->reach, id);

	return class == REACH_DEFINITE || class == REACH_INDIRECT;
}

static void mark_roots(const struct work *w, struct marker *m)
{
	for (size_t i = 0; i < w->roots->nregs; i++)
		mark_word(m, w->roots->reg[i].value);
	for (size_t i = 0; i < w->roots->n; i++)
		mark_range(m, w->roots->v[i].start, w->roots->v[i].end);
	for (size_t i = 0; i < w->heap->ngaps; i++) /* may hold anything */
		mark_range(m, w->heap->gap[i].start, w->heap->gap[i].end);
}

/* What is visited without the block (UINT32_MAX: with all). */
static struct tally visit(struct work *w, bool leaked, uint32_t without)
{
	struct marker *m = mark_open(w->core, w->heap, w->threads);
	const struct reach *r = w->reach;
	struct tally sum = { 0 };

	for (size_t i = 0; i < words_used(w); i++)
		w->bits[i] = leaked ? w->heap->used[i] & ~r->strong[i] & ~r->weak[i]
		                    : w->heap->used[i];
	if (without != UINT32_MAX)
		bit_clear(w->bits, without);
	mark_leave(m, w->bits);
	mark_pass(m, NULL, &sum);
	if (leaked)
		mark_blocks(m, r->head);
	else
		mark_roots(w, m);
	mark_drain(m);
	mark_close(m);
	return sum;
}

void retained_find(const struct core *core, const struct heap *heap, const struct roots *roots,
                   const struct reach *reach, unsigned threads, const struct block *block, size_t n,
                   struct tally *out)
{
	struct work w = { core, heap, roots, reach, threads, mem_lazy(heap->bits_bytes) };
	struct tally all[2];
	bool known[2] = { false, false };

	for (size_t i = 0; i < n; i++) {
		bool leaked = is_leaked(&w, block[i].id);
		struct tally rest = visit(&w, leaked, block[i].id);

		if (!known[leaked])
			all[leaked] = visit(&w, leaked, UINT32_MAX);
		known[leaked] = true;
		out[i] = (struct tally){ all[leaked].blocks - rest.blocks,
			                 all[leaked].bytes - rest.bytes };
	}
	mem_lazy_free(w.bits, heap->bits_bytes);
}
