#include "analyzer/diff/sample.h"
#include "analyzer/diff/group_index.h"
#include "analyzer/process/instance.h"
#include "formats/idmap.h"

#include <stdlib.h>

#define REFERENCES 16 /* blocks of a class that others are compared with, at a time */

/* splitmix64's finalizer (Steele, Lea, Flood 2014) */
static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 31;
}

bool profile_samples(vaddr addr, unsigned level)
{
	return (mix(addr) & ((UINT64_C(1) << level) - 1)) == 0;
}

/* ---- which sizes, and how many of each ---- */

static int by_size(const void *a, const void *b)
{
	const struct size_count *x = a, *y = b;

	return x->size < y->size ? -1 : x->size > y->size;
}

typedef ARRAY(struct size_count) size_counts;

/* False: a group has blocks of several sizes. */
static bool count_by_group(const struct profile *p, size_counts *out)
{
	for (size_t i = 0; i < p->groups.n; i++) {
		const struct report_finding *g = &p->groups.v[i];

		if (g->size == ABSENT)
			return false;
		array_push(out, ((struct size_count){ g->size, g->blocks }));
	}
	return true;
}

static void count_by_block(const struct heap *heap, size_counts *out)
{
	struct idmap at = { 0 };
	struct heap_iter it = { 0 };
	struct block b;

	out->n = 0;
	while (heap_next_set(heap, heap->used, &it, &b)) {
		uint32_t i = idmap_get(&at, b.size);

		if (i == IDMAP_NONE) {
			idmap_put(&at, b.size, (uint32_t)out->n);
			array_push(out, ((struct size_count){ b.size, 1 }));
		} else {
			out->v[i].blocks++;
		}
	}
	idmap_free(&at);
}

static uint64_t kept_at(const struct size_class *c, uint64_t cap, unsigned *level)
{
	uint64_t n = c->blocks;

	for (*level = 0; n > cap; n /= 2)
		++*level;
	return n;
}

/* The most of each class that fits: the smaller ones whole. */
static void choose_levels(struct classes *classes)
{
	uint64_t cap = 1, next = 1;
	unsigned level;

	while (next < PROFILE_BLOCKS) {
		uint64_t all = 0;

		next *= 2;
		for (size_t i = 0; i < classes->n; i++)
			all += kept_at(&classes->v[i], next, &level);
		if (all > PROFILE_BLOCKS)
			break;
		cap = next;
	}
	for (size_t i = 0; i < classes->n; i++)
		kept_at(&classes->v[i], cap, &classes->v[i].level);
}

void sample_classes(struct profile *p, struct size_count *count, size_t n)
{
	classes_make(count, n, &p->classes);
	choose_levels(&p->classes);
}

static void make_classes(struct profile *p, const struct heap *heap)
{
	size_counts count = { 0 };
	size_t n = 0;

	if (!count_by_group(p, &count))
		count_by_block(heap, &count);
	if (count.n)
		qsort(count.v, count.n, sizeof(*count.v), by_size);
	for (size_t i = 0; i < count.n; i++) {
		if (n && count.v[n - 1].size == count.v[i].size)
			count.v[n - 1].blocks += count.v[i].blocks;
		else
			count.v[n++] = count.v[i];
	}
	sample_classes(p, count.v, n);
	array_free(&count);
}

/* ---- the sample ---- */

struct references { /* of one kin */
	struct imprint of[REFERENCES];
	unsigned n;
};

struct drawing {
	struct profile *p;
	const struct core *core;
	const struct heap *heap;
	const struct reach *reach;
	const struct types *types;
	struct siphash_key key;
	struct group_index groups;
	struct references *reference; /* by kin */
};

/* Which lanes agree with the most similar one of the references. */
static unsigned most_alike(const struct references *r, const struct imprint *imprint)
{
	unsigned best = 0;

	for (unsigned i = 0; i < r->n; i++) {
		unsigned p = imprint_compare(imprint, &r->of[i]);

		if (bit_count(p) > bit_count(best))
			best = p;
	}
	return best;
}

/*
 * Compares with blocks of its kin that came before, one at random and the most similar one: what
 * takes the place of a freed block is more often of its type than chance has it. The block may
 * become such a reference itself.
 */
static void compare(struct drawing *d, uint32_t kin, vaddr addr, const struct imprint *imprint)
{
	struct references *r = &d->reference[kin];
	uint64_t h = mix(addr ^ UINT64_C(0x5bd1e995));
	unsigned at = r->n ? (unsigned)(h % r->n) : 0;

	if (r->n) {
		d->p->kin.v[kin].alike[imprint_compare(imprint, &r->of[at])]++;
		d->p->kin.v[kin].near[most_alike(r, imprint)]++;
	}
	if (r->n < REFERENCES)
		r->of[r->n++] = *imprint;
	else if ((h >> 32) % 8 == 0)
		r->of[at] = *imprint;
}

bool sample_has(const struct profile *p, const struct block *b)
{
	size_t c = classes_find(&p->classes, b->size);

	return c != SIZE_MAX && profile_samples(b->addr, p->classes.v[c].level);
}

static void draw(struct drawing *d, const struct block *b)
{
	size_t c = classes_find(&d->p->classes, b->size);
	struct profile_block row = { .addr = b->addr, .size = b->size };
	const struct imprint_side side = { d->core, d->heap, b };
	const struct type *type;
	struct imprint imprint;

	if (c == SIZE_MAX || !profile_samples(b->addr, d->p->classes.v[c].level) ||
	    !imprint_take(d->core, d->heap, b, &imprint))
		return;
	row.size_class = (uint32_t)c;
	type = types_of(d->types, b->id);
	row.group = group_index_find(&d->groups, reach_of(d->reach, b->id), b->size,
	                             type ? type->name : NULL);
	compare(d, kin_find(d->p, row.group, c), b->addr, &imprint);
	twins_note(&d->p->twins, c, imprint_look(&side));
	row.seal = imprint_seal(&imprint, &d->key, b->addr);
	array_push(&d->p->blocks, row);
}

void sample_take(struct profile *profile, struct analysis *a)
{
	struct drawing d = { .p = profile,
		             .core = a->core,
		             .heap = analysis_heap(a),
		             .reach = analysis_reach(a),
		             .types = analysis_types(a) };
	struct heap_iter it = { 0 };
	const uint64_t *set;
	struct block b;

	profile->sampled = instance_key(a->core, &d.key);
	if (!profile->by_size)
		make_classes(profile, d.heap);
	kins_make(profile);
	group_index_make(profile, &d.groups);
	d.reference = mem_alloc(profile->kin.n + 1, sizeof(*d.reference));
	/* by size, types of the sampled ones are wanted, and of few others */
	set = profile->by_size ? types_wanted(d.types) : d.heap->used;
	while (heap_next_set(d.heap, set, &it, &b))
		draw(&d, &b);
	twins_settle(&profile->twins, &profile->classes);
	if (!profile->sampled) /* nothing seals them; how alike they are counts all the same */
		array_free(&profile->blocks);
	mem_free(d.reference);
	group_index_free(&d.groups);
}
