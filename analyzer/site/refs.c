#include "analyzer/site/refs.h"
#include "formats/wordrun.h"

#define STRING_SLACK 24         /* bytes that a block may be larger than what was asked for */
#define FILTER       (1u << 20) /* bits: they tell most words that are no pointer to a sample */

struct target {
	vaddr at; /* of a sample's first or second 16 bytes; 0: empty */
	vaddr addr;
	uint32_t class;
};

struct search {
	const struct site_classes *classes;
	struct site_refs *out;
	struct target *target; /* open addressing */
	size_t ntargets;
	uint64_t *filter;
	vaddr lowest, highest;
};

static uint64_t hash(vaddr at)
{
	return (at >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 24;
}

static struct target *target_of(const struct search *s, vaddr at)
{
	size_t i = (size_t)hash(at) & (s->ntargets - 1);

	at = round_down(at, 16);
	while (s->target[i].at && s->target[i].at != at)
		i = (i + 1) & (s->ntargets - 1);
	return &s->target[i];
}

static void set_target(struct search *s, vaddr at, vaddr addr, uint32_t class)
{
	*target_of(s, at) = (struct target){ at, addr, class };
	s->filter[hash(at) % FILTER / 64] |= UINT64_C(1) << hash(at) % 64;
	s->lowest = at < s->lowest ? at : s->lowest;
	s->highest = at + 15 > s->highest ? at + 15 : s->highest;
}

static void set_targets(struct search *s)
{
	const struct site_classes *c = s->classes;

	s->ntargets = 1024;
	while (s->ntargets < c->n * CLASS_SAMPLES * 4)
		s->ntargets *= 2;
	s->target = mem_alloc(s->ntargets, sizeof(*s->target));
	s->filter = mem_alloc(FILTER / 64, 8);
	s->lowest = UINT64_MAX;
	for (uint32_t i = 0; i < c->n; i++) {
		for (unsigned j = 0; j < c->v[i].nsamples; j++) {
			vaddr at = c->v[i].sample[j].addr;

			set_target(s, at, at, i);
			if (c->v[i].size >= 24)
				set_target(s, at + 16, at, i);
		}
	}
}

static void note(struct search *s, const struct target *t, const struct block *b, vaddr at)
{
	struct class_refs *r = &s->out->v[t->class];
	struct site_ref ref = { at, CLASS_NONE, 0 };
	uint64_t pick = r->seen++;

	s->out->starts++;
	if (b) {
		ref.offset = at - b->addr > UINT32_MAX ? UINT32_MAX : (uint32_t)(at - b->addr);
		s->out->by_offset[ref.offset / 8 < 63 ? ref.offset / 8 : 63]++;
		s->out->total++;
	}
	if (pick >= REFS_MOST) {
		pick = (pick * UINT64_C(0x9e3779b97f4a7c15) >> 20) % r->seen;
		if (pick >= REFS_MOST)
			return;
	} else {
		r->n++;
	}
	if (b)
		ref.parent = site_class_of(s->classes, b);
	r->v[pick] = ref;
}

static void note_inner(struct search *s, const struct target *t, const struct block *b, vaddr at)
{
	struct class_refs *r = &s->out->v[t->class];
	struct site_ref ref = { at, CLASS_NONE, b ? (uint32_t)(at - b->addr) : 0 };

	s->out->inners++;
	r->seen_inner++;
	if (r->ninner == INNER_MOST)
		return;
	if (b)
		ref.parent = site_class_of(s->classes, b);
	r->inner[r->ninner++] = ref;
}

static void scan(struct search *s, const struct block *b, vaddr at, const uint8_t *mem,
                 uint64_t len)
{
	for (uint64_t i = 0; i + 8 <= len; i += 8) {
		uint64_t word = load64(mem + i);
		const struct target *t;

		if (word < s->lowest || word > s->highest ||
		    !(s->filter[hash(word) % FILTER / 64] >> hash(word) % 64 & 1))
			continue;
		t = target_of(s, word);
		if (!t->at || (b && b->addr == t->addr) ||
		    word - t->addr >= s->classes->v[t->class].size)
			continue;
		if (word == t->addr)
			note(s, t, b, at + i);
		else
			note_inner(s, t, b, at + i);
	}
}

static void scan_range(struct search *s, const struct block *b, vaddr at, vaddr end)
{
	struct wordrun run = wordruns(s->classes->core, at, end);

	while (wordrun_next(&run))
		scan(s, b, run.at, run.mem, run.bytes);
}

/* A std::string is a pointer, a length and a capacity (libstdc++, bits/basic_string.h). */
static void note_strings(const struct site_classes *classes, uint32_t class, struct class_refs *r)
{
	uint64_t size = classes->v[class].size;

	for (uint32_t i = 0; i < r->n; i++) {
		uint64_t length, capacity;

		if (!core_read64(classes->core, r->v[i].at + 8, &length) ||
		    !core_read64(classes->core, r->v[i].at + 16, &capacity) || length > capacity ||
		    capacity >= size || capacity + 1 + STRING_SLACK < size)
			continue;
		r->strings++;
		r->grown += capacity != length;
	}
}

void site_refs_make(const struct site_classes *classes, struct site_refs *out)
{
	struct search s = { .classes = classes, .out = out };
	struct heap_iter it = { 0 };
	struct block b;

	*out = (struct site_refs){ .n = classes->n };
	out->v = mem_alloc(classes->n + 1, sizeof(*out->v));
	if (!classes->n)
		return;
	set_targets(&s);
	while (heap_next(classes->heap, &it, &b))
		if (b.state == BLOCK_USED)
			scan_range(&s, &b, b.addr, b.addr + b.size);
	for (size_t i = 0; i < classes->modules->n; i++) {
		const struct module *m = &classes->modules->v[i];

		scan_range(&s, NULL, m->data_start, m->data_end);
	}
	for (uint32_t i = 0; i < classes->n; i++)
		if (classes->v[i].text)
			note_strings(classes, i, &out->v[i]);
	mem_free(s.target);
	mem_free(s.filter);
}

void site_refs_free(struct site_refs *refs)
{
	mem_free(refs->v);
	*refs = (struct site_refs){ 0 };
}
