/*
 * Folding is a hash table by verdict and look. Heads of leaks are folded by what hangs on them as
 * well, as far as that tells kinds of leaks apart and not one leak from the next (variant.h): by
 * the types of what they point to, then by those blocks' sizes and what hangs on them in turn. How
 * large those are that hold nothing comes last: a text, a buffer or an array is as long as it is.
 */
#include "analyzer/leak/group.h"
#include "analyzer/leak/codes.h"
#include "analyzer/leak/content.h"
#include "analyzer/reach/held.h"
#include "analyzer/site/origin.h"
#include "analyzer/leak/pick.h"
#include "analyzer/leak/share.h"

#include <stdlib.h>

enum level { LEVEL_SELF, LEVEL_KINDS, LEVEL_FORM, LEVEL_LOOKS, LEVELS };

struct fold {
	const struct grouping *how;
	struct looks looks;
	ARRAY(struct group) group;
	uint32_t *slot;      /* 1 + index into group; 0: empty */
	uint32_t *look;      /* by group */
	size_t nslots;       /* a power of two */
	uint32_t last;       /* runs of blocks of one look are common */
	struct codes *codes; /* NULL: nobody's */
	size_t picked;       /* groups of which some blocks were picked */
	struct pool pool;
};

/* ---- looks ---- */

/* Does the size of such blocks tell nothing? Text is as long as it is. */
static bool is_text(const char *type)
{
	return !strcmp(type, "text");
}

/* A class has one size, which its members give it, those of the standard library too. */
static bool is_class(const struct type *type)
{
	size_t n = strlen(type->name);

	return !strcmp(type->method, "vtable") && (n < 2 || strcmp(type->name + n - 2, "[]") != 0);
}

/* What a container or an array keeps its elements in is as long as there are elements. */
static bool is_array(const struct type *type)
{
	static const char *const names[] = { " buffer", " buckets", ":deque map" };
	size_t n = strlen(type->name);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(type->method, "container") && strstr(type->name, names[i]))
			return true;
	return n > 2 && !strcmp(type->name + n - 2, "[]");
}

/* head: a block that may stand for a group, and not what hangs on one. */
static uint32_t look_of(struct fold *f, const struct block *b, bool head)
{
	const struct types *types = f->how->by < GROUP_BY_SIZE ? f->how->types : NULL;
	uint32_t label = types ? types_label(types, b->id) : 0;
	const struct type *type = label ? types_by_label(types, label) : NULL;
	const struct origin *origin = head && f->how->origins ? origin_of(f->how->origins, b->addr)
	                                                      : NULL;
	bool varied = type && (f->how->by == GROUP_BY_TYPE || is_text(type->name) ||
	                       (!head && is_array(type)));
	const struct look look = { .type = type ? type->name : NULL,
		                   .confidence = type ? type->confidence : -1,
		                   .size = varied || origin ? LOOK_VARIED : b->size,
		                   .origin = origin,
		                   .fixed = type && is_class(type),
		                   .part = type && !strcmp(type->method, "container") };

	return looks_put(&f->looks, &look);
}

static struct group blank(const struct fold *f, enum reach_class reach, uint32_t look, vaddr at)
{
	const struct look *x = &f->looks.v.v[look];

	return (struct group){
		.reach = reach,
		.type = x->type,
		.confidence = x->confidence,
		.example = at,
		.origin = x->origin,
	};
}

static void count(const struct fold *f, struct group *g, const struct block *b)
{
	double weight;

	if (!g->own.blocks)
		g->size = b->size;
	else if (g->size != b->size)
		g->size = GROUP_UNKNOWN;
	g->own.blocks++;
	g->own.bytes += b->size;
	if (g->origin) {
		weight = exact_weight(origins_exact(f->how->origins), b->size);
		g->stand_for += weight;
		g->stand_for_bytes += weight * (double)b->size;
	}
}

/* ---- by verdict and look ---- */

static size_t slot_of(const struct fold *f, enum reach_class reach, bool structural, uint32_t look)
{
	uint64_t h = ((uint64_t)look << 4 ^ (uint64_t)structural << 3 ^ (uint64_t)reach) *
	             UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(h >> 32) & (f->nslots - 1);

	while (f->slot[i] &&
	       (f->look[f->slot[i] - 1] != look || f->group.v[f->slot[i] - 1].reach != reach ||
	        f->group.v[f->slot[i] - 1].structural != structural))
		i = (i + 1) & (f->nslots - 1);
	return i;
}

static void grow(struct fold *f)
{
	mem_free(f->slot);
	f->nslots = f->nslots ? f->nslots * 2 : 256;
	f->slot = mem_alloc(f->nslots, sizeof(*f->slot));
	f->look = mem_grow(f->look, f->nslots, sizeof(*f->look));
	for (size_t i = 0; i < f->group.n; i++)
		f->slot[slot_of(f, f->group.v[i].reach, f->group.v[i].structural, f->look[i])] =
			(uint32_t)i + 1;
}

static void fold_block(struct fold *f, enum reach_class reach, const struct block *b)
{
	uint32_t look = look_of(f, b, true), at = f->last;
	bool structural = f->how->interior && reach == REACH_POSSIBLE &&
	                  interior_structural(f->how->interior, b->id);

	if (at >= f->group.n || f->look[at] != look || f->group.v[at].reach != reach ||
	    f->group.v[at].structural != structural) {
		size_t i;

		if (f->group.n * 2 >= f->nslots)
			grow(f);
		i = slot_of(f, reach, structural, look);
		if (!f->slot[i]) {
			f->look[f->group.n] = look;
			array_push(&f->group, blank(f, reach, look, b->addr));
			f->group.v[f->group.n - 1].structural = structural;
			f->slot[i] = (uint32_t)f->group.n;
		}
		f->last = at = f->slot[i] - 1;
	}
	if (f->how->by != GROUP_SIZES && reach != REACH_REACHABLE)
		pick_block(&f->group.v[at], b, &f->picked, &f->pool);
	count(f, &f->group.v[at], b);
}

static void fold_blocks(struct fold *f, unsigned classes)
{
	uint64_t *bits = reach_bits(f->how->reach, classes);
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next_set(f->how->heap, bits, &it, &b))
		fold_block(f, reach_of(f->how->reach, b.id), &b);
	mem_lazy_free(bits, f->how->heap->bits_bytes);
	for (size_t i = 0; i < f->group.n; i++) {
		const struct look *x = &f->looks.v.v[f->look[i]];

		f->group.v[i].confidence = x->confidence;
		f->group.v[i].key = hash_number(x->key, 0);
		f->group.v[i].signature = look_text(x, &f->pool);
	}
}

/* ---- heads by what hangs on them ---- */

struct heads {
	struct fold *f;
	struct held held;
	uint32_t *look;  /* by node */
	uint32_t *plain; /* by look: without a size */
	uint32_t *group; /* by node, of faces: words with code; of heads: variant, later group */
	struct below form, exact; /* content without its size, and with it */
	struct variants variants;
	uint32_t *group_of;          /* by variant */
	struct content_range *range; /* by variant: of what is content in groups that leave out
	                                how large that is */
};

static bool is_head(const struct heads *h, uint32_t v)
{
	return h->held.clusters.owner[v] == v;
}

static void look_at_all(struct heads *h)
{
	uint64_t *face = mem_alloc(h->held.graph.n / 64 + 1, sizeof(*face));
	struct heap_iter it = { 0 };
	struct block b;

	for (uint32_t v = 0; v < h->held.graph.n; v++)
		if (is_head(h, v))
			bit_set(face, held_face(&h->held, v));
	h->look = mem_alloc((size_t)h->held.graph.n + 1, sizeof(*h->look));
	h->group = mem_alloc((size_t)h->held.graph.n + 1, sizeof(*h->group));
	for (uint32_t v = 0; heap_next_set(h->f->how->heap, h->held.set, &it, &b); v++) {
		h->look[v] = look_of(h->f, &b, bit_get(face, v));
		if (h->f->codes && bit_get(face, v))
			h->group[v] = codes_of(h->f->codes, &b);
	}
	mem_free(face);
}

static void make_plain(struct heads *h)
{
	struct looks *l = &h->f->looks;
	uint32_t n = (uint32_t)l->v.n;

	h->plain = mem_alloc((size_t)n + 1, sizeof(*h->plain));
	for (uint32_t i = 0; i < n; i++) {
		struct look x = l->v.v[i];

		x.size = LOOK_VARIED;
		x.origin = NULL;
		h->plain[i] = looks_put(l, &x);
	}
	h->exact = (struct below){ &h->held.graph, h->look, l, NULL };
	h->form = h->exact;
	h->form.plain = h->plain;
}

static void find_variants(struct heads *h)
{
	unsigned levels = h->f->how->by == GROUP_BY_ALL ? LEVELS : 1;

	for (uint32_t v = 0; v < h->held.graph.n; v++) {
		uint32_t face;
		uint64_t key[LEVELS];

		if (!is_head(h, v))
			continue;
		face = held_face(&h->held, v);
		key[LEVEL_SELF] = h->f->looks.v.v[h->look[face]].key;
		if (h->group[face])
			key[LEVEL_SELF] = hash_number(key[LEVEL_SELF], h->group[face]);
		if (h->f->looks.v.v[h->look[face]].origin) { /* tells all that there is to tell */
			for (unsigned i = 1; i < levels; i++)
				key[i] = key[LEVEL_SELF];
		} else if (levels > 1) {
			key[LEVEL_KINDS] = below_kinds(&h->form, face);
			key[LEVEL_FORM] = below_looks(&h->form, face);
			key[LEVEL_LOOKS] = below_looks(&h->exact, face);
		}
		h->group[v] = variants_put(&h->variants, key, levels, v);
	}
	variants_settle(&h->variants);
	content_settle(&h->variants, LEVEL_FORM, &h->exact, &h->held);
}

/*
 * What tells heads of this variant from others of their look; 0 where nothing hangs on them. How
 * large content is counts only beside heads that differ in nothing else: or the first leak of all
 * would be another one than the first hundred.
 */
static uint64_t structure_of(const struct heads *h, uint32_t variant)
{
	const struct variant *x = &h->variants.v.v[variant], *up;
	const struct graph *g = &h->held.graph;
	uint32_t face = held_face(&h->held, x->first);
	uint64_t key;

	if (x->level == LEVEL_SELF || g->first[face] == g->first[face + 1] ||
	    h->f->looks.v.v[h->look[face]].origin)
		return 0;
	if (x->level < LEVEL_LOOKS)
		return hash_number(x->key, x->level);
	up = &h->variants.v.v[x->up];
	key = hash_number(up->key, LEVEL_FORM);
	return up->below > 1 ? hash_number(key, content_class(below_content(&h->exact, face)))
	                     : key;
}

/* What a variant's heads are by themselves. */
static uint64_t self_of(const struct heads *h, uint32_t variant)
{
	while (h->variants.v.v[variant].level != LEVEL_SELF)
		variant = h->variants.v.v[variant].up;
	return h->variants.v.v[variant].key;
}

/* The groups of those variants that stand for themselves. */
static void open_groups(struct heads *h)
{
	struct fold *f = h->f;

	h->group_of = mem_alloc(h->variants.v.n + 1, sizeof(*h->group_of));
	h->range = mem_alloc(h->variants.v.n + 1, sizeof(*h->range));
	for (uint32_t i = 0; i < h->variants.v.n; i++)
		h->group_of[i] = UINT32_MAX;
	for (uint32_t v = 0; v < h->held.graph.n; v++) {
		uint32_t variant, face;
		struct group g;

		if (!is_head(h, v))
			continue;
		variant = variant_kept(&h->variants, h->group[v]);
		face = held_face(&h->held, v);
		if (h->variants.v.v[variant].level == LEVEL_FORM)
			content_add(&h->exact, face, &h->range[variant]);
		if (h->group_of[variant] == UINT32_MAX) {
			g = blank(f, REACH_DEFINITE, h->look[face], 0);
			g.key = hash_number(self_of(h, variant), structure_of(h, variant));
			h->group_of[variant] = (uint32_t)f->group.n;
			array_push(&f->group, g);
		}
		h->group[v] = h->group_of[variant];
	}
}

static void name_groups(struct heads *h)
{
	static const enum below_detail detail[] = { BELOW_NOTHING, BELOW_KINDS, BELOW_LOOKS,
		                                    BELOW_LOOKS };
	struct fold *f = h->f;

	for (size_t i = 0; i < h->variants.v.n; i++) {
		const struct variant *x = &h->variants.v.v[i];
		bool exact = x->level == LEVEL_LOOKS;
		const struct look *self;
		uint32_t face;

		if (h->group_of[i] == UINT32_MAX)
			continue;
		face = held_face(&h->held, x->first);
		self = &f->looks.v.v[h->look[face]];
		f->group.v[h->group_of[i]].signature =
			f->how->by != GROUP_BY_ALL || self->origin
				? look_text(self, &f->pool)
				: below_text(exact ? &h->exact : &h->form, face, self,
		                             detail[x->level], content_text(&h->range[i], &f->pool),
		                             &f->pool);
	}
}

/* What each group's blocks and what they own have. */
static void count_all(struct heads *h, struct tally *shared)
{
	struct heap_iter it = { 0 };
	struct block b;

	for (uint32_t v = 0; heap_next_set(h->f->how->heap, h->held.set, &it, &b); v++) {
		uint32_t owner = h->held.clusters.owner[v];
		struct group *g = owner != CLUSTER_SHARED ? &h->f->group.v[h->group[owner]] : NULL;
		struct tally *t = g ? &g->held : shared;

		if (owner == v) {
			count(h->f, g, &b);
			if (!g->example)
				g->example = b.addr;
			continue;
		}
		t->blocks++;
		t->bytes += b.size;
	}
}

/* Blocks, by id, whose type is the program's own. */
static uint64_t *named_blocks(const struct fold *f)
{
	const struct types *types = f->how->by < GROUP_BY_SIZE ? f->how->types : NULL;
	uint64_t *named = mem_lazy(f->how->heap->bits_bytes);
	struct heap_iter it = { 0 };
	struct block b;

	while (types && heap_next_set(f->how->heap, types_told(types), &it, &b))
		if (type_own(types_of(types, b.id)))
			bit_set(named, b.id);
	return named;
}

/* False: there are too many pointers. */
static bool fold_heads(struct fold *f, struct groups *out)
{
	struct heads h = { .f = f };
	uint64_t *named = named_blocks(f);
	bool good = held_find(f->how->core, f->how->heap, f->how->reach, named, &h.held, NULL);

	mem_lazy_free(named, f->how->heap->bits_bytes);
	if (!good)
		return false;
	look_at_all(&h);
	make_plain(&h);
	find_variants(&h);
	open_groups(&h);
	name_groups(&h);
	variants_free(&h.variants);
	mem_free(h.group_of);
	mem_free(h.range);
	mem_free(h.plain);
	mem_free(h.look);
	count_all(&h, &out->shared);
	shares_find(f->how->heap, &h.held, h.group, f->group.v, f->group.n, &out->sharers);
	picks_make(f->how->heap, &h.held, h.group, f->group.v, f->group.n, &f->pool);
	mem_free(h.group);
	held_free(&h.held);
	return true;
}

/* ---- all ---- */

static void forget_held(struct fold *f, struct groups *out)
{
	const struct tally unknown = { GROUP_UNKNOWN, GROUP_UNKNOWN };

	out->shared = unknown;
	out->sharers = GROUP_UNKNOWN;
	for (size_t i = 0; i < f->group.n; i++) {
		f->group.v[i].held = f->group.v[i].shared = unknown;
		f->group.v[i].sharers = GROUP_UNKNOWN;
	}
}

static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return !a ? -(b != NULL) : 1;
	return strcmp(a, b);
}

static int by_reach_size_type(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int order;

	if (x->reach != y->reach)
		return x->reach > y->reach ? -1 : 1; /* definite is the highest */
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	order = compare_text(x->type, y->type);
	if (!order)
		order = compare_text(x->signature, y->signature);
	if (order)
		return order;
	return x->example < y->example ? -1 : x->example > y->example;
}

/* Blocks of one stack may be of any size: what they are is told as it came out. */
static void name_size(struct group *g, struct pool *pool)
{
	struct look look = { .type = g->type, .size = g->size };

	if (g->origin)
		g->signature = look_text(&look, pool);
}

void groups_make(const struct grouping *how, struct groups *out)
{
	const unsigned definite = 1u << REACH_DEFINITE;
	struct fold f = { .how = how };
	unsigned classes = how->classes;

	*out = (struct groups){ 0 };
	if (how->by == GROUP_BY_ALL && !how->origins && classes & definite)
		f.codes = codes_find(how->core, how->heap, how->reach, how->types);
	if (how->by != GROUP_SIZES && (how->reach->total[REACH_INDIRECT].blocks || f.codes))
		classes &= ~definite;
	fold_blocks(&f, classes);
	if (classes != how->classes && !fold_heads(&f, out)) {
		fold_blocks(&f, definite);
		forget_held(&f, out);
	}
	for (size_t i = 0; i < f.group.n; i++)
		name_size(&f.group.v[i], &f.pool);
	codes_free(f.codes);
	mem_free(f.slot);
	mem_free(f.look);
	looks_free(&f.looks);
	if (f.group.n)
		qsort(f.group.v, f.group.n, sizeof(*f.group.v), by_reach_size_type);
	out->v = f.group.v;
	out->n = f.group.n;
	out->pool = f.pool;
}

void groups_free(struct groups *groups)
{
	mem_free(groups->v);
	pool_free(&groups->pool);
	*groups = (struct groups){ 0 };
}
