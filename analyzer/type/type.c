#include "analyzer/type/type.h"

#define LABELS UINT16_MAX

/*
 * Evidence by strength. An allocation whose program said what it is beats all; a container whose
 * pointers agree with its owner's says more than the class of its first element (a vector's buffer
 * begins with one), and a vtable more than the static type of a pointer, which may be a base.
 */
static const struct {
	const char *method;
	unsigned rank;
	const char *text;
} methods[] = {
	{ "exact", 9, "the program's own record of its allocations" },
	{ "container", 8, "it and its owner are linked as this container's are" },
	{ "vtable", 7, "its first word is the address of this class's vtable" },
	{ "cpython", 6, "its ob_type is this type object, or it is an object's of that kind" },
	{ "lua", 6,
	  "it is built as the interpreter's objects of this kind are, its size included" },
	{ "perl", 6, "it is built as the interpreter's, or a value's head leads to it" },
	{ "libc", 6, "the C library's own structures lead to it" },
	{ "dwarf", 5, "typed pointers lead to it from variables" },
	{ "members", 4,
	  "it is the only type of the program whose members agree with what is in the block" },
	{ "peers", 3,
	  "almost all blocks of its size and shape whose type is known are of this one" },
	{ "pointers", 2, "all its words are pointers to blocks" },
	{ "text", 1, "it is text" },
};

struct label {
	struct type type;
	unsigned rank;
	uint64_t hash;
};

struct types {
	uint64_t *wanted; /* bit by id */
	uint64_t *told;   /* bit by id: those that have a label */
	uint32_t *before; /* wanted blocks before each 64 ids */
	uint16_t *of;     /* label by rank among the wanted */
	uint64_t bits_bytes, before_bytes, of_bytes;
	uint32_t nchunks;
	ARRAY(struct label *) label; /* [0]: unknown */
	uint32_t *slot;              /* hash table of labels; 0: empty */
	size_t nslots;               /* a power of two */
	struct pool pool;
};

bool type_own(const struct type *type)
{
	static const char *const parts[] = { "container", "pointers", "text" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!strcmp(type->method, parts[i]))
			return false;
	return true;
}

struct types *types_make(const struct heap *heap, const uint64_t *wanted)
{
	struct types *t = mem_alloc(1, sizeof(*t));
	size_t words = ((size_t)heap->nchunks + 63) / 64;
	struct label *none = pool_alloc(&t->pool, sizeof(*none));
	uint32_t n = 0;

	t->nchunks = heap->nchunks;
	t->bits_bytes = heap->bits_bytes;
	t->before_bytes = (words + 1) * sizeof(*t->before);
	t->wanted = mem_lazy(t->bits_bytes);
	t->told = mem_lazy(t->bits_bytes);
	t->before = mem_lazy(t->before_bytes);
	for (size_t i = 0; i < words; i++) {
		t->before[i] = n;
		if (wanted[i]) {
			t->wanted[i] = wanted[i];
			n += bit_count(wanted[i]);
		}
	}
	t->of_bytes = ((uint64_t)n + 1) * sizeof(*t->of);
	t->of = mem_lazy(t->of_bytes);
	t->nslots = 256;
	t->slot = mem_alloc(t->nslots, sizeof(*t->slot));
	array_push(&t->label, none);
	return t;
}

void types_free(struct types *t)
{
	if (!t)
		return;
	mem_lazy_free(t->wanted, t->bits_bytes);
	mem_lazy_free(t->told, t->bits_bytes);
	mem_lazy_free(t->before, t->before_bytes);
	mem_lazy_free(t->of, t->of_bytes);
	mem_free(t->slot);
	array_free(&t->label);
	pool_free(&t->pool);
	mem_free(t);
}

bool types_want(const struct types *t, uint32_t id)
{
	return id < t->nchunks && bit_get(t->wanted, id);
}

const uint64_t *types_wanted(const struct types *t)
{
	return t->wanted;
}

static uint16_t *label_at(const struct types *t, uint32_t id)
{
	uint64_t below = (UINT64_C(1) << (id & 63)) - 1;

	return &t->of[t->before[id >> 6] + bit_count(t->wanted[id >> 6] & below)];
}

uint32_t types_label(const struct types *t, uint32_t id)
{
	return types_want(t, id) ? *label_at(t, id) : 0;
}

void types_fetch(const struct types *t, const uint32_t *id, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (id[i] < t->nchunks) {
			__builtin_prefetch(&t->wanted[id[i] >> 6]);
			__builtin_prefetch(&t->before[id[i] >> 6]);
		}
	for (size_t i = 0; i < n; i++)
		if (types_want(t, id[i]))
			__builtin_prefetch(label_at(t, id[i]));
}

const struct type *types_by_label(const struct types *t, uint32_t label)
{
	return label && label < t->label.n ? &t->label.v[label]->type : NULL;
}

const struct type *types_of(const struct types *t, uint32_t id)
{
	return types_by_label(t, types_label(t, id));
}

const uint64_t *types_told(const struct types *t)
{
	return t->told;
}

/* ---- labels ---- */

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

static uint64_t hash_type(const struct type *type)
{
	uint64_t h = hash_text(UINT64_C(0xcbf29ce484222325), type->name);

	h = hash_text(h, type->method);
	return h ^ (uint64_t)(type->confidence * 1e6);
}

static bool same(const struct type *a, const struct type *b)
{
	return a->confidence >= b->confidence && a->confidence <= b->confidence &&
	       !strcmp(a->name, b->name) && !strcmp(a->method, b->method);
}

static size_t slot_of(const struct types *t, uint64_t hash, const struct type *type)
{
	size_t i = hash & (t->nslots - 1);

	for (; t->slot[i]; i = (i + 1) & (t->nslots - 1)) {
		const struct label *l = t->label.v[t->slot[i]];

		if (l->hash == hash && same(&l->type, type))
			break;
	}
	return i;
}

static void grow(struct types *t)
{
	mem_free(t->slot);
	t->nslots *= 2;
	t->slot = mem_alloc(t->nslots, sizeof(*t->slot));
	for (size_t i = 1; i < t->label.n; i++) {
		const struct label *l = t->label.v[i];

		t->slot[slot_of(t, l->hash, &l->type)] = (uint32_t)i;
	}
}

static unsigned rank_of(const char *method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (!strcmp(methods[i].method, method))
			return methods[i].rank;
	return 0;
}

const char *type_method_text(const char *method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (!strcmp(methods[i].method, method))
			return methods[i].text;
	return method;
}

uint32_t types_intern(struct types *t, const struct type *type)
{
	uint64_t hash = hash_type(type);
	size_t i = slot_of(t, hash, type);
	struct label *l;

	if (t->slot[i])
		return t->slot[i];
	if (type->confidence < TYPE_BAR || t->label.n > LABELS)
		return 0;
	if (t->label.n * 2 >= t->nslots) {
		grow(t);
		i = slot_of(t, hash, type);
	}
	l = pool_alloc(&t->pool, sizeof(*l));
	l->type = *type;
	l->type.name = pool_copy(&t->pool, type->name);
	l->type.method = pool_copy(&t->pool, type->method);
	l->rank = rank_of(type->method);
	l->hash = hash;
	t->slot[i] = (uint32_t)t->label.n;
	array_push(&t->label, l);
	return t->slot[i];
}

/* ---- proposals ---- */

static bool stronger(const struct label *a, const struct label *b)
{
	int by_name;

	if (a->rank != b->rank)
		return a->rank > b->rank;
	if (a->type.confidence > b->type.confidence || a->type.confidence < b->type.confidence)
		return a->type.confidence > b->type.confidence;
	by_name = strcmp(a->type.name, b->type.name);
	if (by_name)
		return by_name < 0;
	return strcmp(a->type.method, b->type.method) < 0;
}

bool types_put(struct types *t, uint32_t id, uint32_t label)
{
	uint16_t *known;

	if (!label || label >= t->label.n || !types_want(t, id))
		return false;
	known = label_at(t, id);
	if (*known && !stronger(t->label.v[label], t->label.v[*known]))
		return false;
	*known = (uint16_t)label;
	bit_set(t->told, id);
	return true;
}

bool types_propose(struct types *t, uint32_t id, const struct type *type)
{
	return types_want(t, id) && types_put(t, id, types_intern(t, type));
}
