/* explain: as JSON: the report's object with one key more, `explain`. */
#include "analyzer/explain/explain.h"
#include "analyzer/report/json.h"
#include "analyzer/type/peers.h"
#include "analyzer/report/text.h"

#include <jansson.h>
#include <stdio.h>

static json_t *block_json(const struct block *b, enum reach_class reach, const struct type *type)
{
	static const char *const states[] = { "used", "free", "internal" };
	static const char *const kinds[] = { "brk", "arena", "mmap" };
	json_t *o = json_object();

	field_address(o, "address", b->addr);
	field_number(o, "size", b->size);
	field_string(o, "state", states[b->state]);
	if (reach != REACH_NONE)
		field_string(o, "reach", reach_name(reach));
	field_string(o, "kind", kinds[b->span->kind]);
	if (b->span->kind != SPAN_MMAP)
		field_number(o, "arena", b->span->arena);
	if (type) {
		field_string(o, "type", type->name);
		field_string(o, "type_method", type->method);
		field_share(o, "type_confidence", type->confidence);
	}
	return o;
}

static json_t *pointer_json(const struct explain_pointer *p)
{
	json_t *o = json_object();

	field_string(o, "kind", p->kind);
	field_string(o, "where", p->where);
	field_string(o, "register", p->reg);
	if (!p->reg)
		field_address(o, "at", p->at);
	field_number(o, "tid", p->tid);
	if (p->in_block) {
		json_object_set_new(o, "block", block_json(&p->block, p->reach, p->type));
		field_number(o, "offset", p->at - p->block.addr);
	}
	field_address(o, "value", p->value);
	field_address(o, "to", p->to);
	field_bool(o, "interior", p->interior);
	field_string(o, "member", p->member);
	if (p->how)
		field_bool(o, "structural", *p->how);
	if (p->how && *p->how)
		field_string(o, "structure", p->how);
	return o;
}

static json_t *path_json(const struct explanation *e)
{
	json_t *o = json_object(), *steps = json_array();

	field_string(o, "from", e->path_from);
	field_number(o, "length", e->length);
	if (e->length > e->nsteps)
		field_number(o, "omitted_after", e->first);
	for (size_t i = 0; i < e->nsteps; i++)
		json_array_append_new(steps, pointer_json(&e->step[i]));
	json_object_set_new(o, "steps", steps);
	return o;
}

static json_t *fields_json(const struct fields *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++) {
		const struct field *v = &f->v[i];
		json_t *o = json_object();

		field_number(o, "offset", v->offset);
		field_string(o, "name", v->name);
		field_string(o, "type", v->type);
		if (v->bits)
			field_number(o, "bits", v->bits);
		if (v->pointer && v->saved)
			field_address(o, "value", v->value);
		if (v->pointer)
			field_string(o, "to", v->to);
		field_string(o, "content", v->content);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *referrers_json(const struct explanation *e)
{
	static const char *const names[REFERRER_KINDS] = { "roots", "blocks", "self", "stale" };
	json_t *o = json_object(), *counts = json_object();

	for (int k = 0; k < REFERRER_KINDS; k++) {
		json_t *list = json_array();

		field_number(counts, names[k], e->count[k]);
		for (size_t i = 0; i < e->nreferrers[k]; i++)
			json_array_append_new(list, pointer_json(&e->referrer[k][i]));
		json_object_set_new(o, names[k], list);
	}
	json_object_set_new(o, "counts", counts);
	return o;
}

static json_t *symbol_json(const struct symbol *s)
{
	json_t *o = json_object();

	field_string(o, "name", s->name);
	if (s->name && s->raw != s->name)
		field_string(o, "raw", s->raw);
	if (s->name)
		field_number(o, "offset", s->offset);
	field_string(o, "file", s->file);
	if (s->file && s->line > 0)
		field_number(o, "line", (uint64_t)s->line);
	field_string(o, "module", s->module ? s->module->path : NULL);
	if (s->module)
		field_number(o, "module_offset", s->module_offset);
	return o;
}

static json_t *mapping_json(const struct explanation *e)
{
	json_t *o = json_object();

	field_address(o, "start", e->place.segment->start);
	field_address(o, "end", e->place.segment->end);
	field_string(o, "kind", ledger_kind_name(e->place.part->kind));
	field_string(o, "holds", e->mapping);
	return o;
}

/* Hexadecimal digits, two a byte, "??" where a byte is not in the core. */
static void content_json(struct places *places, const struct explanation *e, uint64_t show,
                         json_t *o)
{
	vaddr start;
	uint64_t n = explain_content(e, show, &start);
	struct pool pool = { 0 };
	char *text = pool_alloc(&pool, n * 2 + 1);
	json_t *content = json_object();

	for (uint64_t i = 0; i < n; i++) {
		uint8_t byte;

		if (explain_byte(places, start + i, &byte))
			snprintf(text + i * 2, 3, "%02x", byte);
		else
			memcpy(text + i * 2, "??", 3);
	}
	field_address(content, "start", start);
	field_string(content, "hex", text);
	json_object_set_new(o, "content", content);
	pool_free(&pool);
}

static json_t *peers_json(const struct peers *p)
{
	json_t *o = json_tally(p->all), *examples = json_array();
	char text[TEXT_NUMBER];

	field_string(o, "by", p->label ? "type" : "shape");
	field_number(o, "leaked", p->leaked);
	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(examples, json_string(text_addr(text, p->example[i])));
	json_object_set_new(o, "examples", examples);
	return o;
}

static void site_json(json_t *o, const struct explain_site *s)
{
	json_t *names = json_array(), *reasons = json_array();

	for (size_t i = 0; i < s->nnames; i++) {
		json_t *name = json_object();

		field_string(name, "site", s->name[i]);
		field_share(name, "confidence", s->share[i]);
		json_array_append_new(names, name);
	}
	for (size_t i = 0; i < s->nreasons; i++) {
		json_t *reason = json_object();

		json_object_set_new(reason, "ratio", json_real(s->reason[i].ratio));
		field_string(reason, "text", s->reason[i].text);
		json_array_append_new(reasons, reason);
	}
	if (s->likely) {
		json_object_set_new(o, "site", json_site(&s->site));
		field_share(o, "site_confidence", s->confidence);
		field_string(o, "site_method", s->method);
	}
	json_object_set_new(o, "site_candidates", names);
	json_object_set_new(o, "site_evidence", reasons);
}

static json_t *python_json(const struct pymalloc_block *b)
{
	static const char *const states[] = {
		[PYMALLOC_HEADER] = "header",
		[PYMALLOC_USED] = "used",
		[PYMALLOC_FREE] = "free",
	};
	json_t *o = json_object();

	field_address(o, "address", b->start);
	field_number(o, "size", b->size);
	field_string(o, "state", states[b->state]);
	if (b->object)
		field_address(o, "object", b->object);
	field_string(o, "class", b->class);
	return o;
}

static void owner_json(json_t *o, const struct owner *owner)
{
	field_string(o, "owner", owner->text);
	field_address(o, "owner_address", owner->example);
	json_owner(o, &owner->who);
}

static json_t *one(struct places *places, const struct explanation *e, uint64_t show)
{
	const struct place *p = &e->place;
	json_t *o = json_object();

	field_address(o, "address", e->at);
	field_string(o, "kind", place_kind_name(p->kind));
	field_string(o, "where", e->where);
	field_bool(o, "saved", p->saved);
	if (p->kind == PLACE_BLOCK || p->kind == PLACE_HEADER)
		json_object_set_new(o, "block", block_json(&p->block, e->reach, e->type));
	if (p->kind == PLACE_BLOCK)
		field_number(o, "offset", e->at - p->block.addr);
	field_string(o, "shape", e->shape);
	if (e->site)
		site_json(o, e->site);
	if (e->owner)
		owner_json(o, e->owner);
	if (e->peers)
		json_object_set_new(o, "peers", peers_json(e->peers));
	if (e->origin) {
		json_object_set_new(o, "site", json_site(&e->origin->site));
		field_string(o, "site_method", e->origin->method);
		json_object_set_new(o, "stack", json_frames(e->origin->frame, e->origin->n));
	}
	field_string(o, "list", e->list);
	if (p->thread >= 0)
		field_number(o, "tid", (uint64_t)places->a->core->thread[p->thread].tid);
	field_string(o, "function", p->function);
	if (p->kind == PLACE_MODULE || (p->kind == PLACE_TLS && p->symbol.name))
		json_object_set_new(o, "symbol", symbol_json(&p->symbol));
	field_string(o, "variable", p->variable);
	if (p->segment)
		json_object_set_new(o, "mapping", mapping_json(e));
	if (p->python.size)
		json_object_set_new(o, "python", python_json(&p->python));
	if (e->reach == REACH_POSSIBLE)
		field_bool(o, "structural", e->structural);
	field_string(o, "why", e->why);
	if (e->retained.blocks)
		json_object_set_new(o, "retained", json_tally(e->retained));
	field_string(o, "member", e->member);
	if (e->fields.n)
		json_object_set_new(o, "fields", fields_json(&e->fields));
	if (e->fields.elements)
		field_number(o, "elements", e->fields.elements);
	if (e->nsteps)
		json_object_set_new(o, "path", path_json(e));
	if (p->segment)
		json_object_set_new(o, "referrers", referrers_json(e));
	if (show && p->segment)
		content_json(places, e, show, o);
	return o;
}

void explain_json(struct places *places, const struct report *report, const struct explanation *v,
                  size_t n, uint64_t show, struct out *out)
{
	static const char end[] = "\n}\n";
	struct out text;
	size_t whole;

	out_memory(&text);
	json_report(report, &text);
	whole = strlen(out_text(&text)) - (sizeof(end) - 1);
	out_bytes(out, out_text(&text), whole);
	out_discard(&text);
	out_str(out, ",\n  \"explain\": [");
	for (size_t i = 0; i < n && !out_failed(out); i++) {
		out_str(out, i ? ",\n    " : "\n    ");
		json_put(out, one(places, &v[i], show));
	}
	out_str(out, "\n  ]\n}\n");
}
