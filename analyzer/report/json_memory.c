/* The report's section on memory as JSON. */
#include "analyzer/report/json.h"

#include <jansson.h>

/* In the order of writing. */
#define AT(member) offsetof(struct report_memory, member)
const struct json_number json_memory_numbers[] = {
	{ "mapped", AT(mapped) },
	{ "resident", AT(resident) },
	{ "in_use", AT(in_use) },
	{ "in_use_blocks", AT(in_use_blocks) },
	{ "free_held", AT(free_held) },
	{ "free_blocks", AT(free_blocks) },
	{ "internal", AT(internal) },
	{ "trimmable", AT(trimmable) },
	{ "mmapped", AT(mmapped) },
	{ "heap", AT(heap) },
	{ "stacks", AT(stacks) },
	{ "files", AT(files) },
	{ "shared", AT(shared) },
	{ "anonymous", AT(anonymous) },
	{ "reserved", AT(reserved) },
	{ "arenas", AT(arenas) },
	{ 0 },
};
const struct json_number json_space_numbers[] = {
	{ "heap", AT(space.heap) },
	{ "stacks", AT(space.stacks) },
	{ "files", AT(space.files) },
	{ "shared", AT(space.shared) },
	{ "anonymous", AT(space.anonymous) },
	{ "reserved", AT(space.reserved) },
	{ 0 },
};
#undef AT

static void put_numbers(json_t *o, const struct json_number *v, const struct report_memory *m)
{
	for (; v->key; v++)
		field_number(o, v->key, *(const uint64_t *)((const char *)m + v->at));
}

static void line(json_t *o, const struct balance_line *sum)
{
	field_number(o, "bytes", sum->bytes);
	field_number(o, "saved", sum->saved);
	field_number(o, "resident", sum->resident);
	field_number(o, "unknown", sum->unknown);
}

static void ledger(json_t *o, const struct report_memory *m)
{
	json_t *lines = json_array(), *sharing = json_object();

	for (int i = 0; i < OWNERS; i++) {
		json_t *l;

		if (!m->ledger[i].bytes)
			continue;
		l = json_object();
		field_string(l, "owner", balance_owner_name((enum balance_owner)i));
		line(l, &m->ledger[i]);
		json_array_append_new(lines, l);
	}
	for (int i = 0; i < SHARINGS; i++) {
		json_t *l = json_object();

		line(l, &m->sharing[i]);
		json_object_set_new(sharing, balance_sharing_name((enum balance_sharing)i), l);
	}
	json_object_set_new(o, "ledger", lines);
	json_object_set_new(o, "sharing", sharing);
}

static json_t *pin(const struct report_pin *p)
{
	json_t *o = json_object();

	field_number(o, "arena", p->arena);
	field_address(o, "start", p->start);
	field_address(o, "end", p->end);
	field_number(o, "used_blocks", p->used_blocks);
	if (p->address) {
		field_address(o, "address", p->address);
		field_number(o, "size", p->size);
		field_string(o, "state", p->state);
		field_string(o, "type", p->type);
	}
	field_number(o, "free_behind", p->behind);
	field_number(o, "free_before", p->before);
	return o;
}

static json_t *holes(const struct report_fragmentation *f)
{
	json_t *list = json_array();

	for (int i = 0; i < FRAGMENTATION_HOLES; i++) {
		json_t *o;

		if (!f->hole[i].blocks)
			continue;
		o = json_object();
		field_number(o, "least", UINT64_C(1) << i);
		field_number(o, "blocks", f->hole[i].blocks);
		field_number(o, "bytes", f->hole[i].bytes);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *pages(const struct report_fragmentation *f)
{
	static const uint64_t least[FRAGMENTATION_PAGES] = { 0, 0, 25, 50, 75, 100 };
	static const uint64_t below[FRAGMENTATION_PAGES] = { 0, 25, 50, 75, 100, 100 };
	json_t *list = json_array();

	for (int i = 0; i < FRAGMENTATION_PAGES; i++) {
		json_t *o = json_object();

		field_number(o, "least_percent", least[i]);
		field_number(o, "below_percent", below[i]);
		field_number(o, "pages", f->pages[i]);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *fragmentation(const struct report_fragmentation *f)
{
	json_t *o = json_object(), *pins = json_array();

	field_number(o, "runs", f->runs);
	field_number(o, "whole_pages", f->whole);
	field_number(o, "from_top", f->from_top);
	for (size_t i = 0; i < f->npins; i++)
		json_array_append_new(pins, pin(&f->pin[i]));
	json_object_set_new(o, "pins", pins);
	if (f->detailed) {
		json_object_set_new(o, "holes", holes(f));
		json_object_set_new(o, "pages", pages(f));
	}
	return o;
}

static json_t *numbers(const struct report_number *v, size_t n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++)
		field_number(o, v[i].name, v[i].value);
	return o;
}

static json_t *dominant(const struct report_dominant *d)
{
	json_t *o = json_object();

	field_string(o, "code", d->code);
	field_string(o, "rule", d->rule);
	field_string(o, "text", d->text);
	json_object_set_new(o, "numbers", numbers(d->number, d->nnumbers));
	return o;
}

static json_t *knobs(const struct report_memory *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->knobs.n; i++) {
		const struct report_knob *k = &m->knobs.v[i];
		json_t *o = json_object();

		field_string(o, "name", k->name);
		field_string(o, "text", k->text);
		json_object_set_new(o, "numbers", numbers(k->number, k->nnumbers));
		json_array_append_new(list, o);
	}
	return list;
}

/* mp_'s settings, as they were in the end. */
static json_t *settings(const struct report_facts *f)
{
	json_t *o = json_object();

	field_number(o, "trim_threshold", f->trim_threshold);
	field_number(o, "mmap_threshold", f->mmap_threshold);
	field_number(o, "arena_max", f->arena_max);
	return o;
}

json_t *json_memory(const struct report_memory *m)
{
	json_t *o = json_object(), *space = json_object();

	put_numbers(o, json_memory_numbers, m);
	put_numbers(space, json_space_numbers, m);
	json_object_set_new(o, "address_space", space);
	ledger(o, m);
	if (m->trimmable != ABSENT)
		json_object_set_new(o, "fragmentation", fragmentation(&m->fragmentation));
	if (m->facts.trim_threshold != ABSENT)
		json_object_set_new(o, "settings", settings(&m->facts));
	if (m->dominant.code) {
		json_object_set_new(o, "dominant", dominant(&m->dominant));
		json_object_set_new(o, "knobs", knobs(m));
	}
	return o;
}
