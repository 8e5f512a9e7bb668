/*
 * tls: variables of libc in each thread's static TLS, without symbols: libc's own offset from the
 * thread pointer (below it on x86-64 and i386, above on aarch64) is the same in all threads, so the
 * offset at which most of them hold a fitting value is it.
 */
#include "heapwalk/walk.h"

#define TLS_REACH 0x1000 /* bytes from the thread pointer that are searched */

bool tls_read(const struct walk *w, size_t thread, unsigned offset, uint64_t *word)
{
	vaddr tp = w->heap->tp[thread];

	return tp > TLS_REACH &&
	       core_read_word(w->core, w->core->machine->tls_above ? tp + offset : tp - offset,
	                      word);
}

unsigned tls_vote(const struct walk *w, tls_weigh *weigh, const void *ctx, uint64_t *most)
{
	uint64_t votes[TLS_REACH / 4] = { 0 };
	unsigned best = 0, step = w->word;

	for (size_t t = 0; t < w->core->nthreads; t++) {
		for (unsigned o = step; o < TLS_REACH; o += step) {
			uint64_t word;

			if (tls_read(w, t, o, &word) && word)
				votes[o / step] += weigh(ctx, o, word);
		}
	}
	*most = 0;
	for (unsigned o = step; o < TLS_REACH; o += step) {
		if (votes[o / step] > *most) {
			*most = votes[o / step];
			best = o;
		}
	}
	return best;
}

/* ---- thread_arena: the arena that a thread allocates from (malloc/arena.c) ---- */

static uint32_t arena_at(const struct heap *h, uint64_t at)
{
	for (uint32_t i = 0; i < h->narenas; i++)
		if (h->arena[i].addr == at)
			return i;
	return UINT32_MAX;
}

static unsigned weigh_arena(const void *ctx, unsigned offset, uint64_t word)
{
	(void)offset;
	return arena_at(ctx, word) != UINT32_MAX;
}

void thread_arenas_find(struct walk *w)
{
	struct heap *h = w->heap;
	uint64_t votes;
	unsigned offset;

	h->thread_arena = mem_alloc(w->core->nthreads, sizeof(*h->thread_arena));
	offset = tls_vote(w, weigh_arena, h, &votes);
	for (size_t t = 0; t < w->core->nthreads; t++) {
		uint64_t word = 0;

		if (offset)
			tls_read(w, t, offset, &word);
		h->thread_arena[t] = arena_at(h, word);
	}
}
