/*
 * Functions that only hand on what an allocator gives them: their callers are the sites. Where
 * there are many of those, which one it was may not be told, but that it was by way of that
 * function is.
 */
#include "analyzer/site/score.h"

#define CALL 0xe8 /* call rel32 (Intel SDM, volume 2) */

/* The bytes of the call that returns there: 6 at most. False: not at hand. */
static bool call_bytes(const struct scorer *scorer, const struct module *module, uint64_t next,
                       uint8_t code[6])
{
	return next > 6 &&
	       module_read(scorer->core, scorer->modules, next + module->bias - 6, code, 6);
}

/* The function of this module that is called there; 0: not told. */
static uint64_t callee(const struct scorer *scorer, const struct module *module, uint64_t next)
{
	uint8_t code[6];
	int32_t distance;

	if (!call_bytes(scorer, module, next, code) || code[1] != CALL)
		return 0;
	memcpy(&distance, code + 2, sizeof(distance));
	return next + (uint64_t)(int64_t)distance;
}

/* The call in the function at `start` that its own callers stand for; SITE_NONE: none does. */
static uint32_t wrapped(const struct site_index *index, uint64_t start)
{
	size_t i = first_behind(index->v, index->n, call, start);

	for (; i < index->n && index->v[i].function == start; i++)
		if (index->v[i].flags & SITE_WRAPPER)
			return (uint32_t)i;
	return SITE_NONE;
}

/* Is it on the stack, and by its name more than an allocator? */
static bool worth_telling(const struct scorer *scorer, const struct score_module *m, uint32_t site)
{
	const struct site_entry *e = &m->index.v[site];
	struct symbol symbol;
	uint8_t code[6];

	if (!call_bytes(scorer, m->module, e->call, code) ||
	    (code[1] != CALL && !(code[0] == 0xff && code[1] == 0x15))) /* a jump: it is not */
		return false;
	module_symbol(scorer->core, scorer->modules, e->function + m->module->bias, false, &symbol);
	return symbol.name && !site_allocator_named(symbol.name);
}

enum { UNKNOWN, TOLD, NOT_TOLD };

static void find_in(struct scorer *scorer, const struct score_module *m)
{
	uint8_t *known = mem_alloc(m->index.n + 1, 1);

	for (uint32_t i = 0; i < m->index.n; i++) {
		uint64_t to = m->index.v[i].flags & SITE_WRAPPER
		                      ? 0
		                      : callee(scorer, m->module, m->index.v[i].call);
		uint32_t w = to ? wrapped(&m->index, to) : SITE_NONE;

		if (w == SITE_NONE)
			continue;
		if (known[w] == UNKNOWN)
			known[w] = worth_telling(scorer, m, w) ? TOLD : NOT_TOLD;
		if (known[w] == TOLD)
			scorer->wrap[m->first + i] = m->first + w + 1;
	}
	mem_free(known);
}

void wraps_find(struct scorer *scorer)
{
	scorer->wrap = mem_alloc((size_t)scorer->nsites + 1, sizeof(*scorer->wrap));
	for (size_t i = 0; i < scorer->nmodules; i++)
		if (!scorer->module[i].foreign)
			find_in(scorer, &scorer->module[i]);
}

void wraps_add(const struct scorer *scorer, uint32_t site, double share, struct class_scores *to)
{
	uint32_t w = scorer->wrap[site];

	for (unsigned i = 0; w && i < SCORE_WRAPS; i++) {
		if (to->wrap[i].site && to->wrap[i].site != w)
			continue;
		to->wrap[i].site = w;
		to->wrap[i].share += share;
		return;
	}
}
