/* Elements of the report's long arrays: modules, arenas, threads, mappings. */
#include "analyzer/report/json.h"

#include <jansson.h>

json_t *json_module(const struct report *r, size_t i)
{
	const struct report_module *m = &r->modules.v[i];
	json_t *o = json_object();

	field_string(o, "path", m->path);
	field_string(o, "build_id", m->build_id);
	field_address(o, "start", m->start);
	field_address(o, "end", m->end);
	field_string(o, "file", m->file);
	field_string(o, "missing", m->missing);
	return o;
}

json_t *json_keeper(const struct report *r, size_t i)
{
	const struct report_keeper *k = &r->keepers.v[i];
	json_t *o = json_object(), *point = json_object();

	field_string(o, "held_by", k->held_by);
	field_number(o, "steps", k->steps);
	field_address(o, "address", k->address);
	field_number(o, "size", k->size);
	field_string(o, "type", k->type);
	json_object_set_new(o, "retained", json_tally(k->retained));
	field_number(o, "chain", k->chain);
	field_address(point, "address", k->point);
	field_number(point, "size", k->point_size);
	field_string(point, "type", k->point_type);
	json_object_set_new(point, "retained", json_tally(k->point_retained));
	field_number(point, "parts", k->parts);
	if (k->of) {
		json_t *of = json_object();

		field_number(of, "size", k->of_size);
		field_number(of, "blocks", k->of);
		field_number(of, "retained_bytes", k->of_bytes);
		json_object_set_new(point, "most_of_them", of);
	}
	json_object_set_new(o, "accumulates", point);
	return o;
}

static json_t *place(const struct report_place *p)
{
	json_t *o = json_object();

	field_string(o, "place", p->place);
	field_number(o, "blocks", p->blocks);
	field_number(o, "bytes", p->bytes);
	return o;
}

static json_t *region(const struct report_heap *h)
{
	json_t *o = json_object();

	field_address(o, "start", h->start);
	field_address(o, "end", h->end);
	field_number(o, "resident", h->resident);
	return o;
}

static void arena_free(json_t *o, const struct report_arena *a)
{
	json_t *free_object = json_object(), *places = json_array();

	for (size_t i = 0; i < FREE_PLACES; i++) {
		if (a->place[i].place)
			json_array_append_new(places, place(&a->place[i]));
	}
	field_number(free_object, "blocks", a->free_blocks);
	field_number(free_object, "bytes", a->free_bytes);
	json_object_set_new(free_object, "places", places);
	json_object_set_new(o, "free", free_object);
}

json_t *json_arena(const struct report *r, size_t i)
{
	const struct report_arena *a = &r->arenas.v[i];
	json_t *o = json_object(), *heaps = json_array();

	field_number(o, "arena", a->number);
	field_address(o, "address", a->addr);
	field_bool(o, "main", a->main);
	field_bool(o, "contiguous", a->contiguous);
	field_string(o, "module", a->module);
	field_number(o, "system_mem", a->system_mem);
	field_number(o, "max_system_mem", a->max_system_mem);
	field_number(o, "walked", a->walked);
	field_number(o, "attached_threads", a->attached_threads);
	json_object_set_new(o, "used", json_tally(a->used));
	json_object_set_new(o, "internal", json_tally(a->internal));
	arena_free(o, a);
	field_number(o, "trimmable", a->trimmable);
	field_number(o, "largest_free", a->largest_free);
	field_share(o, "fragmentation", a->fragmentation);
	if (a->top) {
		field_address(o, "top", a->top);
		field_number(o, "top_size", a->top_size);
	}
	for (size_t k = 0; k < a->nheaps; k++)
		json_array_append_new(heaps, region(&a->heap[k]));
	json_object_set_new(o, "heaps", heaps);
	return o;
}

json_t *json_tcache(const struct report *r, size_t i)
{
	const struct report_tcache *t = &r->tcaches.v[i];
	json_t *o = json_object();

	field_address(o, "address", t->addr);
	field_number(o, "tid", t->tid);
	field_number(o, "blocks", t->blocks);
	field_number(o, "bytes", t->bytes);
	return o;
}

static json_t *frame(const struct report_frame *f)
{
	json_t *o = json_object();

	field_address(o, "pc", f->pc);
	field_string(o, "function", f->function);
	field_string(o, "symbol", f->symbol);
	field_number(o, "offset", f->offset);
	field_string(o, "file", f->file);
	field_number(o, "line", f->line);
	field_string(o, "module", f->module);
	field_number(o, "module_offset", f->module_offset);
	return o;
}

json_t *json_frames(const struct report_frame *v, size_t n)
{
	json_t *frames = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(frames, frame(&v[i]));
	return frames;
}

static void thread_stack(json_t *o, const struct report_thread *t)
{
	json_t *stack = json_object();

	if (t->stack_end) {
		field_address(stack, "start", t->stack_start);
		field_address(stack, "end", t->stack_end);
	}
	field_number(stack, "used", t->stack_used);
	field_number(stack, "resident", t->stack_resident);
	json_object_set_new(o, "stack", stack);
}

json_t *json_thread(const struct report *r, size_t i)
{
	const struct report_thread *t = &r->threads.v[i];
	json_t *o = json_object(), *registers = json_object();

	field_number(o, "tid", t->tid);
	field_string(o, "name", t->name);
	field_bool(o, "current", t->current);
	if (t->signal)
		field_number(o, "signal", (uint64_t)t->signal);
	field_address(o, "pc", t->pc);
	field_address(o, "sp", t->sp);
	if (t->tls)
		field_address(o, "tls", t->tls);
	thread_stack(o, t);
	field_number(o, "arena", t->arena);
	field_number(o, "tcache_blocks", t->tcache_blocks);
	field_number(o, "tcache_bytes", t->tcache_bytes);
	json_object_set_new(o, "frames", json_frames(t->frame, t->nframes));
	field_string(o, "stop", t->stop);
	for (size_t k = 0; k < t->nregs; k++)
		field_address(registers, t->reg[k].name, t->reg[k].value);
	if (t->nregs)
		json_object_set(o, "registers", registers);
	json_decref(registers);
	return o;
}

static json_t *parts(const struct report_mapping *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->nparts; i++) {
		json_t *o = json_object();

		field_string(o, "kind", m->part[i].kind);
		field_number(o, "bytes", m->part[i].bytes);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *json_mapping(const struct report *r, size_t i)
{
	const struct report_mapping *m = &r->mappings.v[i];
	json_t *o = json_object();

	field_address(o, "start", m->start);
	field_address(o, "end", m->end);
	field_string(o, "mode", m->mode);
	field_string(o, "kind", m->kind);
	field_string(o, "path", m->path);
	field_number(o, "offset", m->offset);
	field_number(o, "saved", m->saved);
	field_number(o, "resident", m->resident);
	field_number(o, "in_use", m->in_use);
	field_string(o, "holds", m->holds);
	field_string(o, "sharing", m->sharing);
	json_object_set_new(o, "parts", parts(m));
	return o;
}
