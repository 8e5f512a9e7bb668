/* Keepers as a part of the report, with the names of their roots. */
#include "analyzer/leak/keeper.h"
#include "analyzer/process/place.h"
#include "analyzer/reach/effort.h"
#include "analyzer/report/report.h"

#define SPARE (UINT64_C(12) << 20) /* bytes: what the rest of the analysis takes, and a heap's */
#define MAPS  8                    /* bitmaps by id and by cell, */
#define SHARE 5                    /* and this part of it may be used */

/* What is left of 16 MiB and a fifth of the heap. */
static uint64_t memory_for(const struct heap *heap)
{
	uint64_t bytes = 0, used = heap->cell_bytes + MAPS * heap->bits_bytes;

	for (size_t i = 0; i < heap->nspans; i++)
		bytes += heap->span[i].end - heap->span[i].start;
	bytes = bytes / SHARE + (UINT64_C(16) << 20) - SPARE;
	return bytes > used ? bytes - used : 0;
}

static void add(struct report *r, struct analysis *a, struct places *places, const struct keeper *k)
{
	const struct type *type = a->types ? types_of(a->types, k->block.id) : NULL;
	const struct type *point = a->types ? types_of(a->types, k->point.id) : NULL;
	struct report_keeper x = { .steps = ABSENT,
		                   .address = k->block.addr,
		                   .size = k->block.size,
		                   .type = type ? type->name : NULL,
		                   .retained = k->retained,
		                   .point = k->point.addr,
		                   .point_type = point ? point->name : NULL,
		                   .point_size = k->point.size,
		                   .point_retained = k->point_retained,
		                   .chain = k->chain,
		                   .parts = k->parts,
		                   .of = k->of,
		                   .of_size = k->of_size,
		                   .of_bytes = k->of_bytes };

	if (k->path.n) {
		x.held_by = place_root(places, &k->path.v[0], &r->pool);
		x.steps = k->path.length;
	}
	array_push(&r->keepers, x);
}

void report_add_keepers(struct report *r, struct analysis *a, bool far)
{
	const struct reach *reach = analysis_reach(a);
	struct keeper keeper[KEEPERS];
	struct pool pool = { 0 };
	struct places places;
	size_t n;

	r->without_keepers = !far && !effort_is_small(a);
	if (r->without_keepers)
		return;
	r->has_keepers = true;
	n = keepers_find(a->core, a->heap, analysis_roots(a), reach, memory_for(a->heap), &pool,
	                 keeper);
	if (n) {
		places_open(a, &places);
		for (size_t i = 0; i < n; i++)
			add(r, a, &places, &keeper[i]);
		places_close(&places);
	}
	pool_free(&pool);
}
