#include "analyzer/explain/explain.h"
#include "analyzer/reach/retained.h"
#include "analyzer/reach/interior.h"
#include "analyzer/type/peers.h"
#include "analyzer/report/text.h"
#include "formats/local.h"

#include <stdlib.h>

struct work {
	struct places *places;
	struct analysis *a;
	struct pool *pool;
	const struct reach *reach;
	const struct types *types;
	struct interior *interior; /* NULL: no block that is explained is possible */
	struct explanation *v;
	size_t n;
	bool content;             /* of members is wanted */
	struct path *path;        /* by explanation */
	struct referrers *target; /* sorted by start */
	size_t ntargets;
};

static bool is_used(const struct explanation *e)
{
	return e->place.kind == PLACE_BLOCK && e->place.block.state == BLOCK_USED;
}

/* ---- pointers in words ---- */

static const char *kind_of(const struct place *p)
{
	if (p->kind == PLACE_MODULE || p->kind == PLACE_MAPPING)
		return ledger_kind_name(p->part->kind);
	if (p->kind == PLACE_BLOCK && p->block.state != BLOCK_USED)
		return p->block.state == BLOCK_FREE ? "free-block" : "internal-block";
	return place_kind_name(p->kind);
}

/* ", variable x of f" of the innermost frame; "": none is in this register. */
static const char *local_in(struct work *w, const struct root_register *r)
{
	const struct locals *locals = place_locals(w->places, (size_t)r->thread);
	const struct machine *m = w->a->core->machine;

	for (size_t i = 0; i < locals->n; i++) {
		const struct local *l = &locals->v[i];

		if (l->in_register && !l->frame && l->reg < m->nregs &&
		    !strcmp(m->reg[l->reg], r->name))
			return pool_printf(w->pool, ", variable %s%s%s", l->name,
			                   l->function ? " of " : "",
			                   l->function ? l->function : "");
	}
	return "";
}

static void describe(struct work *w, uint32_t reg, vaddr at, struct explain_pointer *out)
{
	const struct core *core = w->a->core;
	struct place p;

	out->at = at;
	out->tid = UINT64_MAX;
	if (reg != PATH_NO_REGISTER) {
		const struct root_register *r = &w->a->roots.reg[reg];

		out->kind = "register";
		out->reg = r->name;
		out->tid = (uint64_t)core->thread[r->thread].tid;
		out->where = pool_printf(w->pool, "%s of thread %d%s", r->name,
		                         core->thread[r->thread].tid, local_in(w, r));
		return;
	}
	place_find(w->places, at, &p);
	out->kind = kind_of(&p);
	out->where = place_text(w->places, &p, w->pool);
	if (p.thread >= 0)
		out->tid = (uint64_t)core->thread[p.thread].tid;
	if (p.kind == PLACE_BLOCK) {
		out->in_block = true;
		out->block = p.block;
		if (p.block.state == BLOCK_USED)
			out->reach = reach_of(w->reach, p.block.id);
		out->type = types_of(w->types, p.block.id);
		out->member = field_at(w->a, &p.block, at, w->pool);
	}
}

static void judge(struct work *w, const struct block *b, struct explain_pointer *p)
{
	struct interior_source from = { .block = p->block, .at = p->at - p->block.addr };
	struct interior_verdict v;

	if (!w->interior || !p->interior)
		return;
	v = interior_judge(w->interior, p->in_block && p->block.state == BLOCK_USED ? &from : NULL,
	                   b, core_pointer(w->a->core, p->value) - b->addr);
	p->how = interior_text(&v, w->pool);
}

/* ---- targets: what referrers are looked for ---- */

static void target_range(const struct explanation *e, vaddr *start, vaddr *end)
{
	*start = e->at;
	*end = e->at + 1;
	if (e->place.kind == PLACE_BLOCK) {
		*start = e->place.block.addr;
		*end = *start + (e->place.block.size ? e->place.block.size : 1);
	}
}

static int by_start(const void *x, const void *y)
{
	const struct referrers *a = x, *b = y;

	return a->start < b->start ? -1 : a->start > b->start;
}

static void find_referrers(struct work *w, uint64_t most)
{
	size_t kept = 0;

	w->target = mem_alloc(w->n, sizeof(*w->target));
	for (size_t i = 0; i < w->n; i++)
		target_range(&w->v[i], &w->target[i].start, &w->target[i].end);
	qsort(w->target, w->n, sizeof(*w->target), by_start);
	for (size_t i = 0; i < w->n; i++)
		if (!kept || w->target[i].start != w->target[kept - 1].start)
			w->target[kept++] = w->target[i];
	w->ntargets = kept;
	referrers_find(w->a->core, w->a->heap, &w->a->roots, w->reach, most, w->target,
	               w->ntargets);
}

static const struct referrers *target_of(const struct work *w, const struct explanation *e)
{
	struct referrers key = { 0 };

	target_range(e, &key.start, &key.end);
	return bsearch(&key, w->target, w->ntargets, sizeof(key), by_start);
}

/* The last usable word of a block is the first of the next chunk's header: see span.h. */
static bool is_next_header(const struct block *b, uint64_t value)
{
	return value == b->addr + b->size - (CHUNK_HEADER - b->span->size_at);
}

static void write_referrers(struct work *w, struct explanation *e)
{
	const struct referrers *t = target_of(w, e);

	for (int k = 0; t && k < REFERRER_KINDS; k++) {
		size_t n = t->kept[k].n;

		e->count[k] = t->count[k];
		e->nreferrers[k] = n;
		e->referrer[k] = pool_alloc(w->pool, (n + 1) * sizeof(**e->referrer));
		for (size_t i = 0; i < n; i++) {
			const struct referrer *r = &t->kept[k].v[i];
			struct explain_pointer *p = &e->referrer[k][i];

			describe(w, r->reg, r->at, p);
			p->value = r->value;
			p->interior = r->interior;
			p->next_header = e->place.kind == PLACE_BLOCK &&
			                 is_next_header(&e->place.block, r->value);
			p->to = t->start;
			if (e->place.kind == PLACE_BLOCK)
				judge(w, &e->place.block, p);
		}
	}
}

/* ---- paths ---- */

/* Which search can prove the verdict; PATH_LEAK for what is held by a leak. */
static bool wanted_path(const struct explanation *e, enum path_from *from)
{
	if (!is_used(e) || e->reach == REACH_NONE || e->reach == REACH_DEFINITE)
		return false;
	*from = e->reach == REACH_REACHABLE  ? PATH_STRONG
	        : e->reach == REACH_POSSIBLE ? PATH_ANY
	                                     : PATH_LEAK;
	return true;
}

static void find_paths(struct work *w, enum path_from from)
{
	struct block *block = mem_alloc(w->n, sizeof(*block));
	struct path *path = mem_alloc(w->n, sizeof(*path));
	size_t *index = mem_alloc(w->n, sizeof(*index)), n = 0;
	enum path_from f;

	for (size_t i = 0; i < w->n; i++) {
		if (wanted_path(&w->v[i], &f) && f == from) {
			index[n] = i;
			block[n++] = w->v[i].place.block;
		}
	}
	path_find(w->a->core, w->a->heap, &w->a->roots, w->reach, from, block, n, w->pool, path);
	for (size_t i = 0; i < n; i++) {
		w->path[index[i]] = path[i];
		if (path[i].n)
			w->v[index[i]].path_from = from == PATH_LEAK ? "leak" : "root";
	}
	mem_free(block);
	mem_free(path);
	mem_free(index);
}

static void write_path(struct work *w, struct explanation *e, const struct path *path)
{
	e->nsteps = path->n;
	e->first = path->first;
	e->length = path->length;
	e->step = pool_alloc(w->pool, (path->n + 1) * sizeof(*e->step));
	for (size_t i = 0; i < path->n; i++) {
		const struct path_step *s = &path->v[i];
		struct explain_pointer *p = &e->step[i];

		describe(w, s->reg, s->at, p);
		p->value = s->value;
		p->interior = s->interior;
		p->next_header = is_next_header(&s->to, s->value);
		p->to = s->to.addr;
		judge(w, &s->to, p);
	}
}

/* ---- retained sizes ---- */

/* Of the first used blocks: each of them costs a pass. */
static void find_retained(struct work *w)
{
	struct block block[RETAINED_MOST];
	struct explanation *e[RETAINED_MOST];
	struct tally sum[RETAINED_MOST];
	size_t n = 0;

	for (size_t i = 0; i < w->n && n < RETAINED_MOST; i++) {
		if (!is_used(&w->v[i]))
			continue;
		e[n] = &w->v[i];
		block[n++] = w->v[i].place.block;
	}
	if (!n)
		return;
	retained_find(w->a->core, w->a->heap, &w->a->roots, w->reach, analysis_threads(w->a), block,
	              n, sum);
	for (size_t i = 0; i < n; i++)
		e[i]->retained = sum[i];
}

/* ---- verdicts in words ---- */

static const char *why_possible(struct work *w, const struct explanation *e)
{
	const char *missing = text_bytes_in(w->pool, w->a->roots.missing_bytes);

	if (e->structural)
		return "no start pointer leads to it, but pointers into the middle that are "
		       "structural: in use by what holds it";
	if (e->path_from)
		return "every chain from a root to it has an interior pointer in it: kept on "
		       "purpose (a "
		       "pool, a cursor) or by accident";
	if (heap_inferred(w->a->heap, e->place.block.addr - CHUNK_HEADER))
		return "nothing leads to it, but its header is damaged: what was inferred "
		       "of it is not enough to call it a leak";
	if (!w->a->roots.missing_bytes && w->a->heap->ninferred)
		return "only words of a free chunk lead to it; but that chunk's header is "
		       "damaged, and so it may be in use";
	return pool_printf(w->pool,
	                   "nothing that this core has leads to it, but %s of roots are "
	                   "missing from the core and may hold it: it may be leaked",
	                   missing);
}

static const char *why_definite(const struct explanation *e)
{
	if (e->count[REFERRER_BLOCK])
		return "leaked: no root leads to it; the blocks that point to it are leaked "
		       "themselves, in "
		       "a ring whose head it was chosen to be";
	if (e->count[REFERRER_SELF])
		return "leaked: nothing but itself points to it, neither a root nor another block";
	return "leaked: nothing points to it, neither a root nor a block";
}

static const char *why_free(struct work *w, const struct explanation *e)
{
	uint64_t left = e->count[REFERRER_ROOT] + e->count[REFERRER_BLOCK];
	const char *dangling = "";

	if (left)
		dangling = pool_printf(
			w->pool, "; %s left, dangling",
			text_plural(w->pool, left, "pointer to it is", "pointers to it are"));
	return pool_printf(w->pool, "freed%s%s%s", e->list ? ": it waits in " : "",
	                   e->list ? e->list : "", dangling);
}

static const char *why(struct work *w, const struct explanation *e)
{
	const struct block *b = &e->place.block;

	if (e->place.kind != PLACE_BLOCK)
		return NULL;
	if (b->state == BLOCK_FREE)
		return why_free(w, e);
	if (b->state == BLOCK_INTERNAL)
		return "malloc's own bookkeeping: no program asked for it";
	switch (e->reach) {
	case REACH_REACHABLE:
		return "kept: a chain of pointers leads to it from a root";
	case REACH_POSSIBLE:
		return why_possible(w, e);
	case REACH_INDIRECT:
		return "leaked: only leaked blocks lead to it; it goes when the first of them goes";
	case REACH_DEFINITE:
		return why_definite(e);
	default:
		return NULL;
	}
}

/* ---- blocks like it ---- */

#define PEERS_MOST 64 /* blocks whose peers are looked for: each costs a look at all others */

static void find_peers(struct work *w)
{
	struct peers *v = pool_alloc(w->pool, (w->n + 1) * sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < w->n && n < PEERS_MOST; i++)
		if (is_used(&w->v[i]))
			v[n++].block = w->v[i].place.block;
	peers_find(w->a->core, w->a->heap, w->reach, w->types, v, n);
	for (size_t i = 0, k = 0; i < w->n && k < n; i++)
		if (is_used(&w->v[i]))
			w->v[i].peers = &v[k++];
}

/* ---- all of it ---- */

static void look(struct work *w, struct explanation *e)
{
	struct block *b = &e->place.block;
	char list[256] = "";

	place_find(w->places, e->at, &e->place);
	e->where = place_text(w->places, &e->place, w->pool);
	if (e->place.part)
		e->mapping = place_part(w->places, e->place.part, w->pool);
	if (e->place.kind != PLACE_BLOCK)
		return;
	if (b->state == BLOCK_USED)
		e->reach = reach_of(w->reach, b->id);
	e->type = types_of(w->types, b->id);
	if (b->state == BLOCK_USED) {
		char shape[SHAPE_TEXT];

		e->shape = pool_strndup(w->pool, shape_of(w->a->core, w->a->heap, b, shape),
		                        SHAPE_TEXT);
	}
	if (b->state == BLOCK_USED)
		e->origin = origin_of(analysis_origins(w->a), b->addr);
	fields_of(w->places, b, w->content, w->pool, &e->fields);
	if (e->at != b->addr)
		e->member = field_at(w->a, b, e->at, w->pool);
	if (b->state != BLOCK_FREE)
		return;
	heap_free_place(w->a->heap, w->a->core, b, list, sizeof(list));
	if (*list)
		e->list = pool_strndup(w->pool, list, sizeof(list));
}

void explain(struct places *places, const vaddr *at, size_t n, uint64_t most, bool content,
             struct pool *pool, struct explanation **out)
{
	struct work w = {
		.places = places, .a = places->a, .pool = pool, .n = n, .content = content
	};

	w.reach = analysis_reach(w.a);
	w.types = analysis_types(w.a);
	w.v = pool_alloc(pool, n * sizeof(*w.v));
	w.path = mem_alloc(n + 1, sizeof(*w.path));
	for (size_t i = 0; i < n; i++) {
		w.v[i].at = at[i];
		look(&w, &w.v[i]);
		if (w.v[i].reach == REACH_POSSIBLE)
			w.interior = analysis_interior(w.a);
		if (w.v[i].reach == REACH_POSSIBLE)
			w.v[i].structural = interior_structural(w.interior, w.v[i].place.block.id);
	}
	explain_sites(w.a, w.v, n, pool);
	find_peers(&w);
	find_referrers(&w, most);
	find_paths(&w, PATH_STRONG);
	find_paths(&w, PATH_ANY);
	find_paths(&w, PATH_LEAK);
	find_retained(&w);
	for (size_t i = 0; i < n; i++) {
		write_referrers(&w, &w.v[i]);
		write_path(&w, &w.v[i], &w.path[i]);
		w.v[i].why = why(&w, &w.v[i]);
	}
	referrers_free(w.target, w.ntargets);
	mem_free(w.target);
	mem_free(w.path);
	*out = w.v;
}

uint64_t explain_content(const struct explanation *e, uint64_t show, vaddr *start)
{
	uint64_t have;

	*start = e->at;
	if (e->place.kind == PLACE_BLOCK) {
		*start = e->place.block.addr;
		have = e->place.block.size;
	} else {
		have = e->place.segment ? e->place.segment->end - e->at : 0;
	}
	return show < have ? show : have;
}

bool explain_byte(struct places *places, vaddr at, uint8_t *byte)
{
	return module_read(places->a->core, &places->a->modules, at, byte, 1);
}
