/*
 * Words in the data and the TLS of modules that point into a block say which variables matter: a
 * module's debug information is read only when one of its words does. A variable is followed as a
 * whole.
 */
#include "analyzer/type/propagate_in.h"

#include "analyzer/analysis.h"
#include "formats/local.h"
#include "formats/threadlocal.h"

#define TLS_MOST (UINT64_C(1) << 30) /* bytes, of all threads */

/* Is there a word at `at` that points into a used block, and tells of it what nothing else does? */
static bool points(struct propagation *p, const struct module *m, vaddr at)
{
	const struct typing *t = p->t;
	struct block b;
	uint64_t value;

	if (!view_read_word(&p->view, at, &value, p->word))
		return false;
	value = core_pointer(p->t->core, value);
	if (value < p->lowest || value >= p->highest || !heap_find(t->heap, value, &b) ||
	    b.state != BLOCK_USED || heap_owner(t->heap, at))
		return false;
	return !module_is_runtime(m) || !types_label(t->types, b.id);
}

static void seed_variable(struct propagation *p, vaddr at, const struct variable *v)
{
	const struct ctype *t = ctype_get(p->graph, v->type);

	/* an initialized flexible array has more than its type says */
	push_region(p, at - v->offset, v->type, 1, 0);
	if (v->offset >= t->size && slots_of(p->slots, v->type)->flexible) {
		const struct layout *l = slots_of(p->slots, v->type);

		if (slots_telling(p->graph, l->tail))
			push_region(p, at - (v->offset - l->size) % l->flexible, l->tail, 1, 0);
	}
}

static void seed_data(struct propagation *p, const struct module *m)
{
	vaddr end = m->data_end, at = round_up(m->data_start, p->word);

	for (; at < end && end - at >= p->word; at += p->word) {
		struct variable v;

		if (!points(p, m, at))
			continue;
		if (!module_index(p->graph, m))
			return;
		if (!variable_at(p->graph, at, &v))
			continue;
		seed_variable(p, at, &v);
		if (v.size > v.offset && v.size - v.offset > p->word)
			at = round_up(at + (v.size - v.offset), p->word) - p->word;
	}
}

/*
 * *left: bytes that may still be looked at. A header may claim any size; a thread's variables end
 * with the mapping that they begin in.
 */
static void seed_tls(struct propagation *p, const struct module *m, vaddr tp, uint64_t *left)
{
	struct modules *modules = p->t->modules;
	const struct segment *s;
	vaddr start, at, end;

	if (!tp || !threadlocal_start(p->t->core, modules, m, tp, &start))
		return;
	s = core_segment(p->t->core, start);
	if (!s || start >= s->saved_end)
		return;
	end = m->tls_size < s->saved_end - start ? start + m->tls_size : s->saved_end;
	if (end - start > *left)
		return;
	*left -= end - start;
	for (at = round_up(start, p->word); at < end && end - at >= p->word; at += p->word) {
		struct variable v;

		if (!points(p, m, at))
			continue;
		if (!module_index(p->graph, m))
			return;
		if (!variable_tls_at(p->graph, m, at - start, &v))
			continue;
		seed_variable(p, at, &v);
		if (v.size > v.offset && v.size - v.offset > p->word)
			at = round_up(at + (v.size - v.offset), p->word) - p->word;
	}
}

void seed_variables(struct propagation *p)
{
	const struct modules *modules = p->t->modules;
	uint64_t left = TLS_MOST;

	for (size_t i = 0; i < modules->n; i++) {
		const struct module *m = &modules->v[i];

		/* its types tell little of a program's structs, and its file takes long to unpack
		 */
		if (p->t->budget && module_is_runtime(m))
			continue;
		seed_data(p, m);
		for (size_t k = 0; m->tls_size && k < p->t->core->nthreads; k++)
			seed_tls(p, m, p->t->heap->tp[k], &left);
	}
}

static void seed_local(struct propagation *p, const struct local *l)
{
	const struct ctype *t = ctype_get(p->graph, l->type);

	if (l->in_memory)
		push_region(p, l->at, l->type, 1, OF_LOCAL);
	else if (t->kind == CTYPE_POINTER && slots_telling(p->graph, t->of))
		follow_pointer(p, l->value, t->of, OF_LOCAL);
}

/*
 * Variables of functions last: at a pc where one has no value yet, what is in its place is what was
 * left there. Of modules whose variables led here, and of the executable.
 */
void seed_locals(struct propagation *p)
{
	const struct modules *modules = p->t->modules;
	struct pool pool = { 0 };

	if (modules->exe < modules->n)
		module_index(p->graph, &modules->v[modules->exe]);
	for (size_t i = 0; i < p->t->core->nthreads; i++) {
		struct locals locals;

		thread_locals(p->t->core, p->graph, i, &pool, &locals);
		for (size_t k = 0; k < locals.n; k++)
			seed_local(p, &locals.v[k]);
		pool_free(&pool);
		pool = (struct pool){ 0 };
	}
}

static void seed_object(struct propagation *p, const struct block *b)
{
	struct room room = room_of(p, b);

	propose(p, &room, class_at(p, b->addr), 0);
}

/* Objects whose vtable tells their class: where the module of the vtable has debug information. */
void seed_objects(struct propagation *p)
{
	struct heap_iter it = { .look = true };
	struct block b;

	while (heap_next_set(p->t->heap, p->t->heap->used, &it, &b)) {
		uint64_t word;
		const struct module *m;

		if (p->of[b.id] || b.size < p->word ||
		    !view_read_word(&p->view, b.addr, &word, p->word) ||
		    !rtti_find(p->t->rtti, word))
			continue;
		m = module_at(p->t->modules, word);
		if (m && module_index(p->graph, m) && class_at(p, b.addr) != CTYPE_NONE)
			seed_object(p, &b);
	}
}
