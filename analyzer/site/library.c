#include "analyzer/site/library.h"

#include "analyzer/site/score.h"

#include <math.h>
#include <stdlib.h>

#define CALLS_MOST (1u << 18)
#define FOUND      1.3 /* for each e-fold of classes that a call was found to have made */
#define FOUND_MOST 4.0F

typedef ARRAY(struct library_call) call_list;

static int by_site(const void *a, const void *b)
{
	const struct library_call *x = a, *y = b;

	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	if (x->module != y->module)
		return x->module < y->module ? -1 : 1;
	return x->use->call < y->use->call ? -1 : x->use->call > y->use->call;
}

static const struct site_entrance *entrance_of(const struct site_index *index, const char *name)
{
	size_t i = first_where(k, 0, index->nentrances, strcmp(index->entrance[k].name, name) >= 0);

	return i < index->nentrances && !strcmp(index->entrance[i].name, name) ? &index->entrance[i]
	                                                                       : NULL;
}

static void add_uses(call_list *list, const struct score_module *library,
                     const struct score_module *user, uint32_t module, uint32_t first)
{
	const struct site_entrance **entrance = mem_alloc(user->index.nnames + 1,
	                                                  sizeof(const struct site_entrance *));

	for (size_t i = 0; i < user->index.nnames; i++)
		entrance[i] = entrance_of(&library->index, user->index.name[i]);
	for (size_t i = 0; i < user->index.nuses; i++) {
		const struct site_use *use = &user->index.use[i];
		const struct site_entrance *e = entrance[use->name];

		for (uint32_t j = 0; e && j < e->nreached && list->n < CALLS_MOST; j++) {
			const struct site_reached *r = &library->index.reached[e->reached + j];
			struct library_call c = { library->first + r->site, r->depth, module,
				                  first + (uint32_t)i, use };

			array_push(list, c);
		}
	}
	mem_free(entrance);
}

void library_make(const struct score_module *module, size_t n, uint32_t nsites, struct library *out)
{
	call_list list = { 0 };
	uint32_t first = 0;

	for (uint32_t j = 0; j < n; j++) {
		for (size_t i = 0; module[j].index.nuses && i < n; i++)
			if (module[i].index.nentrances)
				add_uses(&list, &module[i], &module[j], j, first);
		first += (uint32_t)module[j].index.nuses;
	}
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), by_site);
	*out = (struct library){ .v = list.v, .n = list.n, .numbers = first, .nsites = nsites };
	out->called = mem_alloc(nsites / 64 + 1, 8);
	out->found = mem_alloc(first + 1, sizeof(*out->found));
	out->prior = mem_alloc(nsites + 1, sizeof(*out->prior));
	for (size_t i = 0; i < list.n; i++)
		bit_set(out->called, list.v[i].site);
}

void library_free(struct library *library)
{
	mem_free(library->v);
	mem_free(library->called);
	mem_free(library->found);
	mem_free(library->prior);
	*library = (struct library){ 0 };
}

const struct library_call *library_calls(const struct library *library, uint32_t site, size_t *n)
{
	size_t first = first_where(k, 0, library->n, library->v[k].site >= site);
	size_t end = first_behind(library->v, library->n, site, site);

	*n = end - first;
	return library->v + first;
}

void library_found(struct library *library, uint32_t site)
{
	size_t n;
	const struct library_call *c = library_calls(library, site, &n);

	for (size_t i = 0; i < n; i++)
		library->found[c[i].number]++;
}

void library_settle(struct library *library)
{
	memset(library->prior, 0, library->nsites * sizeof(*library->prior));
	for (size_t i = 0; i < library->n; i++) {
		const struct library_call *c = &library->v[i];
		float bonus = (float)(FOUND * log(1 + library->found[c->number]));

		bonus = bonus < FOUND_MOST ? bonus : FOUND_MOST;
		if (bonus > library->prior[c->site])
			library->prior[c->site] = bonus;
	}
	memset(library->found, 0, library->numbers * sizeof(*library->found));
}
