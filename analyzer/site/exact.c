#include "analyzer/site/exact.h"

#include "preload/region.h"

#include <math.h>

#define SEGMENT_BYTES ((uint64_t)SITES_SEGMENT * 8)

_Static_assert(EXACT_DEPTH == SITES_DEPTH, "a record's frames fit");

/* ---- the region ---- */

/* Are its parts where the library would have put them? */
static bool is_sound(const struct core *core, const struct sites_header *h, vaddr at)
{
	uint64_t size = h->end - at;

	return h->version == SITES_VERSION && h->header_bytes == sizeof(*h) && h->self == at &&
	       h->id_bits == SITES_ID_BITS && core->machine->word == 8 && h->end > at &&
	       h->mode >= SITES_CALLER && h->mode <= SITES_SAMPLED && h->depth >= 1 &&
	       h->depth <= SITES_DEPTH && h->reach == sizeof(*h) && h->index > h->reach &&
	       h->index < h->records && h->records < h->map && h->map < size &&
	       h->records_size <= h->map - h->records && h->segments >= 1 &&
	       h->segments <= h->segments_max && h->segments_max <= h->index - h->reach &&
	       h->segments_max == (size - h->map) / SEGMENT_BYTES;
}

/*
 * Is all of it anonymous memory? Parts without access rights may be missing, as gcore leaves them
 * out, and what is behind the last may be one mapping with it.
 */
static bool is_anonymous(const struct core *core, vaddr start, vaddr end)
{
	size_t i = first_behind(core->seg, core->nseg, end, start);

	for (; i < core->nseg && core->seg[i].start < end; i++) {
		const struct segment *s = &core->seg[i];

		if (s->file >= 0 || core_file(core, s->start) || s->start < start ||
		    (s->end > end && s->flags & (SEG_R | SEG_W | SEG_X)))
			return false;
	}
	return true;
}

static bool find_header(const struct core *core, struct sites_header *h)
{
	for (size_t i = 0; i < core->nseg; i++) {
		const struct segment *s = &core->seg[i];
		char magic[sizeof(h->magic)];

		if (!(s->flags & SEG_W) || s->file >= 0 ||
		    !core_read(core, s->start, magic, sizeof(magic)) ||
		    memcmp(magic, SITES_MAGIC, sizeof(magic)) != 0)
			continue;
		if (core_read(core, s->start, h, sizeof(*h)) && is_sound(core, h, s->start) &&
		    is_anonymous(core, s->start, h->end))
			return true;
	}
	return false;
}

bool exact_range(const struct core *core, vaddr *start, vaddr *end)
{
	struct sites_header h;

	if (!find_header(core, &h))
		return false;
	*start = h.self;
	*end = h.end;
	return true;
}

void exact_find(const struct core *core, struct exact *out)
{
	static const char *const modes[] = { "", "caller", "stack", "sampled" };
	struct sites_header h;

	*out = (struct exact){ .core = core };
	if (!find_header(core, &h))
		return;
	*out = (struct exact){
		.core = core,
		.found = true,
		.start = h.self,
		.end = h.end,
		.mode = modes[h.mode],
		.sampled = h.mode == SITES_SAMPLED && h.rate > 0,
		.rate = h.rate,
		.depth = h.depth,
		.lost = h.lost,
		.cut = h.cut,
		.bad_setting = (h.flags & SITES_BAD_SETTING) != 0,
		.foreign = (h.flags & SITES_FOREIGN) != 0,
		.reach = h.self + h.reach,
		.records = h.self + h.records,
		.map = h.self + h.map,
		.records_size = h.records_size,
		.segments = h.segments,
		.segments_max = h.segments_max,
	};
	out->bytes = core_bytes(core, out->map, &out->nbytes);
	out->reach_of = mem_alloc(h.segments, 1);
	if (!core_read(core, out->reach, out->reach_of, h.segments))
		memset(out->reach_of, SITES_REACH, h.segments);
}

void exact_free(struct exact *exact)
{
	mem_free(exact->reach_of);
	*exact = (struct exact){ 0 };
}

/* ---- the map ---- */

static bool read_line(const struct exact *e, uint32_t segment, uint32_t line,
                      uint64_t entry[SITES_LINE])
{
	uint64_t at = segment * SEGMENT_BYTES + line * (SITES_LINE * 8u);

	if (e->bytes && range_holds(0, e->nbytes, at, SITES_LINE * 8u)) {
		memcpy(entry, e->bytes + at, SITES_LINE * 8u);
		return true;
	}
	return core_read(e->core, e->map + at, entry, SITES_LINE * 8u);
}

static uint32_t look(const struct exact *e, uint32_t segment, vaddr block)
{
	uint64_t home = sites_home(block), key = sites_key(block), entry[SITES_LINE];

	for (uint32_t j = 0; !j || j < e->reach_of[segment]; j++) {
		if (!read_line(e, segment, sites_line(home, j), entry))
			continue;
		for (unsigned i = 0; i < SITES_LINE; i++)
			if ((entry[i] ^ key) >> SITES_ID_BITS == 0)
				return (uint32_t)(entry[i] ^ key);
	}
	return 0;
}

/* At home or, as the core may have been taken while the map grew, where it was before. */
uint32_t exact_record(const struct exact *exact, vaddr block)
{
	uint32_t segment, record;

	if (!exact->found || block >= SITES_ADDRESS)
		return 0;
	segment = sites_segment(sites_home(block), exact->segments);
	record = look(exact, segment, block);
	while (!record && segment) {
		segment = sites_parent(segment);
		record = look(exact, segment, block);
	}
	return record;
}

/* ---- records ---- */

uint64_t exact_key(const struct exact *exact, uint32_t record)
{
	uint64_t at = (uint64_t)record * SITES_GRANULE, key;

	if (!record || !range_holds(0, exact->records_size, at, sizeof(key)) ||
	    !core_read64(exact->core, exact->records + at, &key))
		return 0;
	return key;
}

bool exact_stack(const struct exact *exact, uint32_t record, struct exact_stack *out)
{
	uint64_t at = (uint64_t)record * SITES_GRANULE, hash = 0;
	struct sites_record r;

	if (!record || !range_holds(0, exact->records_size, at, sizeof(r)) ||
	    !core_read(exact->core, exact->records + at, &r, sizeof(r)) || !r.depth ||
	    r.depth > EXACT_DEPTH ||
	    !core_read(exact->core, exact->records + at + sizeof(r), out->pc, r.depth * 8u))
		return false;
	for (uint32_t i = 0; i < r.depth; i++)
		hash = sites_hash_add(hash, out->pc[i]);
	if (sites_hash_end(hash) != r.hash)
		return false;
	out->hash = r.hash;
	out->n = r.depth;
	return true;
}

double exact_weight(const struct exact *exact, uint64_t size)
{
	if (!exact->sampled)
		return 1;
	return 1 / -expm1(-(double)(size ? size : 1) / (double)exact->rate);
}
