#include "analyzer/site/site_pointer.h"

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

vaddr site_pointers_target(const struct site_pointers *pointers, uint64_t at)
{
	size_t i = first_where(k, 0, pointers->n, pointers->v[k].at >= at);

	return i < pointers->n && pointers->v[i].at == at ? pointers->v[i].target : 0;
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

static bool own(const struct site_index *index, uint64_t at, struct site_allocator *out)
{
	for (size_t i = 0; i < index->nexports; i++) {
		if (index->export[i].at == at) {
			*out = index->export[i].is;
			return true;
		}
	}
	return false;
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

/* ---- what an index was made with ---- */

struct made {
	const struct site_pointers *pointers;
	const struct site_index *index;
};

static bool made_allocator(const void *arg, vaddr target, struct site_allocator *out)
{
	const struct made *made = arg;
	const struct module *m = made->pointers->module;

	return site_pointers_known(made->pointers, target, out) ||
	       (target >= m->start && target < m->end && own(made->index, target - m->bias, out));
}

static bool same_held(const struct site_held *a, const struct site_held *b)
{
	return a->at == b->at && site_allocator_same(&a->is, &b->is);
}

static bool members_agree(const struct made *made)
{
	struct site_held *now;
	size_t n = site_pointers_members(made->pointers, made_allocator, made, &now);
	bool same = n == made->index->nmembers;

	for (size_t i = 0; i < n && same; i++)
		same = same_held(&now[i], &made->index->member[i]);
	mem_free(now);
	return same;
}

bool site_pointers_agree(const struct site_pointers *pointers, const struct site_index *index)
{
	struct made made = { pointers, index };
	size_t n = 0;

	for (size_t i = 0; i < pointers->n; i++) {
		struct site_held held = { .at = pointers->v[i].at };

		if (!made_allocator(&made, pointers->v[i].target, &held.is))
			continue;
		if (n == index->nheld || !same_held(&held, &index->held[n]))
			return false;
		n++;
	}
	return n == index->nheld && members_agree(&made);
}
