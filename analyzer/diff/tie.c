#include "analyzer/diff/tie.h"
#include "formats/crew.h"

struct search {
	const struct pointers *p;
	const uint64_t *sure, *other; /* bit by id: blocks that stayed, in which nothing has */
	const uint64_t *many;         /* ... that look like many others */
	struct ties *ties;
};

static void tie(const struct search *s, uint32_t id, uint32_t how, bool stayed)
{
	if (how & POINTER_FAR)
		return;
	bit_set_shared(s->ties->held, id);
	if (stayed && how & POINTER_SAME)
		bit_set_shared(s->ties->kept, id);
}

static bool counts(const struct pointer_piece *p)
{
	return p->kind != PIECE_GAP;
}

/* What a function left on the stack is no holder: not where it may be any of many. */
static bool may_hold(const struct search *s, const struct pointer_piece *p, uint32_t id)
{
	return p->kind != PIECE_STACK || !bit_get(s->many, id);
}

/* One that is looked at; blocks in which nothing has stayed have none that are the same. */
static void take(void *of, size_t piece, uint32_t holder, uint32_t id, uint32_t how)
{
	const struct search *s = of;
	const struct pointer_piece *at = &s->p->piece.v[piece];

	(void)holder;
	if (counts(at))
		tie(s, id, how, may_hold(s, at, id));
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
			tie(s, *to & POINTER_ID, *to, may_hold(s, at, *to & POINTER_ID));
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
