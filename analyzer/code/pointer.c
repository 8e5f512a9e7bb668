#include "analyzer/code/pointer.h"

#include "formats/wordrun.h"

#include <stdlib.h>

#define POINTERS_MOST (1u << 18) /* of one module */

void site_pointers_make(struct site_codewords *words, const struct module *module,
                        const struct allocator_at *known, size_t nknown, struct site_pointers *out)
{
	struct wordrun run = wordruns(words->core, module->data_start, module->data_end);
	ARRAY(struct code_pointer) list = { 0 };

	while (wordrun_next(&run)) {
		for (uint64_t i = 0; i + 8 <= run.bytes && list.n < POINTERS_MOST; i += 8) {
			vaddr to = load64(run.mem + i);
			const struct module *m = module_at(words->modules, to);
			struct code_pointer p = { run.at + i - module->bias, to };

			if (m && (to < m->data_start || to >= m->data_end))
				array_push(&list, p);
		}
	}
	*out = (struct site_pointers){ module, list.v, list.n, known, nknown, words };
}

void site_pointers_free(struct site_pointers *pointers)
{
	mem_free(pointers->v);
	*pointers = (struct site_pointers){ 0 };
}

bool site_pointers_known(const struct site_pointers *pointers, vaddr target,
                         struct site_allocator *out)
{
	size_t i = first_where(k, 0, pointers->nknown, pointers->known[k].at >= target);

	if (i == pointers->nknown || pointers->known[i].at != target)
		return false;
	*out = pointers->known[i].is;
	return true;
}

/* Field by field: what is between them may be anything. */
bool site_allocator_same(const struct site_allocator *a, const struct site_allocator *b)
{
	return a->size == b->size && a->arg == b->arg && a->other == b->other && a->out == b->out &&
	       a->string == b->string && a->zeroed == b->zeroed && a->loose == b->loose &&
	       a->scale == b->scale && a->add == b->add && a->shift == b->shift;
}

/* ---- members ---- */

typedef ARRAY(struct site_held) held_list;

static void add_member(held_list *list, uint64_t offset, const struct site_allocator *is)
{
	struct site_held held = { offset, *is };

	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].at != offset)
			continue;
		if (!site_allocator_same(&list->v[i].is, is))
			list->v[i].is.size = ALLOCATOR_NONE;
		return;
	}
	array_push(list, held);
}

static int by_offset(const void *a, const void *b)
{
	const struct site_held *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

size_t site_pointers_members(const struct site_pointers *pointers, allocator_is *is,
                             const void *arg, struct site_held **out)
{
	held_list list = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < pointers->words->n; i++) {
		const struct site_codeword *w = &pointers->words->v[i];
		struct site_allocator allocator;

		if (!is(arg, w->target, &allocator))
			continue;
		site_codewords_bases(pointers->words);
		for (uint64_t j = 0; j < 64; j++)
			if (w->behind >> j & 1)
				add_member(&list, 8 * j, &allocator);
	}
	for (size_t i = 0; i < list.n; i++)
		if (list.v[i].is.size != ALLOCATOR_NONE)
			list.v[n++] = list.v[i];
	if (n)
		qsort(list.v, n, sizeof(*list.v), by_offset);
	*out = list.v;
	return n;
}

/* ---- what an index tells of a core ---- */

struct told {
	const struct site_pointers *pointers;
	ARRAY(struct allocator_at) own; /* allocators of the index, sorted by at */
	ARRAY(struct site_held) held;
	struct site_held *member;
	size_t nmembers;
};

static int by_start(const void *a, const void *b)
{
	const struct allocator_at *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static bool told_allocator(const void *arg, vaddr target, struct site_allocator *out)
{
	const struct told *told = arg;
	size_t i;

	if (site_pointers_known(told->pointers, target, out))
		return true;
	i = first_where(k, 0, told->own.n, told->own.v[k].at >= target);
	if (i == told->own.n || told->own.v[i].at != target)
		return false;
	*out = told->own.v[i].is;
	return true;
}

static void tell(struct told *told, const struct site_pointers *pointers,
                 const struct site_index *index)
{
	*told = (struct told){ .pointers = pointers };
	for (size_t i = 0; i < index->nexports; i++) {
		const struct site_export *e = &index->export[i];
		struct allocator_at own = { e->at + pointers->module->bias, e->is };

		array_push(&told->own, own);
	}
	if (told->own.n)
		qsort(told->own.v, told->own.n, sizeof(*told->own.v), by_start);
	for (size_t i = 0; i < pointers->n; i++) {
		struct site_held held = { .at = pointers->v[i].at };

		if (told_allocator(told, pointers->v[i].target, &held.is))
			array_push(&told->held, held);
	}
	told->nmembers = site_pointers_members(pointers, told_allocator, told, &told->member);
}

void site_pointers_tell(const struct site_pointers *pointers, struct site_index *index)
{
	struct told told;

	tell(&told, pointers, index);
	index->held = told.held.v;
	index->nheld = told.held.n;
	index->member = told.member;
	index->nmembers = told.nmembers;
	array_free(&told.own);
}

static bool same(const struct site_held *a, size_t n, const struct site_held *b, size_t m)
{
	bool is = n == m;

	for (size_t i = 0; i < n && is; i++)
		is = a[i].at == b[i].at && site_allocator_same(&a[i].is, &b[i].is);
	return is;
}

bool site_pointers_agree(const struct site_pointers *pointers, const struct site_index *index)
{
	struct told told;
	bool is;

	tell(&told, pointers, index);
	is = same(told.held.v, told.held.n, index->held, index->nheld) &&
	     same(told.member, told.nmembers, index->member, index->nmembers);
	array_free(&told.own);
	array_free(&told.held);
	mem_free(told.member);
	return is;
}
