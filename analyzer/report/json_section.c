/* Sections of the report, each as one JSON object. */
#include "analyzer/report/json.h"

#include <jansson.h>
#include <stdio.h>

json_t *json_tool(void)
{
	json_t *o = json_object();

	field_string(o, "name", "coreheap");
	field_string(o, "version", COREHEAP_VERSION);
	return o;
}

json_t *json_input(const struct report_input *in)
{
	json_t *o = json_object(), *completeness = json_object(), *warnings = json_array();

	field_string(o, "path", in->path);
	field_number(o, "bytes", in->bytes);
	field_string(o, "compression", in->compression);
	if (strcmp(in->compression, "none"))
		field_number(o, "uncompressed_bytes", in->unpacked);
	field_string(o, "kind", in->kind);
	field_bool(o, "truncated", in->truncated);
	if (in->missing)
		field_number(o, "missing", in->missing);
	field_share(completeness, "heap", in->heap);
	field_share(completeness, "stacks", in->stacks);
	field_share(completeness, "globals", in->globals);
	field_share(completeness, "tls", in->tls);
	field_share(completeness, "coverage", in->coverage);
	json_object_set_new(o, "completeness", completeness);
	for (size_t i = 0; i < in->warnings.n; i++) {
		json_t *w = json_object();

		field_string(w, "code", in->warnings.v[i].code);
		field_string(w, "message", in->warnings.v[i].message);
		json_array_append_new(warnings, w);
	}
	json_object_set_new(o, "warnings", warnings);
	return o;
}

/* Numbers where OpenTelemetry has numbers. */
static void set_attribute(json_t *o, const struct report_attribute *a)
{
	bool number = !strcmp(a->name, "process.pid") || !strcmp(a->name, "process.real_user.id");
	unsigned long long n;
	char rest;

	if (number && sscanf(a->value, "%18llu%c", &n, &rest) == 1)
		field_number(o, a->name, n);
	else
		field_string(o, a->name, a->value);
}

static json_t *allocators(const struct report_process *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->allocators.n; i++) {
		const struct report_allocator *a = &p->allocators.v[i];
		json_t *o = json_object();

		field_string(o, "name", a->name);
		field_string(o, "role", a->role);
		field_string(o, "module", a->module);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *json_process(const struct report_process *p)
{
	json_t *o = json_object(), *libc = json_object();

	field_string(o, "comm", p->comm);
	field_string(o, "exe", p->exe);
	field_number(o, "pid", p->pid);
	if (p->signal)
		field_number(o, "signal", (uint64_t)p->signal);
	field_number(o, "threads", p->threads);
	field_string(o, "arch", p->arch);
	field_string(o, "build_id", p->build_id);
	field_string(libc, "version", p->libc_version);
	field_string(libc, "build_id", p->libc_build_id);
	field_string(libc, "layout_source", p->layout_source);
	field_string(libc, "layout_versions", p->layout_versions);
	if (json_object_size(libc))
		json_object_set(o, "libc", libc);
	json_decref(libc);
	field_string(o, "abort_message", p->abort_message);
	field_string(o, "allocator", p->allocator);
	if (p->allocators.n)
		json_object_set_new(o, "allocators", allocators(p));
	field_string(o, "timestamp", p->timestamp);
	field_string(o, "instance", p->instance);
	for (size_t i = 0; i < p->attributes.n; i++)
		set_attribute(o, &p->attributes.v[i]);
	return o;
}

static json_t *shared(struct tally t, uint64_t heads)
{
	json_t *o = json_tally(t);

	field_number(o, "heads", heads);
	return o;
}

json_t *json_leaks(const struct report *r)
{
	const struct report_leaks *l = &r->leaks;
	json_t *o = json_object();

	json_object_set_new(o, "definite", json_tally(l->definite));
	json_object_set_new(o, "indirect", json_tally(l->indirect));
	json_object_set_new(o, "possible", json_tally(l->possible));
	json_object_set_new(o, "reachable", json_tally(l->reachable));
	if (l->shared.blocks != ABSENT)
		json_object_set_new(o, "shared", shared(l->shared, l->sharers));
	if (l->structural.blocks != ABSENT)
		json_object_set_new(o, "structural", json_tally(l->structural));
	field_number(o, "weak_words", l->weak_words);
	field_bool(o, "withheld", l->withheld);
	if (l->withheld)
		json_object_set_new(o, "suspended", json_tally(l->suspended));
	if (r->suppressed.asked)
		json_object_set_new(o, "suppressed", json_tally(report_suppressed_sum(r)));
	return o;
}

json_t *json_site(const struct report_site *s)
{
	json_t *o = json_object();

	field_string(o, "function", s->function);
	field_string(o, "file", s->file);
	field_number(o, "line", s->line);
	field_string(o, "module", s->module);
	field_number(o, "offset", s->offset);
	return o;
}

/* Who may have run over its end. */
static json_t *neighbour(const struct block *b)
{
	static const char *const states[] = { "used", "free", "internal" };
	json_t *o = json_object();

	field_address(o, "address", b->addr);
	field_number(o, "size", b->size);
	field_string(o, "state", states[b->state]);
	return o;
}

static json_t *candidates(const struct report_finding *f)
{
	json_t *list = json_array(), *one;

	for (unsigned i = 0; i < f->ncandidates; i++) {
		one = json_string(f->site_candidate[i]);
		if (one) /* names of source files are any bytes */
			json_array_append_new(list, one);
	}
	return list;
}

static json_t *traits(const struct report_finding *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->ntraits; i++) {
		const struct report_trait *t = &f->trait[i];
		json_t *o = json_object();

		field_number(o, "offset", t->offset);
		field_string(o, "kind", t->kind);
		field_string(o, "text", t->text);
		if (t->at)
			field_address(o, "address", t->at);
		json_array_append_new(list, o);
	}
	return list;
}

void json_owner(json_t *o, const struct report_owner *owner)
{
	field_string(o, "owner_type", owner->type);
	if (!owner->site_method)
		return;
	json_object_set_new(o, "owner_site", json_site(&owner->site));
	field_string(o, "owner_site_method", owner->site_method);
	field_share(o, "owner_site_confidence", owner->site_confidence);
}

json_t *json_finding(const struct report *r, size_t i)
{
	return json_finding_of(&r->findings.v[i]);
}

json_t *json_finding_of(const struct report_finding *f)
{
	json_t *o = json_object();

	field_string(o, "kind", f->kind);
	field_string(o, "fingerprint", f->fingerprint);
	field_string(o, "signature", f->signature);
	field_string(o, "reach", f->reach);
	field_string(o, "interior", f->interior);
	field_number(o, "blocks", f->blocks);
	field_number(o, "bytes", f->bytes);
	field_number(o, "retained_bytes", f->retained_bytes);
	if (f->held.blocks != ABSENT)
		json_object_set_new(o, "held", json_tally(f->held));
	if (f->shared.blocks != ABSENT)
		json_object_set_new(o, "shared", shared(f->shared, f->sharers));
	field_number(o, "size", f->size);
	field_string(o, "type", f->type);
	field_share(o, "type_confidence", f->type_confidence);
	if (f->site.function || f->site.module)
		json_object_set_new(o, "site", json_site(&f->site));
	field_share(o, "site_confidence", f->site_confidence);
	field_string(o, "site_method", f->site_method);
	if (f->nframes)
		json_object_set_new(o, "stack", json_frames(f->frame, f->nframes));
	if (f->estimated.blocks != ABSENT)
		json_object_set_new(o, "estimated", json_tally(f->estimated));
	if (f->ncandidates)
		json_object_set_new(o, "site_candidates", candidates(f));
	field_string(o, "owner", f->owner);
	if (f->owned) {
		field_share(o, "owner_share", f->owned->share);
		json_owner(o, f->owned);
	}
	if (f->ntraits)
		json_object_set_new(o, "traits", traits(f));
	if (f->example)
		field_address(o, "example", f->example);
	if (f->at)
		field_address(o, "at", f->at);
	if (f->front.addr)
		json_object_set_new(o, "neighbour", neighbour(&f->front));
	field_string(o, "code", f->code);
	field_string(o, "message", f->message);
	field_number(o, "count", f->count);
	return o;
}

json_t *json_size(const struct report *r, size_t i)
{
	const struct report_size *s = &r->sizes.v[i];
	json_t *o = json_object();

	field_number(o, "size", s->size);
	json_object_set_new(o, "definite", json_tally(s->definite));
	json_object_set_new(o, "indirect", json_tally(s->indirect));
	json_object_set_new(o, "possible", json_tally(s->possible));
	json_object_set_new(o, "reachable", json_tally(s->reachable));
	return o;
}
