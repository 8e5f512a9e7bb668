/*
 * CPython's objects that are malloc's blocks, and the buffers of its objects. Objects of up to 512
 * bytes are not malloc's: pymalloc puts them into arenas that it maps itself (pymalloc.h). But
 * their buffers are, so that objects in arenas are looked for, too, where all is asked for.
 */
#include "analyzer/analysis.h"
#include "analyzer/type/pyobject.h"
#include "analyzer/type/typing.h"

#define LENGTH_MAX (UINT64_C(1) << 40)

/* Objects with a buffer of their own: the word that points to it, and how to check its size. */
enum check { CHECK_COUNT, CHECK_MASK, CHECK_BYTES, CHECK_KEYS };
static const struct kind {
	const char *type, *buffer;
	unsigned at;    /* word that points to the buffer */
	unsigned count; /* word that tells how many elements it has room for */
	unsigned each;  /* words of an element; 0: bytes */
	enum check check;
} kinds[] = {
	{ "list", "Python list items", 3, 4, 1, CHECK_COUNT },
	{ "dict", "Python dict keys", 4, 0, 0, CHECK_KEYS },
	{ "collections.OrderedDict", "Python dict keys", 4, 0, 0, CHECK_KEYS },
	{ "collections.defaultdict", "Python dict keys", 4, 0, 0, CHECK_KEYS },
	{ "set", "Python set table", 5, 4, 2, CHECK_MASK },
	{ "frozenset", "Python set table", 5, 4, 2, CHECK_MASK },
	{ "bytearray", "Python bytearray buffer", 4, 3, 0, CHECK_BYTES },
};

struct python {
	struct typing *t;
	struct pyobjects objects;
	unsigned word;
	uint32_t buffer[sizeof(kinds) / sizeof(*kinds)];
};

static bool word_at(struct python *p, vaddr at, unsigned index, uint64_t *value)
{
	return pyobject_word(&p->objects, at, index, value);
}

/* What the class is called, and what buffer its objects have. */
static void name_class(struct python *p, struct pyclass *class)
{
	struct type type = { .method = "cpython", .confidence = 0.98 };

	if (class->label)
		return;
	type.name = pool_printf(&p->objects.pool, "Python %s", class->name);
	class->label = types_intern(p->t->types, &type);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].type, class->name))
			class->of = &kinds[i];
}

/* ---- buffers ---- */

static bool is_size_right(struct python *p, const struct kind *k, vaddr object,
                          const struct block *b)
{
	uint64_t count;

	if (k->check == CHECK_KEYS) /* {refcnt, log2 of size ...} and before 3.11 {refcnt, size} */
		return b->size >= 5 * p->word && word_at(p, b->addr, 0, &count) && count &&
		       count < PYOBJECT_REFS_MAX;
	if (!word_at(p, object, k->count, &count) || count > LENGTH_MAX)
		return false;
	count += k->check == CHECK_MASK;
	return typing_fits(p->t, b, k->each ? count * k->each * p->word : count);
}

static void look_buffer(struct python *p, struct pyclass *class, vaddr object)
{
	const struct kind *k = class->of;
	struct type name = { .method = "cpython", .confidence = 0.98 };
	uint64_t buffer;
	struct block b;

	if (!k || !word_at(p, object, k->at, &buffer) || !heap_span(p->t->heap, buffer) ||
	    !heap_find(p->t->heap, buffer, &b) || b.addr != buffer || b.state != BLOCK_USED ||
	    !is_size_right(p, k, object, &b))
		return;
	if (!p->buffer[k - kinds]) {
		name.name = k->buffer;
		p->buffer[k - kinds] = types_intern(p->t->types, &name);
	}
	types_put(p->t->types, b.id, p->buffer[k - kinds]);
}

/*
 * Keys of a dict as 3.11 and later have them (Include/internal/pycore_dict.h), whoever points to
 * them: references, then in a byte each log2 of the table's size and of its bytes and what kind of
 * keys there are, free entries, used ones, table, entries.
 */
static bool is_keys(struct python *p, const struct block *b)
{
	uint64_t refs, head, space, used, room, bytes;

	if (p->word != 8 || b->size < 56 || !word_at(p, b->addr, 0, &refs) || !refs ||
	    refs > PYOBJECT_REFS_MAX || !word_at(p, b->addr, 1, &head) ||
	    !word_at(p, b->addr, 2, &space) || !word_at(p, b->addr, 3, &used))
		return false;
	if ((head & 0xff) < 3 || (head & 0xff) > 32 || (head >> 8 & 0xff) < (head & 0xff) ||
	    (head >> 8 & 0xff) > 36 || (head >> 16 & 0xff) > 2)
		return false;
	room = (UINT64_C(2) << (head & 0xff)) / 3;
	bytes = 32 + (UINT64_C(1) << (head >> 8 & 0xff)) + room * (head >> 16 & 0xff ? 16 : 24);
	return used <= room && space <= room - used && typing_fits(p->t, b, bytes);
}

static void put_keys(struct python *p, const struct block *b)
{
	struct type type = { "Python dict keys", "cpython", 0.97 };

	types_propose(p->t->types, b->id, &type);
}

static void look_block(struct python *p, const struct block *b)
{
	if (is_keys(p, b)) {
		put_keys(p, b);
		return;
	}
	for (unsigned head = 0; head <= 2; head += 2) {
		vaddr object = b->addr + head * p->word;
		struct pyclass *class;

		if (b->size < (head + 2) * p->word)
			return;
		class = pyobject_class(&p->objects, object);
		if (!class || b->size - head * p->word < class->basic)
			continue;
		name_class(p, class);
		types_put(p->t->types, b->id, class->label);
		look_buffer(p, class, object);
		return;
	}
}

/* Objects in arenas, which are roots: only those with a buffer matter here. */
static void look_root(struct python *p, const struct root *r)
{
	uint64_t value;

	if (r->kind != ROOT_ANON && r->kind != ROOT_DATA)
		return;
	for (vaddr at = round_up(r->start, 16) + p->word; at < r->end && r->end - at >= 8 * p->word;
	     at += 16) {
		struct pyclass *class;

		if (!word_at(p, at, 0, &value)) { /* not saved: go on at the next page */
			at = round_down(at, p->t->core->page_size) + p->t->core->page_size +
			     p->word - 16;
			continue;
		}
		class = pyobject_type(&p->objects, value);
		if (class)
			name_class(p, class);
		if (class && class->of && pyobject_class(&p->objects, at - p->word))
			look_buffer(p, class, at - p->word);
	}
}

void typing_cpython(struct typing *t)
{
	struct python p = { .t = t, .word = t->core->machine->word };
	struct heap_iter it = { 0 };
	struct block b;

	if (!t->heap->nspans || !pyobjects_open(t->core, t->modules, &p.objects))
		return;
	while (heap_next_set(t->heap, types_wanted(t->types), &it, &b))
		look_block(&p, &b);
	for (size_t i = 0; t->all && i < analysis_roots(t->a)->n; i++)
		look_root(&p, &t->a->roots.v[i]);
	pyobjects_close(&p.objects);
}
