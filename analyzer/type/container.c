/*
 * One pass over the words of what is wanted (and of the roots, where all is): each word that points
 * to a block may be part of a container's owner, and the words around it tell. Every link is
 * checked both ways, every count against what is counted, every size against what malloc hands out
 * for it.
 */
#include "analyzer/type/container.h"
#include "analyzer/analysis.h"
#include "formats/wordrun.h"

#define DATA_MAX (UINT64_C(1) << 23) /* bytes of data that are looked at */
#define SOME     4096                /* bytes of a block that is in a sample */

bool container_block(const struct containers *c, uint64_t v, struct block *b)
{
	return in_heap(c, v) && heap_find(c->t->heap, v, b) && b->addr == v &&
	       b->state == BLOCK_USED;
}

bool container_fits(const struct containers *c, const struct block *b, uint64_t bytes)
{
	return typing_fits(c->t, b, bytes);
}

bool container_word(struct containers *c, vaddr at, uint64_t *value)
{
	return view_read_word(&c->view, at, value, c->word);
}

/* ---- proposing ---- */

/* A chain of checked links is stronger than a few words of one owner. */
static const struct {
	const char *name;
	double confidence;
} parts[PARTS] = {
	[PART_STRING] = { "std::string buffer", 0.96 },
	[PART_WIDE_STRING] = { "std::wstring buffer", 0.95 },
	[PART_STRING_16] = { "std::u16string buffer", 0.95 },
	[PART_BITS] = { "std::vector<bool> buffer", 0.97 },
	[PART_VECTOR] = { "std::vector buffer", 0.97 },
	[PART_LIST] = { "std::list node", 0.99 },
	[PART_TREE] = { "std::map/set node", 0.99 },
	[PART_HASH_NODE] = { "std::unordered_map/set node", 0.99 },
	[PART_HASH_BUCKETS] = { "std::unordered_map/set buckets", 0.99 },
	[PART_DEQUE_BLOCK] = { "std::deque block", 0.99 },
	[PART_DEQUE_MAP] = { "std::deque map", 0.99 },
};

/* Whose it is, where that is an object of a known class. Strings are everywhere the same. */
static const char *owner_name(const struct containers *c, enum container_part part)
{
	const struct type *type;

	if (!c->owner || part <= PART_STRING_16)
		return NULL;
	type = types_of(c->t->types, c->owner->id);
	return type && (!strcmp(type->method, "vtable") || !strcmp(type->method, "dwarf"))
	               ? type->name
	               : NULL;
}

void container_put(struct containers *c, const struct block *b, enum container_part part)
{
	const char *owner = owner_name(c, part);
	uint32_t of = owner ? types_label(c->t->types, c->owner->id) : 0;
	struct pool pool = { 0 };
	struct type type = { parts[part].name, "container", parts[part].confidence };

	if (!types_want(c->t->types, b->id))
		return;
	if (of != c->owner_label) {
		memset(c->label, 0, sizeof(c->label));
		c->owner_label = of;
	}
	if (!of && !c->plain_label[part])
		c->plain_label[part] = types_intern(c->t->types, &type);
	if (of && !c->label[part]) {
		type.name = pool_printf(&pool, "%s in %s", parts[part].name, owner);
		c->label[part] = types_intern(c->t->types, &type);
	}
	types_put(c->t->types, b->id, of ? c->label[part] : c->plain_label[part]);
	pool_free(&pool);
}

void container_put_name(struct containers *c, const struct block *b, const char *name)
{
	struct type type = { name, "container", 0.99 };

	types_propose(c->t->types, b->id, &type);
}

/* ---- the pass ---- */

static void look(struct containers *c, const struct words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		uint64_t v = word_of(c, w, i);

		if (!in_heap(c, v) || v % c->word)
			continue;
		if (!container_deque(c, w, i) && !container_hash(c, w, i) &&
		    !container_tree(c, w, i) && !container_list(c, w, i) &&
		    !container_target(c, w, i))
			container_buffer(c, w, i);
	}
}

static void look_range(struct containers *c, vaddr at, vaddr end)
{
	struct wordrun run = wordruns(c->t->core, at, end);

	while (wordrun_next(&run)) {
		struct words w = { .at = run.at, .p = run.mem, .n = run.bytes / c->word };

		look(c, &w);
	}
}

/*
 * A program that has its library in itself: its data has pointers to vtables, those of the streams
 * and of type_info objects at least. Asked of the data and not of blocks, so that it does not
 * matter which of those are looked at.
 */
static bool is_static_cplusplus(struct containers *c)
{
	const struct typing *t = c->t;
	const struct module *exe = t->modules->exe < t->modules->n ? &t->modules->v[t->modules->exe]
	                                                           : NULL;
	uint64_t value;

	if (!exe)
		return false;
	for (vaddr at = round_up(exe->data_start, c->word);
	     at < exe->data_end && at - exe->data_start < DATA_MAX; at += c->word)
		if (container_word(c, at, &value) && rtti_find(t->rtti, value))
			return true;
	return false;
}

static void find_libraries(struct containers *c)
{
	const struct typing *t = c->t;

	for (size_t i = 0; i < t->modules->n; i++) {
		c->gnu |= strstr(t->modules->v[i].path, "libstdc++.so") != NULL;
		c->llvm |= strstr(t->modules->v[i].path, "libc++.so") != NULL;
	}
	if (!c->gnu && !c->llvm)
		c->gnu = c->llvm = is_static_cplusplus(c);
}

void typing_containers(struct typing *t)
{
	const struct heap *heap = t->heap;
	struct containers c = { .t = t,
		                .view = { .core = t->core },
		                .word = t->core->machine->word };
	struct heap_iter it = { 0 };
	struct block b;

	find_libraries(&c);
	if (!heap->nspans || (!c.gnu && !c.llvm))
		return;
	c.lo = heap->span[0].start;
	for (size_t i = 0; i < heap->nspans; i++)
		c.hi = heap->span[i].end > c.hi ? heap->span[i].end : c.hi;
	c.hi += CHUNK_HEADER;
	if (t->modules->n) {
		c.code_lo = t->modules->v[0].start;
		c.code_hi = t->modules->v[t->modules->n - 1].end;
	}
	c.steps = CONTAINER_STEPS + 8 * (uint64_t)heap->nchunks;
	while (heap_next_set(heap, types_wanted(t->types), &it, &b)) {
		c.owner = &b;
		look_range(&c, b.addr, b.addr + (t->sample && b.size > SOME ? SOME : b.size));
	}
	c.owner = NULL;
	for (size_t i = 0; t->all && i < analysis_roots(t->a)->n; i++)
		look_range(&c, t->a->roots.v[i].start, t->a->roots.v[i].end);
	idmap_free(&c.targets);
}
