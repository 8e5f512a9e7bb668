#include "analyzer/site/modules.h"

#include "analyzer/analysis.h"
#include "analyzer/code/cache.h"
#include "analyzer/code/pointer.h"
#include "formats/stage.h"

#include <stdlib.h>

#define INSNS_MOST   UINT64_C(40000000) /* instructions that are read, of all modules */
#define INSNS_MODULE UINT64_C(20000000) /* of one of them */
#define SITES_MOST   (UINT64_C(1) << 20)
#define STORES_MOST  (UINT64_C(1) << 22)

#define PRIOR_LIBRARY (-1.0)
#define PRIOR_RUNTIME (-7.0) /* the language's own libraries */

struct reading {
	struct analysis *a;
	struct scorer *scorer;
	struct site_limits limits;
	struct site_codewords words;
	/* allocators of the modules that were read before */
	ARRAY(struct site_export) named;  /* sorted by name */
	ARRAY(struct allocator_at) known; /* sorted by address */
	ARRAY(const char *) entrance;     /* of the language's own libraries; sorted */
};

static int by_name(const void *a, const void *b)
{
	const struct site_export *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_at(const void *a, const void *b)
{
	const struct allocator_at *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_exports(struct reading *r, const struct module *m, const struct site_index *index)
{
	for (size_t i = 0; i < index->nexports; i++) {
		const struct site_export *e = &index->export[i];
		struct allocator_at known = { e->at + m->bias, e->is };

		if (*e->name)
			array_push(&r->named, *e);
		array_push(&r->known, known);
	}
	if (r->named.n)
		qsort(r->named.v, r->named.n, sizeof(*r->named.v), by_name);
	if (r->known.n)
		qsort(r->known.v, r->known.n, sizeof(*r->known.v), by_at);
	for (size_t i = 0; i < index->nentrances; i++)
		array_push(&r->entrance, index->entrance[i].name);
	if (index->nentrances)
		qsort(r->entrance.v, r->entrance.n, sizeof(*r->entrance.v), by_text);
}

/* False: it has no code that can be read. */
static bool get_index(struct reading *r, const struct module *m, const struct site_others *others,
                      struct site_index *out)
{
	struct modules *modules = &r->a->modules;
	bool cache = !r->a->where.no_cache && modules_file(modules, m);
	bool whole = r->limits.insns >= INSNS_MODULE;
	struct site_limits own = r->limits;
	struct err err;
	bool built;

	if (cache && site_cache_read(m, others, out))
		return true;
	own.insns = whole ? INSNS_MODULE : r->limits.insns;
	r->limits.insns -= own.insns;
	built = site_index_build(modules, m, others, &own, out, &err);
	r->limits.insns += own.insns; /* what is left */
	if (!built)
		return false;
	if (cache && (!out->partial || whole)) /* the same in every run: not for want of more */
		site_cache_write(m, others, out);
	return true;
}

static void add_module(struct reading *r, const struct module *m)
{
	struct score_module *to = &r->scorer->module[r->scorer->nmodules];
	struct site_others others = { .extra = r->named.v,
		                      .nextra = r->named.n,
		                      .entrance = r->entrance.v,
		                      .nentrances = r->entrance.n };
	struct site_pointers pointers;
	bool is_exe = m == &r->a->modules.v[r->a->modules.exe];
	bool read;

	*to = (struct score_module){ .module = m, .foreign = module_is_runtime(m) };
	others.library = to->foreign && !is_exe;
	to->prior = is_exe ? 0 : to->foreign ? PRIOR_RUNTIME : PRIOR_LIBRARY;
	if (!to->foreign || is_exe) { /* the language's own libraries call malloc by its name */
		site_pointers_make(&r->words, m, r->known.v, r->known.n, &pointers);
		others.pointers = &pointers;
	}
	read = get_index(r, m, &others, &to->index);
	if (others.pointers)
		site_pointers_free(&pointers);
	if (!read) {
		r->a->modules.v[m - r->a->modules.v].nameless |= !m->file && !to->foreign;
		return;
	}
	add_exports(r, m, &to->index);
	r->scorer->nmodules++;
}

static int by_place(const void *a, const void *b)
{
	const struct score_module *x = a, *y = b;

	return x->module < y->module ? -1 : x->module > y->module;
}

/*
 * The loader maps a library's needs below it, so from low addresses to high; the program last,
 * which may call all of them.
 */
void site_modules_read(struct analysis *a, struct scorer *scorer)
{
	const struct modules *modules = analysis_modules(a);
	struct reading r = { .a = a,
		             .scorer = scorer,
		             .limits = { INSNS_MOST, SITES_MOST, STORES_MOST } };
	struct stage outer;
	uint32_t first = 0;

	outer = stage_steps("reading machine code", modules->n);
	site_codewords_make(a->core, analysis_heap(a), modules, &r.words);
	scorer->module = mem_alloc(modules->n + 1, sizeof(*scorer->module));
	for (size_t i = 0; i < modules->n; i++) {
		if (i != modules->exe)
			add_module(&r, &modules->v[i]);
		stage_add(i != modules->exe);
	}
	if (modules->exe < modules->n)
		add_module(&r, &modules->v[modules->exe]);
	site_codewords_free(&r.words);
	array_free(&r.named);
	array_free(&r.known);
	array_free(&r.entrance);
	stage_end(outer);
	if (scorer->nmodules)
		qsort(scorer->module, scorer->nmodules, sizeof(*scorer->module), by_place);
	for (size_t i = 0; i < scorer->nmodules; i++) {
		scorer->module[i].first = first;
		first += (uint32_t)scorer->module[i].index.n;
	}
	scorer->nsites = first;
	library_make(scorer->module, scorer->nmodules, first, &scorer->library);
}

void site_modules_free(struct scorer *scorer)
{
	for (size_t i = 0; i < scorer->nmodules; i++)
		site_index_free(&scorer->module[i].index);
	mem_free(scorer->module);
	library_free(&scorer->library);
}
