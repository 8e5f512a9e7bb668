#include "analyzer/site/holder.h"
#include "formats/wordrun.h"

#include <stdlib.h>

#define HEADER_MOST 64 /* bytes of it that a program keeps in front of what it points to */

void site_holders_init(const struct core *core, const struct heap *heap,
                       const struct modules *modules, const struct reach *reach,
                       struct site_holders *out)
{
	*out = (struct site_holders){ .core = core, .heap = heap, .modules = modules };
	out->bits = reach ? reach_bits(reach, 1u << REACH_DEFINITE | 1u << REACH_INDIRECT) : NULL;
	out->lowest = heap->nspans ? heap->span[0].start : 0;
	for (size_t i = 0; i < heap->nspans; i++)
		if (heap->span[i].end > out->highest)
			out->highest = heap->span[i].end;
}

void site_holders_free(struct site_holders *holders)
{
	if (holders->bits)
		mem_lazy_free(holders->bits, holders->heap->bits_bytes);
	array_free(&holders->known);
	*holders = (struct site_holders){ 0 };
}

static struct held_block *find(const struct site_holders *h, uint32_t id)
{
	size_t i = first_behind(h->known.v, h->known.n, id, id);

	return i && h->known.v[i - 1].id == id ? &h->known.v[i - 1] : NULL;
}

static void note(uint32_t *by, uint32_t holder)
{
	if (*by == HOLDER_NONE)
		*by = holder;
	else if (*by != holder)
		*by = HOLDER_MANY;
}

/* A word of the block `by`; new: bits by id of what is looked for. */
static void look(struct site_holders *h, vaddr at, uint32_t by, const uint64_t *new)
{
	struct held_block *held;
	struct block to;

	if (at < h->lowest || at >= h->highest || !heap_find(h->heap, at, &to) ||
	    to.id >= h->heap->nchunks || !bit_get(new, to.id) || to.id == by)
		return;
	held = find(h, to.id);
	if (held && at == to.addr)
		note(&held->by, by);
	else if (held && at - to.addr <= HEADER_MOST)
		note(&held->inner, by);
}

static void scan(struct site_holders *h, vaddr start, vaddr end, uint32_t by, const uint64_t *new)
{
	struct wordrun run = wordruns(h->core, start, end);
	unsigned word = h->core->machine->word;

	while (wordrun_next(&run))
		for (uint64_t i = 0; i < run.bytes; i += word)
			look(h, core_pointer(h->core, load_word(run.mem + i, word)), by, new);
}

static void scan_variables(struct site_holders *h, const uint64_t *new)
{
	for (size_t i = 0; i < h->modules->n; i++) {
		const struct module *m = &h->modules->v[i];

		scan(h, m->data_start, m->data_end, HOLDER_MANY, new);
	}
}

static int by_id(const void *a, const void *b)
{
	const struct held_block *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Those that are new go into known, and into bits. */
static size_t add(struct site_holders *h, const uint32_t *id, size_t n, uint64_t *new)
{
	size_t before = h->known.n;

	for (size_t i = 0; i < n; i++) {
		struct held_block held = { id[i], HOLDER_NONE, HOLDER_NONE };
		size_t at;

		if (id[i] >= h->heap->nchunks || bit_get(new, id[i]))
			continue;
		at = first_behind(h->known.v, before, id, id[i]);
		if (at && h->known.v[at - 1].id == id[i])
			continue;
		bit_set(new, id[i]);
		array_push(&h->known, held);
	}
	if (h->known.n > before)
		qsort(h->known.v, h->known.n, sizeof(*h->known.v), by_id);
	return h->known.n - before;
}

void site_holders_seek(struct site_holders *holders, const uint32_t *id, size_t n)
{
	const struct heap *heap = holders->heap;
	uint64_t *new = mem_lazy(heap->bits_bytes);
	struct heap_iter it = { .look = true };
	struct block b;

	if (add(holders, id, n, new)) {
		scan_variables(holders, new);
		while (heap_next_set(heap, holders->bits ? holders->bits : heap->used, &it, &b))
			if (b.state == BLOCK_USED) {
				scan(holders, b.addr, b.addr + b.size, b.id, new);
				holders->seen += b.size;
			}
	}
	mem_lazy_free(new, heap->bits_bytes);
}

bool site_holder_of(const struct site_holders *holders, uint32_t id, struct block *out)
{
	const struct held_block *held = find(holders, id);
	uint32_t by;

	if (!held)
		return false;
	by = held->by == HOLDER_NONE ? held->inner : held->by;
	return by < holders->heap->nchunks && heap_by_id(holders->heap, by, out);
}
