/*
 * Sites that stand for others: the caller of a C++ template or of a function that jumps to its
 * allocator has what is asked for, and filled, in there.
 */
#include "analyzer/code/build.h"

#include <stdlib.h>

#define LIFTED_STORES 64 /* that are taken over from a site */

static void mark_library(struct builder *b)
{
	for (size_t i = 0; i < b->sites.n; i++) {
		struct site_entry *e = &b->sites.v[i];
		const struct function *f = function_at(b->functions, e->function);
		const struct summary *s = f ? b->summary[f - b->functions->v] : NULL;

		if (s && s->library)
			e->flags |= SITE_LIBRARY;
	}
}

/* By the template whose function asks for it (Itanium C++ ABI; libstdc++ and its __cxx11). */
static uint8_t holds_of(const struct builder *b, const struct site_entry *e)
{
	static const struct {
		const char *begin;
		enum site_holds is;
	} names[] = {
		{ "_ZNSt8_Rb_tree", HOLDS_TREE },
		{ "_ZNSt3map", HOLDS_TREE },
		{ "_ZNSt10_Hashtable", HOLDS_HASH },
		{ "_ZNSt8__detail16_Hashtable_alloc", HOLDS_HASH },
		{ "_ZNSt8__detail9_Map_base", HOLDS_HASH },
		{ "_ZNSt7__cxx114list", HOLDS_LIST },
		{ "_ZNSt7__cxx1110_List_base", HOLDS_LIST },
		{ "_ZNSt6vector", HOLDS_VECTOR },
		{ "_ZNSt12_Vector_base", HOLDS_VECTOR },
		{ "_ZNSt5deque", HOLDS_DEQUE },
		{ "_ZNSt11_Deque_base", HOLDS_DEQUE },
		{ "_ZNSt14__shared_count", HOLDS_SHARED },
	};
	const struct function *f = function_at(b->functions, e->function);

	for (size_t i = 0; f && f->name && i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(f->name, names[i].begin, strlen(names[i].begin)))
			return (uint8_t)names[i].is;
	return HOLDS_ANY;
}

static void lift(struct builder *b, const struct lifted *l)
{
	struct site_entry *to = &b->sites.v[l->site], *from = &b->sites.v[l->inner];
	uint32_t at = b->last_store.v[l->inner];

	if (!l->sized) {
		to->size = from->size;
		to->scale = from->scale;
		to->add = from->add;
		to->string = from->string;
		to->holds = from->holds ? from->holds : holds_of(b, from);
		to->flags = (uint8_t)((from->flags & ~(SITE_WRAPPER | SITE_LIBRARY)) | SITE_INSIDE |
		                      (to->flags & SITE_LIBRARY));
	}
	from->flags |= SITE_WRAPPER;
	for (unsigned n = 0; at && n < LIFTED_STORES; n++) {
		struct pending_store p = b->stores.v[at - 1];

		at = p.before;
		if (!builder_valid(b, p.reader, p.round) || p.site != l->inner)
			continue;
		b->reader = l->reader;
		b->round = l->round;
		builder_store(b, l->site, &p.store);
	}
}

/* One that stands for another comes behind that one. */
static int by_level(const void *a, const void *b)
{
	const struct lifted *x = a, *y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return x->inner < y->inner ? -1 : x->inner > y->inner;
}

/* How many stand behind each other: a few rounds are enough, as there were no more of reading. */
static void find_levels(struct builder *b)
{
	uint8_t *level = mem_alloc(b->sites.n + 1, 1);

	for (unsigned round = 0; round < LIBRARY_ROUNDS; round++) {
		for (size_t i = 0; i < b->lifted.n; i++) {
			struct lifted *l = &b->lifted.v[i];

			if (l->site != l->inner && level[l->site] <= level[l->inner] &&
			    level[l->inner] < LIBRARY_ROUNDS)
				level[l->site] = (uint8_t)(level[l->inner] + 1);
			l->level = level[l->site];
		}
	}
	mem_free(level);
}

void builder_lift(struct builder *b)
{
	size_t n = 0;

	mark_library(b);
	for (size_t i = 0; i < b->lifted.n; i++)
		if (builder_valid(b, b->lifted.v[i].reader, b->lifted.v[i].round))
			b->lifted.v[n++] = b->lifted.v[i];
	b->lifted.n = n;
	find_levels(b);
	if (n)
		qsort(b->lifted.v, n, sizeof(*b->lifted.v), by_level);
	for (size_t i = 0; i < n; i++)
		if (!i || by_level(&b->lifted.v[i - 1], &b->lifted.v[i]))
			lift(b, &b->lifted.v[i]);
}
