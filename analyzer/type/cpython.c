/*
 * CPython's objects, by their types: PyObject_HEAD is {ob_refcnt, ob_type} (Include/object.h), in
 * front of which a container has the collector's two links (PyGC_Head, since 3.8). A type object is
 * one where its own type is `type` (whose type is itself) or derived from it, and has a name.
 * Objects of up to 512 bytes are not malloc's: pymalloc puts them into arenas that it maps itself.
 * But their buffers are, so that objects in arenas are looked for, too, where all is asked for.
 */
#include "analyzer/analysis.h"
#include "analyzer/type/typing.h"
#include "formats/idmap.h"

#define TYPES_MAX  65536
#define CHAIN      8 /* metaclasses of metaclasses */
#define NAME_BYTES 80
#define REFS_MAX   (UINT64_C(1) << 40)
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

struct pytype {
	const char *name;        /* NULL: no type object */
	uint64_t basic;          /* tp_basicsize */
	const struct kind *kind; /* NULL: no buffer */
	uint32_t label;
};

struct python {
	struct typing *t;
	struct view view;
	unsigned word;
	vaddr lo, hi; /* of all modules and blocks: where type objects are */
	struct idmap by_address;
	ARRAY(const struct pytype *) types;
	uint32_t buffer[sizeof(kinds) / sizeof(*kinds)];
	struct pool pool;
};

static bool word_at(struct python *p, vaddr at, unsigned index, uint64_t *value)
{
	return view_read_word(&p->view, at + index * p->word, value, p->word);
}

/* ---- type objects ---- */

/* tp_flags (Include/object.h): it is ready to be used; its instances are types. */
#define FLAGS_AT    21
#define FLAGS_READY (UINT64_C(1) << 12)
#define FLAGS_META  (UINT64_C(1) << 31)

/* Is its type a metaclass? Does their chain end in one that is its own type, called "type"? */
static bool is_type_object(struct python *p, vaddr at)
{
	uint64_t type, name, flags;
	char text[5];

	if (!word_at(p, at, 1, &type) || type % p->word || !word_at(p, type, FLAGS_AT, &flags) ||
	    !(flags & FLAGS_META) || !word_at(p, at, FLAGS_AT, &flags) || !(flags & FLAGS_READY))
		return false;
	for (unsigned i = 0; i < CHAIN; i++) {
		if (at % p->word || !word_at(p, at, 1, &type))
			return false;
		if (type == at)
			return word_at(p, at, 3, &name) &&
			       module_read(p->t->core, p->t->modules, name, text, 5) &&
			       !memcmp(text, "type", 5);
		at = type;
	}
	return false;
}

static const char *read_name(struct python *p, vaddr at)
{
	char text[NAME_BYTES + 1];

	for (size_t n = 0; n <= NAME_BYTES; n++) {
		if (!module_read(p->t->core, p->t->modules, at + n, &text[n], 1))
			return NULL;
		if (!text[n])
			return n ? pool_strndup(&p->pool, text, n) : NULL;
		if (text[n] <= ' ' || text[n] >= 0x7f)
			return NULL;
	}
	return NULL;
}

/* refcnt type size name basicsize itemsize ... */
static const struct pytype *read_type(struct python *p, vaddr at)
{
	struct pytype *out = pool_alloc(&p->pool, sizeof(*out));
	uint64_t name, basic, item;
	struct type type = { .method = "cpython", .confidence = 0.98 };

	if (!word_at(p, at, 3, &name) || !word_at(p, at, 4, &basic) || !word_at(p, at, 5, &item) ||
	    basic < 2 * p->word || basic > 1 << 20 || item > 1 << 20)
		return out;
	out->name = read_name(p, name);
	out->basic = basic;
	if (!out->name)
		return out;
	type.name = pool_printf(&p->pool, "Python %s", out->name);
	out->label = types_intern(p->t->types, &type);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].type, out->name))
			out->kind = &kinds[i];
	return out;
}

/* The type object at `at`; NULL: none is there. */
static const struct pytype *type_at(struct python *p, uint64_t at)
{
	uint32_t i;

	if (at < p->lo || at >= p->hi || at % p->word)
		return NULL;
	i = idmap_get(&p->by_address, at);
	if (i == IDMAP_NONE) {
		i = (uint32_t)p->types.n;
		if (i >= TYPES_MAX || !is_type_object(p, at))
			return NULL;
		array_push(&p->types, read_type(p, at));
		idmap_put(&p->by_address, at, i);
	}
	return p->types.v[i]->name ? p->types.v[i] : NULL;
}

/* The type of the object at `at`; NULL: none is there. */
static const struct pytype *object_at(struct python *p, vaddr at)
{
	uint64_t refs, type;

	if (!word_at(p, at, 0, &refs) || !refs || refs > REFS_MAX || !word_at(p, at, 1, &type))
		return NULL;
	return type_at(p, type);
}

/* ---- buffers ---- */

static bool is_size_right(struct python *p, const struct kind *k, vaddr object,
                          const struct block *b)
{
	uint64_t count;

	if (k->check == CHECK_KEYS) /* {refcnt, log2 of size ...} and before 3.11 {refcnt, size} */
		return b->size >= 5 * p->word && word_at(p, b->addr, 0, &count) && count &&
		       count < REFS_MAX;
	if (!word_at(p, object, k->count, &count) || count > LENGTH_MAX)
		return false;
	count += k->check == CHECK_MASK;
	return typing_fits(p->t, b, k->each ? count * k->each * p->word : count);
}

static void look_buffer(struct python *p, const struct pytype *type, vaddr object)
{
	const struct kind *k = type->kind;
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
	    refs > REFS_MAX || !word_at(p, b->addr, 1, &head) || !word_at(p, b->addr, 2, &space) ||
	    !word_at(p, b->addr, 3, &used))
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
		const struct pytype *type;

		if (b->size < (head + 2) * p->word)
			return;
		type = object_at(p, object);
		if (!type || b->size - head * p->word < type->basic)
			continue;
		types_put(p->t->types, b->id, type->label);
		look_buffer(p, type, object);
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
		const struct pytype *type;

		if (!word_at(p, at, 0, &value)) { /* not saved: go on at the next page */
			at = round_down(at, p->t->core->page_size) + p->t->core->page_size +
			     p->word - 16;
			continue;
		}
		type = type_at(p, value);
		if (type && type->kind && object_at(p, at - p->word))
			look_buffer(p, type, at - p->word);
	}
}

static bool uses_python(const struct typing *t)
{
	for (size_t i = 0; i < t->modules->n; i++)
		if (strstr(base_name(t->modules->v[i].path), "python"))
			return true;
	return false;
}

void typing_cpython(struct typing *t)
{
	struct python p = { .t = t, .view = { .core = t->core }, .word = t->core->machine->word };
	struct heap_iter it = { 0 };
	struct block b;

	if (!t->heap->nspans || !uses_python(t))
		return;
	p.lo = t->modules->v[0].start;
	p.hi = t->core->nseg ? t->core->seg[t->core->nseg - 1].end : 0;
	while (heap_next_set(t->heap, types_wanted(t->types), &it, &b))
		look_block(&p, &b);
	for (size_t i = 0; t->all && i < analysis_roots(t->a)->n; i++)
		look_root(&p, &t->a->roots.v[i]);
	idmap_free(&p.by_address);
	array_free(&p.types);
	pool_free(&p.pool);
}
