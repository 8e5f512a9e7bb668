/*
 * C++ objects by their first word: a class with virtual functions or virtual bases has its vtable's
 * address there (Itanium C++ ABI 2.4). Arrays of new[] whose class has a destructor have the number
 * of elements in front (2.7), in a word, or in 16 bytes where the class is aligned to that.
 */
#include "analyzer/type/typing.h"

#define SAMPLE 64 /* elements of an array that are looked at */
#define SLACK  32 /* bytes that a block may have more than was asked for, and less */

struct look {
	struct typing *t;
	struct view view;
	unsigned word;
	uint64_t known[2]; /* the words before, whose labels are here: runs are common */
	uint32_t label[2];
};

static uint32_t label_of(struct look *l, const struct rtti_class *class, bool array)
{
	struct pool pool = { 0 };
	struct type type = { class->name, "vtable", class->named ? 0.99 : 0.95 };
	uint32_t label;

	if (array)
		type.name = pool_printf(&pool, "%s[]", class->name);
	label = types_intern(l->t->types, &type);
	pool_free(&pool);
	return label;
}

static bool word_at(struct look *l, vaddr at, uint64_t *value)
{
	return view_read_word(&l->view, at, value, l->word);
}

/* Do `count` elements fill the block, each of them with this vtable? */
static bool is_array(struct look *l, const struct block *b, unsigned head, uint64_t count,
                     uint64_t vtable)
{
	uint64_t room = b->size - head, size, value;

	if (count < 2 || count > room / l->word)
		return false;
	size = round_down(room / count, l->word);
	for (; size && room - size * count < SLACK; size -= l->word) {
		uint64_t step = count > SAMPLE ? count / SAMPLE : 1, i = 0;

		while (i < count && word_at(l, b->addr + head + i * size, &value) &&
		       value == vtable)
			i += step;
		if (i >= count)
			return true;
	}
	return false;
}

static void look_array(struct look *l, const struct block *b, unsigned head, uint64_t count)
{
	const struct rtti_class *class;
	uint64_t vtable;

	if (count < 2 || b->size < head + 2 * l->word || count > b->size / l->word ||
	    !word_at(l, b->addr + head, &vtable))
		return;
	class = rtti_find(l->t->rtti, vtable);
	if (class && !class->top && is_array(l, b, head, count, vtable))
		types_put(l->t->types, b->id, label_of(l, class, true));
}

static void look_block(void *of, const struct block *b)
{
	struct look *l = of;
	const struct rtti_class *class;
	uint64_t first, second;

	if (b->size < l->word || !word_at(l, b->addr, &first))
		return;
	for (size_t i = 0; i < 2; i++) {
		if (first && first == l->known[i]) {
			types_put(l->t->types, b->id, l->label[i]);
			return;
		}
	}
	class = rtti_find(l->t->rtti, first);
	l->t->objects |= class != NULL;
	if (class && !class->top) {
		l->known[1] = l->known[0], l->label[1] = l->label[0];
		l->known[0] = first, l->label[0] = label_of(l, class, false);
		types_put(l->t->types, b->id, l->label[0]);
		return;
	}
	look_array(l, b, l->word, first);
	if (b->size >= 2 * l->word && word_at(l, b->addr + l->word, &second))
		look_array(l, b, 2 * l->word, second);
}

static void *begin(struct typing *t)
{
	struct look *l = mem_alloc(1, sizeof(*l));

	*l = (struct look){ .t = t, .view = { .core = t->core }, .word = t->core->machine->word };
	return l;
}

const struct typing_each typing_vtables = { begin, look_block, mem_free };
