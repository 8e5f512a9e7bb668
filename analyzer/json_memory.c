/* The report's section on memory as JSON. */
#include "analyzer/json.h"

#include <jansson.h>

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

	for (size_t i = 0; i < m->nledger; i++) {
		json_t *l = json_object();

		field_string(l, "owner", m->ledger[i].name);
		line(l, &m->ledger[i].sum);
		json_array_append_new(lines, l);
	}
	for (int i = 0; i < SHARINGS; i++) {
		json_t *l = json_object();

		line(l, &m->sharing[i].sum);
		json_object_set_new(sharing, m->sharing[i].name, l);
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

static json_t *fragmentation(const struct report_fragmentation *f)
{
	json_t *o = json_object(), *pins = json_array();

	field_number(o, "runs", f->runs);
	field_number(o, "whole_pages", f->whole);
	field_number(o, "from_top", f->from_top);
	for (size_t i = 0; i < f->npins; i++)
		json_array_append_new(pins, pin(&f->pin[i]));
	json_object_set_new(o, "pins", pins);
	return o;
}

json_t *json_memory(const struct report_memory *m)
{
	json_t *o = json_object(), *space = json_object();

	field_number(o, "mapped", m->mapped);
	field_number(o, "resident", m->resident);
	field_number(o, "in_use", m->in_use);
	field_number(o, "in_use_blocks", m->in_use_blocks);
	field_number(o, "free_held", m->free_held);
	field_number(o, "free_blocks", m->free_blocks);
	field_number(o, "internal", m->internal);
	field_number(o, "trimmable", m->trimmable);
	field_number(o, "mmapped", m->mmapped);
	field_number(o, "heap", m->heap);
	field_number(o, "stacks", m->stacks);
	field_number(o, "files", m->files);
	field_number(o, "shared", m->shared);
	field_number(o, "anonymous", m->anonymous);
	field_number(o, "reserved", m->reserved);
	field_number(o, "arenas", m->arenas);
	if (m->heap != ABSENT)
		field_number(space, "heap", m->space.heap);
	field_number(space, "stacks", m->space.stacks);
	field_number(space, "files", m->space.files);
	field_number(space, "shared", m->space.shared);
	field_number(space, "anonymous", m->space.anonymous);
	field_number(space, "reserved", m->space.reserved);
	json_object_set_new(o, "address_space", space);
	ledger(o, m);
	if (m->trimmable != ABSENT)
		json_object_set_new(o, "fragmentation", fragmentation(&m->fragmentation));
	return o;
}
