#include "analyzer/leak/codes.h"
#include "formats/idmap.h"

#define WORDS 12
#define RARE  10 /* what one in so many words at most has there may be left over */
#define SIZES 65536

enum word { WORD_NULL, WORD_CODE, WORD_OTHER, WORD_KINDS };

struct count { /* of blocks of one size: by word, what is there */
	uint32_t n[WORDS][WORD_KINDS];
};

struct codes {
	const struct core *core;
	const struct heap *heap;
	const struct types *types;
	struct idmap by_size;
	ARRAY(struct count) count;
};

static enum word kind_of(const struct codes *c, vaddr at)
{
	const struct segment *s;
	uint64_t value;

	if (!core_read_word(c->core, at, &value) || !value)
		return WORD_NULL;
	value = core_pointer(c->core, value);
	if (value < c->core->page_size || heap_span(c->heap, value))
		return WORD_OTHER;
	s = core_segment(c->core, value);
	return s && s->flags & SEG_X ? WORD_CODE : WORD_OTHER;
}

/* The last word is left out: malloc may have added it. */
static unsigned words_of(const struct codes *c, const struct block *b)
{
	uint64_t n = b->size / c->core->machine->word;

	n -= n > 0;
	return n < WORDS ? (unsigned)n : WORDS;
}

static void add(struct codes *c, const struct block *b)
{
	uint32_t i = idmap_get(&c->by_size, b->size);

	if (i == IDMAP_NONE && c->count.n == SIZES)
		return;
	if (i == IDMAP_NONE) {
		i = (uint32_t)c->count.n;
		array_push(&c->count, (struct count){ 0 });
		idmap_put(&c->by_size, b->size, i);
	}
	for (unsigned w = 0; w < words_of(c, b); w++)
		c->count.v[i].n[w][kind_of(c, b->addr + w * c->core->machine->word)]++;
}

/* Most that may have it do. */
static bool is_telling(const struct count *c, unsigned w)
{
	const uint32_t *n = c->n[w];

	return n[WORD_CODE] && n[WORD_CODE] >= n[WORD_NULL] && n[WORD_CODE] >= n[WORD_OTHER] / RARE;
}

static bool any(const struct codes *c)
{
	for (size_t i = 0; i < c->count.n; i++)
		for (unsigned w = 0; w < WORDS; w++)
			if (is_telling(&c->count.v[i], w))
				return true;
	return false;
}

struct codes *codes_find(const struct core *core, const struct heap *heap,
                         const struct reach *reach, const struct types *types)
{
	uint64_t *bits = reach_bits(reach, 1u << REACH_DEFINITE);
	struct codes *c = mem_alloc(1, sizeof(*c));
	struct heap_iter it = { .look = true };
	struct block b;

	*c = (struct codes){ .core = core, .heap = heap, .types = types };
	while (heap_next_set(heap, bits, &it, &b))
		if (!types || !types_label(types, b.id))
			add(c, &b);
	mem_lazy_free(bits, heap->bits_bytes);
	if (any(c))
		return c;
	codes_free(c);
	return NULL;
}

void codes_free(struct codes *c)
{
	if (!c)
		return;
	idmap_free(&c->by_size);
	array_free(&c->count);
	mem_free(c);
}

uint32_t codes_of(const struct codes *c, const struct block *b)
{
	uint32_t i = idmap_get(&c->by_size, b->size), mask = 0;

	if (i == IDMAP_NONE || (c->types && types_label(c->types, b->id)))
		return 0;
	for (unsigned w = 0; w < words_of(c, b); w++) {
		const uint32_t *n = c->count.v[i].n[w];

		if (is_telling(&c->count.v[i], w) &&
		    (n[WORD_OTHER] <= n[WORD_CODE] / RARE ||
		     kind_of(c, b->addr + w * c->core->machine->word) == WORD_CODE))
			mask |= 1u << w;
	}
	return mask;
}
