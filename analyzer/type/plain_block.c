/*
 * What blocks are that have no structure of their own: text, pointers to blocks of one type or many
 * to any, copies of the environment. Last of all typers: anything else that is known of a block
 * says more.
 *
 * Both have to fill the block: a struct may begin with a name or with a few pointers.
 */
#include "analyzer/analysis.h"
#include "analyzer/type/typing.h"

#define TEXT_LEAST 5 /* characters: fewer are found in numbers, too */
#define TEXT_MOST  (UINT64_C(1) << 30)
#define POINTERS   5   /* at least so many that are not NULL */
#define MANY       16  /* the same, where they are to blocks of several types or of none known */
#define SAMPLE     256 /* words of a long array that are looked at */

struct plain {
	struct typing *t;
	struct view view;
	unsigned word;
	uint32_t text, counted, environment, pointers;
	uint32_t of, array; /* the label last met, and the label of an array of pointers to it */
};

/* ---- text ---- */

/* Bytes of UTF-8's sequence at p, of n that are left; 0: none, or a control character. */
static unsigned character(const uint8_t *p, uint64_t n)
{
	unsigned more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc2 ? 1 : 0;

	if (*p < 0x80)
		return (*p >= 0x20 && *p != 0x7f) || (*p >= '\t' && *p <= '\r') || *p == 0x1b;
	if (!more || *p > 0xf4 || n <= more)
		return 0;
	for (unsigned i = 1; i <= more; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return more + 1;
}

/* Characters up to the NUL at *length bytes; 0: what is there is not text. */
static uint64_t text_length(const uint8_t *p, uint64_t n, uint64_t *length)
{
	uint64_t at = 0, characters = 0;

	while (at < n && p[at]) {
		unsigned step = character(p + at, n - at);

		if (!step)
			return 0;
		at += step;
		characters++;
	}
	*length = at;
	return at < n ? characters : 0;
}

/* An address may look like text; one that is mapped is none. */
static bool begins_with_address(struct plain *p, const struct block *b)
{
	uint64_t value;

	return view_read_word(&p->view, b->addr, &value, p->word) &&
	       core_segment(p->t->core, core_pointer(p->t->core, value)) != NULL;
}

static bool is_text(struct plain *p, const struct block *b)
{
	const uint8_t *bytes;
	uint64_t length, n;

	if (b->size > TEXT_MOST)
		return false;
	bytes = view_at(&p->view, b->addr, b->size);
	if (!bytes || !character(bytes, b->size))
		return false;
	n = text_length(bytes, b->size, &length);
	return n >= TEXT_LEAST && typing_fits(p->t, b, length + 1) && !begins_with_address(p, b);
}

/* Behind its length, in whole words, as some programs' own allocators keep it. */
static bool is_counted_text(struct plain *p, const struct block *b)
{
	struct block behind = *b;
	uint64_t room;

	if (b->size <= 2 * p->word || !view_read_word(&p->view, b->addr, &room, p->word) ||
	    room > b->size - p->word || room % p->word || !typing_fits(p->t, b, room + p->word))
		return false;
	behind.addr += p->word;
	behind.size = room;
	return is_text(p, &behind);
}

/* ---- pointers ---- */

/* A word's block, if it begins there and is used. */
static bool pointed(const struct plain *p, uint64_t v, struct block *b)
{
	return heap_span(p->t->heap, v) && heap_find(p->t->heap, v, b) && b->addr == v &&
	       b->state == BLOCK_USED;
}

/* NAME=... */
static bool is_setting(struct plain *p, vaddr at)
{
	uint8_t c;

	for (unsigned i = 0; i < 256 && core_read(p->t->core, at + i, &c, 1); i++) {
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

		if (c == '=')
			return i > 0;
		if (!letter && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return false;
}

/* Addresses and then NULL, as far as the block itself tells: most blocks are refused by that. */
static bool may_be_environment(struct plain *p, const struct block *b)
{
	uint64_t words = b->size / p->word, n = 0, v;

	for (; n < words && view_read_word(&p->view, b->addr + n * p->word, &v, p->word) && v; n++)
		if (!core_segment(p->t->core, v))
			return false;
	return n >= 4 && n < words;
}

/* Pointers to NAME=value, then NULL. */
static bool is_environment(struct plain *p, const struct block *b)
{
	uint64_t words = b->size / p->word, n = 0, v;

	if (!may_be_environment(p, b))
		return false;
	for (; n < words && view_read_word(&p->view, b->addr + n * p->word, &v, p->word) && v; n++)
		if (!is_setting(p, v))
			return false;
	return true;
}

/* So many words of a block are looked at, one in so many. */
static uint64_t sampled_words(const struct plain *p, const struct block *b, uint64_t *step)
{
	uint64_t words = b->size / p->word;

	words -= words > 1; /* the last word may be what is left over */
	*step = words > SAMPLE ? words / SAMPLE : 1;
	return words;
}

/* The same as are_pointers as far as the block itself tells, without looking where they lead. */
static bool may_be_pointers(struct plain *p, const struct block *b)
{
	uint64_t step, words = sampled_words(p, b, &step), v, found = 0, nulls = 0;

	for (uint64_t i = 0; i < words; i += step) {
		if (!view_read_word(&p->view, b->addr + i * p->word, &v, p->word))
			return false;
		if (v && (v % p->t->heap->align || !heap_span(p->t->heap, v)))
			return false;
		found += v != 0;
		nulls += v == 0;
	}
	return found >= POINTERS && found > nulls / 8;
}

/*
 * Do all its words point to blocks (but for NULLs)? *label: of the blocks' type, 0: of none or of
 * several. *n: how many were seen.
 */
static bool are_pointers(struct plain *p, const struct block *b, uint32_t *label, uint64_t *n)
{
	uint64_t step, words = sampled_words(p, b, &step), v;
	bool same = true;

	*label = 0;
	*n = 0;
	if (!may_be_pointers(p, b))
		return false;
	for (uint64_t i = 0; i < words; i += step) {
		struct block to;
		uint32_t l;

		if (!view_read_word(&p->view, b->addr + i * p->word, &v, p->word))
			return false;
		if (!v)
			continue;
		if (!pointed(p, v, &to) || to.id == b->id)
			return false;
		l = types_label(p->t->types, to.id);
		same = same && l && (!*n || l == *label);
		*label = same ? l : 0;
		++*n;
	}
	return true;
}

static void put_pointers(struct plain *p, const struct block *b, uint32_t of)
{
	struct pool pool = { 0 };
	struct type type = { .method = "pointers", .confidence = 0.95 };

	if (of != p->of) {
		type.name = pool_printf(&pool, "array of pointers to %s",
		                        types_by_label(p->t->types, of)->name);
		p->array = types_intern(p->t->types, &type);
		p->of = of;
		pool_free(&pool);
	}
	types_put(p->t->types, b->id, p->array);
}

/* ---- the first look ---- */

static struct plain plain_of(struct typing *t)
{
	return (struct plain){ .t = t,
		               .view = { .core = t->core },
		               .word = t->core->machine->word };
}

static void *begin(struct typing *t)
{
	struct plain *p = mem_alloc(1, sizeof(*p));

	*p = plain_of(t);
	t->text = mem_lazy(t->heap->bits_bytes);
	t->counted = mem_lazy(t->heap->bits_bytes);
	t->pointers = mem_lazy(t->heap->bits_bytes);
	return p;
}

static void look_first(void *of, const struct block *b)
{
	struct plain *p = of;
	struct typing *t = p->t;

	if (types_label(t->types, b->id))
		return;
	if (is_text(p, b))
		bit_set(t->text, b->id);
	else if (is_counted_text(p, b))
		bit_set(t->counted, b->id);
	else if (b->size >= (POINTERS + 1) * p->word &&
	         (may_be_environment(p, b) || may_be_pointers(p, b)))
		bit_set(t->pointers, b->id);
}

const struct typing_each typing_first = { begin, look_first, mem_free };

/* ---- what nobody told more of ---- */

static void look_for_pointers(struct plain *p, const struct block *b)
{
	uint32_t of;
	uint64_t n;

	if (!are_pointers(p, b, &of, &n))
		return;
	if (of)
		put_pointers(p, b, of);
	else if (n >= MANY)
		types_put(p->t->types, b->id, p->pointers);
}

static void look_again(struct plain *p, const struct block *b)
{
	if (bit_get(p->t->text, b->id))
		types_put(p->t->types, b->id, p->text);
	else if (bit_get(p->t->counted, b->id))
		types_put(p->t->types, b->id, p->counted);
	else if (is_environment(p, b))
		types_put(p->t->types, b->id, p->environment);
	else
		look_for_pointers(p, b);
}

void typing_plain(struct typing *t)
{
	struct plain p = plain_of(t);
	struct type text = { "text", "text", 0.95 };
	struct type counted = { "text behind its length", "text", 0.95 };
	struct type environment = { "environment (NAME=value)", "pointers", 0.97 };
	struct type pointers = { "array of pointers", "pointers", 0.93 };
	uint64_t *any = mem_lazy(t->heap->bits_bytes);
	struct heap_iter it = { 0 };
	struct block b;

	p.text = types_intern(t->types, &text);
	p.counted = types_intern(t->types, &counted);
	p.environment = types_intern(t->types, &environment);
	p.pointers = types_intern(t->types, &pointers);
	for (size_t i = 0; i < ((size_t)t->heap->nchunks + 63) / 64; i++)
		any[i] = t->text[i] | t->counted[i] | t->pointers[i];
	while (heap_next_set(t->heap, any, &it, &b))
		if (!types_label(t->types, b.id))
			look_again(&p, &b);
	mem_lazy_free(any, t->heap->bits_bytes);
}
