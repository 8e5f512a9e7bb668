#include "analyzer/diff/tie.h"
#include "formats/crew.h"

struct search {
	const struct pointers *p;
	const uint64_t *other; /* bit by id: blocks in which nothing has stayed */
	struct ties *ties;
};

static void set_shared(uint64_t *bits, uint32_t i)
{
	uint64_t bit = UINT64_C(1) << (i & 63);

	if (!(__atomic_load_n(&bits[i >> 6], __ATOMIC_RELAXED) & bit))
		__atomic_fetch_or(&bits[i >> 6], bit, __ATOMIC_RELAXED);
}

static void tie(const struct search *s, uint32_t id, uint32_t how, bool stayed)
{
	if (how & POINTER_FAR)
		return;
	set_shared(s->ties->held, id);
	if (stayed && how & POINTER_SAME)
		set_shared(s->ties->kept, id);
}

static bool counts(const struct pointer_piece *p)
{
	return p->kind != PIECE_STACK && p->kind != PIECE_GAP;
}

/* One that is looked at. */
static void take(void *of, size_t piece, uint32_t holder, uint32_t id, uint32_t how)
{
	const struct search *s = of;

	(void)holder;
	if (counts(&s->p->piece.v[piece]))
		tie(s, id, how, true);
}

/* Those of the list. */
static void go_over(void *of, size_t first, size_t end)
{
	const struct search *s = of;

	for (size_t i = first; i < end; i++) {
		const struct pointer_piece *at = &s->p->piece.v[i];
		const uint32_t *to = s->p->to + at->base, *stop = to + at->n;
		uint32_t id = at->id;

		if (!counts(at))
			continue;
		for (; at->kind != PIECE_BLOCKS && to < stop; to++)
			tie(s, *to & POINTER_ID, *to, true);
		for (; to < stop; id++) {
			bool stayed = !bit_get(s->other, id);

			if (!s->p->first[id])
				continue;
			do
				tie(s, *to & POINTER_ID, *to, stayed);
			while (!(*to++ & POINTER_LAST));
		}
	}
}

void ties_find(const struct pointers *pointers, const uint64_t *other, struct pointers_ask ask,
               struct ties *out)
{
	struct search s = { .p = pointers, .other = other, .ties = out };

	*out = (struct ties){ .bytes = ((uint64_t)pointers->heap->nchunks / 64 + 1) * 8 };
	out->held = mem_lazy(out->bytes);
	out->kept = mem_lazy(out->bytes);
	if (pointers->kept)
		crew_share(pointers->threads, pointers->piece.n, 1, go_over, &s);
	else
		pointers_scan(pointers, ask, (struct pointers_take){ take, NULL, &s });
}

void ties_free(struct ties *ties)
{
	mem_lazy_free(ties->held, ties->bytes);
	mem_lazy_free(ties->kept, ties->bytes);
	*ties = (struct ties){ 0 };
}
