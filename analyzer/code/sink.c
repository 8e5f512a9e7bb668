/*
 * What a function's flow comes across, sorted into what a block is filled with, where it goes, and
 * what the function does to its arguments.
 */
#include "analyzer/code/build.h"

#include <stdlib.h>

static struct builder_sink *self(struct flow_sink *sink)
{
	return (struct builder_sink *)sink;
}

/* ---- stores ---- */

struct site_store builder_store_of(int64_t offset, unsigned width, const struct value *v)
{
	struct site_store s = { .offset = (uint32_t)offset, .width = (uint8_t)width };

	switch (v->kind) {
	case VALUE_CONST:
		s.kind = STORE_CONST;
		s.value = (uint64_t)v->add;
		if (width < 8)
			s.value &= (UINT64_C(1) << 8 * width) - 1;
		break;
	case VALUE_ADDR:
		s.kind = width == 8 ? STORE_ADDR : STORE_OTHER;
		s.value = (uint64_t)v->add;
		break;
	case VALUE_LOADED:
		s.kind = width == 8 ? STORE_LOADED : STORE_OTHER;
		s.value = (uint64_t)v->scale;
		s.add = v->add;
		break;
	case VALUE_BLOCK:
		s.kind = width == 8 ? STORE_BLOCK : STORE_OTHER;
		s.value = v->id;
		s.add = v->add;
		break;
	default:
		s.kind = STORE_OTHER;
		s.moved = (v->flags & VALUE_WIDE) != 0;
	}
	return s;
}

void builder_tag(struct builder *b, const struct value *block, uint32_t site, struct site_tag tag)
{
	struct pending_tag p = { site, b->reader, b->round, tag };

	if (block->kind == VALUE_INSIDE || block->add) {
		b->sites.v[site].flags |= SITE_INNER;
		p.tag.inner = 1;
	}
	if (b->tags.n < b->limits->stores)
		array_push(&b->tags, p);
}

/* Where something is stored, if that may be told. */
static bool place_of(const struct value *to, struct site_tag *out)
{
	*out = (struct site_tag){ .parent = SITE_NONE };
	if (to->kind == VALUE_ADDR) {
		out->global = (uint64_t)to->add;
		return true;
	}
	if (to->add < 0 || to->add >= OFFSET_MOST)
		return false;
	out->offset = (uint32_t)to->add;
	if (value_block(to))
		out->parent = to->id;
	if (to->kind == VALUE_INSIDE || to->flags & VALUE_INDEX)
		out->offset = TAG_ANYWHERE;
	return value_block(to) ||
	       ((to->kind == VALUE_ARG || to->kind == VALUE_SYMBOL) && to->scale == 1);
}

static unsigned sites_of_value(const struct value *v)
{
	return v->scale ? 2 : 1;
}

static void store_to(struct builder *b, const struct value *block, const struct site_store *store)
{
	for (unsigned i = 0; i < sites_of_value(block); i++)
		builder_store(b, value_site(block, i), store);
}

static void set_flag(struct builder *b, const struct value *block, uint8_t flag)
{
	for (unsigned i = 0; i < sites_of_value(block); i++)
		b->sites.v[value_site(block, i)].flags |= flag;
}

static uint32_t code_at(const struct builder_sink *k)
{
	return k->sink.at <= UINT32_MAX ? (uint32_t)k->sink.at : 0;
}

/* An address, of a block or what an argument is, is stored somewhere. */
static void on_address(struct builder_sink *k, const struct value *to, const struct value *v)
{
	struct site_tag tag;

	if (!place_of(to, &tag))
		return;
	tag.at = code_at(k);
	for (unsigned i = 0; value_block(v) && i < sites_of_value(v); i++)
		builder_tag(k->b, v, value_site(v, i), tag);
	if (value_block(v))
		return;
	if (to->kind != VALUE_ARG) /* else the store is a step itself */
		builder_keep_step(
			k->summary,
			&(struct step){ .kind = STEP_KEEP, .arg = (uint8_t)v->id, .tag = tag });
}

static void on_store(struct flow_sink *sink, const struct value *to, unsigned width,
                     const struct value *v)
{
	struct builder_sink *k = self(sink);
	bool whole = value_plain_arg(v) && !v->add;
	struct site_store store;

	if (width == 8 && (value_block(v) || whole))
		on_address(k, to, v);
	if (to->kind == VALUE_INSIDE && width > 1 && (v->kind != VALUE_CONST || v->add))
		k->summary->fills = true;
	if (to->kind == VALUE_INSIDE && width == 1)
		set_flag(k->b, to, SITE_BYTES);
	if (to->add < -OFFSET_MOST || to->add >= OFFSET_MOST)
		return;
	store = builder_store_of(to->add, width, v);
	if (to->kind == VALUE_BLOCK && to->add >= 0) {
		store.late = (to->flags & VALUE_LATE) != 0;
		store_to(k->b, to, &store);
	} else if (value_plain_arg(to)) {
		builder_keep_step(k->summary,
		                  &(struct step){ .kind = STEP_STORE,
		                                  .arg = (uint8_t)to->id,
		                                  .from = whole ? (uint8_t)(v->id + 1) : 0,
		                                  .at = code_at(k),
		                                  .store = store });
	}
}

/* ---- calls ---- */

/* memset, memcpy and their kin: what they write, and that they return their first argument. */
static bool memory_call(struct builder_sink *k, const struct flow_call *call)
{
	static const char *const names[] = { "memset", "memcpy",        "memmove",
		                             "strcpy", "__strcpy_chk",  "strncpy",
		                             "strcat", "__memcpy_chk",  "__memset_chk",
		                             "stpcpy", "__memmove_chk", "__strncpy_chk" };
	const struct value *to = &call->arg[0], *n = &call->arg[2];
	struct site_store store = { .kind = STORE_OTHER, .width = 1 };
	bool set;
	size_t i = 0;

	while (i < sizeof(names) / sizeof(*names) && strcmp(call->name, names[i]) != 0)
		i++;
	if (i == sizeof(names) / sizeof(*names))
		return false;
	set = strstr(call->name, "memset") != NULL;
	if (!call->final || to->add < 0 || to->add >= OFFSET_MOST)
		return true;
	if (value_block(to) && !set &&
	    (n->kind != VALUE_CONST || strstr(call->name, "str") || strstr(call->name, "stp")))
		set_flag(k->b, to, SITE_BYTES);
	store.offset = (uint32_t)to->add;
	if (set && call->arg[1].kind == VALUE_CONST && !(call->arg[1].add & 255)) {
		store.kind = STORE_ZERO;
		store.width = 0;
		store.value = n->kind == VALUE_CONST ? (uint64_t)n->add : UINT32_MAX;
	} else if (n->kind == VALUE_CONST && n->add > 0 && n->add < 256) {
		store.width = (uint8_t)n->add;
		store.moved = !set && n->add > 8;
	}
	if (to->kind == VALUE_BLOCK) {
		store.late = (to->flags & VALUE_LATE) != 0;
		store_to(k->b, to, &store);
	} else if (value_plain_arg(to)) {
		builder_keep_step(k->summary, &(struct step){ .kind = STEP_STORE,
		                                              .arg = (uint8_t)to->id,
		                                              .store = store });
	}
	return true;
}

/* Does it stand for its function's callers? So it does where no frame of that is left (a jump). */
static void note_site(struct summary *s, uint32_t site, bool tail)
{
	if (s->nsites < LIFTED_MOST && (s->library || s->named || tail))
		s->site[s->nsites++] = site;
}

static void keep_wrapper(struct summary *s, const struct site_allocator *wrapper, uint32_t site)
{
	if (s->wrapper.size != ALLOCATOR_NONE || wrapper->size == ALLOCATOR_NONE)
		return;
	s->wrapper = *wrapper;
	s->asked = site;
}

static struct value allocate(struct builder_sink *k, struct flow *flow,
                             const struct flow_call *call, const struct site_allocator *is)
{
	uint32_t site = builder_site(k->b, call->next, 0, k->function);
	struct value block = { .kind = VALUE_BLOCK, .id = site, .add = is->shift };
	struct site_allocator wrapper;

	if (site == SITE_NONE)
		return (struct value){ 0 };
	if (call->final) {
		note_site(k->summary, site, call->tail);
		builder_size(&k->b->sites.v[site], is, call);
		builder_wrapper(is, call, &wrapper);
		k->b->sites.v[site].asks = wrapper.size != ALLOCATOR_NONE
		                                   ? (uint8_t)(wrapper.arg + 1)
		                                   : 0;
		keep_wrapper(k->summary, &wrapper, site);
		if (k->b->sites.v[site].size == SITE_TEXT && is->size == ALLOCATOR_BYTES) {
			wrapper = *is;
			wrapper.size = ALLOCATOR_TEXT;
			keep_wrapper(k->summary, &wrapper, site);
		}
	}
	if (is->out == ALLOCATOR_RESULT)
		return block;
	if (is->out < FLOW_ARGS)
		flow_put(flow, &call->arg[is->out], &block);
	return (struct value){ 0 };
}

/*
 * open_memstream's buffer gets its last size when the stream is closed: glibc's fclose reallocates
 * it (libio/memstream.c, _IO_mem_finish). The FILE itself is of no interest.
 */
static struct value open_stream(struct builder_sink *k, const struct flow_call *call)
{
	uint32_t site = builder_site(k->b, call->next, 1, k->function);

	if (site == SITE_NONE || k->nstreams == STREAMS_MOST)
		return (struct value){ 0 };
	k->b->sites.v[site].flags |= SITE_WRAPPER;
	k->stream[k->nstreams].file = site;
	k->stream[k->nstreams++].where = call->arg[0];
	return (struct value){ .kind = VALUE_BLOCK, .id = site };
}

static bool close_stream(struct builder_sink *k, struct flow *flow, const struct flow_call *call)
{
	const struct value *file = &call->arg[0];

	for (unsigned i = 0; i < k->nstreams; i++) {
		struct value block = { .kind = VALUE_BLOCK };

		if (file->kind != VALUE_BLOCK || file->id != k->stream[i].file)
			continue;
		block.id = builder_site(k->b, call->next, 0, k->function);
		if (block.id == SITE_NONE)
			return false;
		k->b->sites.v[block.id].size = SITE_TEXT;
		if (call->final)
			note_site(k->summary, block.id, call->tail);
		flow_put(flow, &k->stream[i].where, &block);
		return true;
	}
	return false;
}

/* A call that stands for what is asked for in there. */
static struct value lift(struct builder_sink *k, const struct flow_call *call,
                         const struct summary *callee)
{
	struct value v = { 0 };

	for (unsigned i = 0; i < callee->nsites; i++) {
		uint32_t inner = callee->site[i];
		uint32_t site = builder_site(k->b, call->next, i + 1, k->function);
		struct lifted l = { site, inner, k->b->reader, k->b->round, 0, false };

		if (site == SITE_NONE)
			break;
		if (call->final) {
			array_push(&k->b->lifted, l);
			note_site(k->summary, site, call->tail);
		}
		if (callee->returned == inner)
			v = (struct value){ .kind = VALUE_BLOCK,
				            .id = site,
				            .add = callee->returned_add };
	}
	return v;
}

/* In this module: a library calls its own exported functions by name, too. */
static const struct function *callee_of(const struct builder *b, const struct flow_call *call)
{
	uint64_t at = call->target;
	const struct function *f;

	if (!at && call->name)
		at = function_named(b->functions, call->name);
	f = at ? function_at(b->functions, at) : NULL;
	return f && f->start == at ? f : NULL;
}

/* A wrapper that fills what it hands out: the site's block has that, too. */
static void fill_like(struct builder_sink *k, const struct flow_call *call, uint32_t site)
{
	const struct function *f = callee_of(k->b, call);
	const struct summary *s = f ? k->b->summary[f - k->b->functions->v] : NULL;
	struct lifted l = { site, 0, k->b->reader, k->b->round, 0, true };

	if (!s || s->state != SUMMARY_DONE || !s->named || s->wrapper.size == ALLOCATOR_NONE)
		return;
	l.inner = s->asked;
	array_push(&k->b->lifted, l);
}

static bool gets_block(const struct flow_call *call)
{
	for (unsigned i = 0; i < FLOW_ARGS; i++)
		if (value_block(&call->arg[i]))
			return true;
	return false;
}

static struct value on_call(struct flow_sink *sink, struct flow *flow, const struct flow_call *call)
{
	struct builder_sink *k = self(sink);
	const struct summary *callee = NULL;
	struct value none = { 0 }, v;
	struct site_allocator is;
	const struct function *f;

	if (call->name && !strcmp(call->name, "fclose") && close_stream(k, flow, call))
		return none;
	if (builder_allocator(k->b, call, &is)) {
		v = allocate(k, flow, call, &is);
		if (call->final && v.kind == VALUE_BLOCK)
			fill_like(k, call, v.id);
		return call->name && !strcmp(call->name, "open_memstream") ? open_stream(k, call)
		                                                           : v;
	}
	if (call->name && (!strcmp(call->name, "strlen") || !strcmp(call->name, "__strlen_chk"))) {
		v = value_symbol((uint32_t)(call->at - k->function) << 5);
		v.flags = VALUE_TEXT;
		return v;
	}
	if (call->name && !call->target && memory_call(k, call))
		return call->arg[0];
	f = callee_of(k->b, call);
	if (!f)
		return none;
	callee = k->b->summary[f - k->b->functions->v];
	if (gets_block(call)) /* it may return it */
		callee = builder_summary(k->b, (size_t)(f - k->b->functions->v));
	if (call->final)
		builder_pass(k->b, k->summary, call, f->start);
	if (!callee || callee->state != SUMMARY_DONE)
		return none;
	for (unsigned i = 0; call->final && callee->returned != SITE_NONE && i < 2; i++) {
		uint32_t site = i ? (uint32_t)callee->returned_scale - 1 : callee->returned;

		if ((!i || callee->returned_scale) && k->b->sites.v[site].function == f->start)
			builder_asked(k->b, site, call);
	}
	if (callee->nsites && call->target) {
		v = lift(k, call, callee);
		if (v.kind != VALUE_NONE || callee->library)
			return v;
	}
	if (callee->same)
		return call->arg[callee->same - 1];
	if (callee->returned == SITE_NONE && callee->returned_inside != SITE_NONE)
		return (struct value){ .kind = VALUE_INSIDE,
			               .flags = VALUE_LATE,
			               .id = callee->returned_inside,
			               .scale = callee->inside_scale };
	if (callee->returned == SITE_NONE)
		return none;
	return (struct value){ .kind = VALUE_BLOCK,
		               .flags = VALUE_LATE,
		               .id = callee->returned,
		               .scale = callee->returned_scale,
		               .add = callee->returned_add };
}

/* One more of those that a function returns: the sites of both. */
static void add_result(const struct value *v, uint32_t *site, int64_t *scale)
{
	struct value known = { .kind = v->kind, .id = *site, .scale = *scale };
	struct value both = *site == SITE_NONE ? *v : value_either(known, *v);

	*site = both.id;
	*scale = both.scale;
}

static void on_result(struct flow_sink *sink, const struct value *v)
{
	struct summary *s = self(sink)->summary;

	if (v->kind == VALUE_BLOCK) {
		if (s->returned == SITE_NONE || v->id < s->returned)
			s->returned_add = (int32_t)v->add;
		add_result(v, &s->returned, &s->returned_scale);
		set_flag(self(sink)->b, v, SITE_RETURNED);
	} else if (v->kind == VALUE_INSIDE) {
		add_result(v, &s->returned_inside, &s->inside_scale);
		set_flag(self(sink)->b, v, SITE_INNER);
	} else if (value_plain_arg(v) && !v->add) {
		s->same = (uint8_t)(v->id + 1);
	}
}

struct flow_sink *builder_sink(struct builder *b, struct summary *summary, uint64_t function,
                               struct builder_sink *mem)
{
	*mem = (struct builder_sink){ .sink = { 0, on_call, on_store, on_result },
		                      .b = b,
		                      .summary = summary,
		                      .function = function };
	return &mem->sink;
}
