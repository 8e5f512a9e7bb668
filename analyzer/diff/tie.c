#include "analyzer/diff/tie.h"
#include "formats/crew.h"

struct search {
	const struct pointers *p;
	const uint64_t *sure, *other; /* bit by id: blocks that stayed, in which nothing has */
	const uint64_t *many;         /* ... that look like many others */
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
	return p->kind != PIECE_GAP;
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
		/* what a function left on the stack is no holder: where it may be any of many */
		for (; at->kind != PIECE_BLOCKS && to < stop; to++)
			tie(s, *to & POINTER_ID, *to,
			    at->kind != PIECE_STACK || !bit_get(s->many, *to & POINTER_ID));
		for (; to < stop; id++) {
			bool stayed = bit_get(s->sure, id);

			if (!s->p->first[id])
				continue;
			do
				tie(s, *to & POINTER_ID, *to, stayed);
			while (!(*to++ & POINTER_LAST));
		}
	}
}

/* From what is held to what it holds, as long as that may have stayed. */
static void follow(const struct search *s)
{
	uint32_t n = 0, chunks = s->p->heap->nchunks;
	size_t bytes = ((size_t)chunks + 1) * sizeof(uint32_t);
	uint32_t *next = mem_lazy(bytes); /* each block is in there once, at most */

	for (uint32_t id = 0; id < chunks; id++)
		if (bit_get(s->ties->kept, id) && !bit_get(s->sure, id) && !bit_get(s->other, id))
			next[n++] = id;
	while (n) {
		uint32_t first = s->p->first[next[--n]];
		const uint32_t *to = s->p->to + first - 1;

		if (!first || first == POINTERS_SOME)
			continue;
		do {
			uint32_t id = *to & POINTER_ID;

			if (!(*to & POINTER_SAME) || *to & POINTER_FAR ||
			    bit_get(s->ties->kept, id))
				continue;
			bit_set(s->ties->kept, id);
			if (!bit_get(s->sure, id) && !bit_get(s->other, id))
				next[n++] = id;
		} while (!(*to++ & POINTER_LAST));
	}
	mem_lazy_free(next, bytes);
}

void ties_find(const struct pointers *pointers, const uint64_t *sure, const uint64_t *other,
               const uint64_t *many, struct pointers_ask ask, struct ties *out)
{
	struct search s = {
		.p = pointers, .sure = sure, .other = other, .many = many, .ties = out
	};

	*out = (struct ties){ .bytes = ((uint64_t)pointers->heap->nchunks / 64 + 1) * 8 };
	out->held = mem_lazy(out->bytes);
	out->kept = mem_lazy(out->bytes);
	if (pointers->kept) {
		crew_share(pointers->threads, pointers->piece.n, 1, go_over, &s);
		follow(&s);
	} else {
		pointers_scan(pointers, ask, (struct pointers_take){ take, NULL, &s });
	}
}

void ties_free(struct ties *ties)
{
	mem_lazy_free(ties->held, ties->bytes);
	mem_lazy_free(ties->kept, ties->bytes);
	*ties = (struct ties){ 0 };
}
