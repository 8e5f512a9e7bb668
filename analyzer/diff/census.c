#include "analyzer/diff/census.h"
#include "analyzer/diff/sample.h"
#include "analyzer/type/typing.h"
#include "formats/idmap.h"

#include <stdlib.h>

#define SMALL 4096 /* bytes: sizes below have a place of their own in a table */
#define MOST  0.9  /* of a sample are of a type: so are the others */

#define LEAKED (1u << REACH_DEFINITE | 1u << REACH_INDIRECT)

struct row { /* blocks of a verdict and size */
	enum reach_class reach;
	uint64_t size, blocks;
	vaddr example; /* the lowest address */
};

struct census {
	const struct heap *heap;
	const struct reach *reach;
	const struct profile *profile;
	uint64_t *wanted; /* bits by id: those whose types are */
	ARRAY(struct row) row;
	uint32_t small[REACH_CLASSES][SMALL / 8]; /* 1 + index into row; 0: none */
	struct idmap large;
};

/* 1 + index of the row of these, or where it is to be noted: 0. */
static uint32_t *find(struct census *c, enum reach_class reach, uint64_t size, uint32_t *large)
{
	if (size < SMALL && size % 8 == 0)
		return &c->small[reach][size / 8];
	*large = idmap_get(&c->large, size << 3 | reach);
	if (*large == IDMAP_NONE)
		*large = 0;
	return large;
}

static void count(struct census *c, const struct block *b)
{
	enum reach_class reach = reach_of(c->reach, b->id);
	uint32_t large, *at = find(c, reach, b->size, &large);

	if (!*at) {
		array_push(&c->row, ((struct row){ reach, b->size, 0, b->addr }));
		*at = (uint32_t)c->row.n;
		if (at == &large)
			idmap_put(&c->large, b->size << 3 | reach, large);
	}
	c->row.v[*at - 1].blocks++;
}

/*
 * Asks of each used block of a span, in their order. As heap_next_set tells them, which for each
 * looks up first where it is: here that follows from the one before.
 */
static void each_used(const struct heap *heap, const struct span *span,
                      void (*ask)(struct census *c, const struct block *b), struct census *c)
{
	struct block b = { .span = span, .state = BLOCK_USED };
	uint32_t id = span->first_id;
	vaddr chunk = 0;

	for (size_t i = 0; i < span->ncells; i++) {
		for (uint64_t bits = cell_bits(&span->cell[i]); bits; bits &= bits - 1) {
			vaddr next = cell_chunk(span, i, (unsigned)__builtin_ctzll(bits));

			if (chunk && bit_get(heap->used, id - 1)) {
				b.id = id - 1;
				b.addr = chunk + CHUNK_HEADER;
				b.size = span_usable(span, next - chunk);
				ask(c, &b);
			}
			chunk = next;
			id++;
		}
	}
	if (!chunk || !bit_get(heap->used, id - 1))
		return;
	b.id = id - 1;
	b.addr = chunk + CHUNK_HEADER;
	b.size = span_usable(span, span->end - chunk);
	ask(c, &b);
}

static void each(struct census *c, void (*ask)(struct census *c, const struct block *b))
{
	for (size_t i = 0; i < c->heap->nspans; i++) {
		const struct span *span = &c->heap->span[i];
		struct block b;

		if (span->cell)
			each_used(c->heap, span, ask, c);
		else if (bit_get(c->heap->used, span->first_id) &&
		         heap_by_id(c->heap, span->first_id, &b))
			ask(c, &b);
	}
}

static int by_size(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->reach < y->reach ? -1 : x->reach > y->reach;
}

/* Sizes, whatever the verdict. */
static void make_classes(struct census *c, struct profile *p)
{
	struct size_count *count = mem_alloc(c->row.n + 1, sizeof(*count));
	size_t n = 0;

	for (size_t i = 0; i < c->row.n; i++) {
		if (n && count[n - 1].size == c->row.v[i].size)
			count[n - 1].blocks += c->row.v[i].blocks;
		else
			count[n++] = (struct size_count){ c->row.v[i].size, c->row.v[i].blocks };
	}
	sample_classes(p, count, n);
	mem_free(count);
}

/* ---- types ---- */

static bool is_leaked(const struct census *c, uint32_t id)
{
	return LEAKED >> reach_of(c->reach, id) & 1;
}

static void want(struct census *c, const struct block *b)
{
	if (is_leaked(c, b->id) || sample_has(c->profile, b))
		bit_set(c->wanted, b->id);
}

static void tell_types(struct census *c, struct analysis *a)
{
	c->wanted = mem_lazy(c->heap->bits_bytes);
	each(c, want);
	typing_sample(a, c->wanted, &a->types);
	mem_lazy_free(c->wanted, c->heap->bits_bytes);
}

struct told { /* a sampled block */
	uint32_t row, label;
};

static int by_label(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->label < y->label ? -1 : x->label > y->label;
}

/* told[0..n): blocks of one row. */
static void set_type(const struct types *types, const struct told *told, size_t n,
                     struct report_finding *f, struct pool *pool)
{
	for (size_t i = 0, end; i < n; i = end) {
		const struct type *type;

		for (end = i + 1; end < n && told[end].label == told[i].label; end++)
			;
		if (!told[i].label || (double)(end - i) < MOST * (double)n)
			continue;
		type = types_by_label(types, told[i].label);
		f->type = pool_printf(pool, "%s", type->name);
		f->type_confidence = type->confidence * (double)(end - i) / (double)n;
	}
}

/* finding: by row. */
static void set_types(struct census *c, const struct types *types, struct report_finding *finding,
                      struct pool *pool)
{
	ARRAY(struct told) told = { 0 };
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next_set(c->heap, types_wanted(types), &it, &b)) {
		enum reach_class reach = reach_of(c->reach, b.id);
		uint32_t large, row = *find(c, reach, b.size, &large);

		if (row && !is_leaked(c, b.id))
			array_push(&told, ((struct told){ row - 1, types_label(types, b.id) }));
	}
	if (told.n)
		qsort(told.v, told.n, sizeof(*told.v), by_label);
	for (size_t i = 0, end; i < told.n; i = end) {
		for (end = i + 1; end < told.n && told.v[end].row == told.v[i].row; end++)
			;
		set_type(types, told.v + i, end - i, &finding[told.v[i].row], pool);
	}
	array_free(&told);
}

static struct report_finding finding_of(const struct row *row)
{
	return (struct report_finding){
		.kind = reach_name(row->reach),
		.reach = reach_name(row->reach),
		.blocks = row->blocks,
		.bytes = row->blocks * row->size,
		.size = row->size,
		.example = row->example,
		.held = { ABSENT, ABSENT },
		.shared = { ABSENT, ABSENT },
		.sharers = ABSENT,
		.estimated = { ABSENT, ABSENT },
		.retained_bytes = ABSENT,
		.type_confidence = -1,
		.site_confidence = -1,
		.site = { .line = ABSENT, .offset = ABSENT },
		.count = ABSENT,
	};
}

static void add_rows(struct census *c, struct report *all, const struct types *types)
{
	struct report_finding *finding = mem_alloc(c->row.n + 1, sizeof(*finding));

	for (size_t i = 0; i < c->row.n; i++)
		finding[i] = finding_of(&c->row.v[i]);
	set_types(c, types, finding, &all->pool);
	for (size_t i = 0; i < c->row.n; i++)
		if (!(LEAKED >> c->row.v[i].reach & 1))
			array_push(&all->findings, finding[i]);
	mem_free(finding);
}

/* As rows were sorted, they have other places. */
static void note_rows(struct census *c)
{
	for (uint32_t i = 0; i < c->row.n; i++) {
		const struct row *row = &c->row.v[i];
		uint32_t large, *at = find(c, row->reach, row->size, &large);

		*at = i + 1;
		if (at == &large)
			idmap_put(&c->large, row->size << 3 | row->reach, i + 1);
	}
}

void census_take(struct report *all, struct profile *profile, struct analysis *a)
{
	struct census *c = mem_alloc(1, sizeof(*c));

	c->heap = analysis_heap(a);
	c->reach = analysis_reach(a);
	c->profile = profile;
	each(c, count);
	if (c->row.n)
		qsort(c->row.v, c->row.n, sizeof(*c->row.v), by_size);
	note_rows(c);
	make_classes(c, profile);
	tell_types(c, a);
	report_add_groups(all, a, GROUP_BY_ALL, LEAKED);
	add_rows(c, all, a->types);
	array_free(&c->row);
	idmap_free(&c->large);
	mem_free(c);
}
