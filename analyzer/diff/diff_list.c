/*
 * Blocks of the newest snapshot by what became of them, in address order: all of a core's, the
 * sampled ones of a saved profile. Each is written as it is met.
 */
#include "analyzer/diff/diff.h"
#include "analyzer/report/json.h"
#include "analyzer/command/options.h"

struct listed {
	vaddr addr;
	uint64_t size;
	const char *reach, *type; /* type NULL: unknown */
	enum fate fate;
};

struct listing {
	const struct diff *d;
	const struct options *opt;
	const struct survival *last;
	struct out *out;
	uint64_t rows;
};

static const char *const fate_names[FATES] = {
	[FATE_SURVIVED] = "survived", [FATE_REPLACED] = "replaced",   [FATE_BORN] = "born",
	[FATE_COHORT] = "cohort",     [FATE_UNCERTAIN] = "uncertain",
};

static enum fate fate_of(const struct survival *s, uint32_t i)
{
	if (bit_get(s->taken, i))
		return FATE_REPLACED;
	if (bit_get(s->fresh, i))
		return FATE_BORN;
	if (bit_get(s->unsure, i))
		return FATE_UNCERTAIN;
	return bit_get(s->cohort_bits, i) ? FATE_COHORT : FATE_SURVIVED;
}

/* The cohort is among what survived. */
static bool is_wanted(const struct options *opt, const struct listed *row)
{
	unsigned fates = opt->fates;

	if (fates >> FATE_SURVIVED & 1)
		fates |= 1u << FATE_COHORT;
	if (!(fates >> row->fate & 1) || (opt->has_size && row->size != opt->size))
		return false;
	for (unsigned r = REACH_REACHABLE; opt->reaches && r < REACH_CLASSES; r++) {
		if (!strcmp(reach_name((enum reach_class)r), row->reach))
			return opt->reaches >> r & 1;
	}
	return true;
}

static void put_csv(const struct listed *row, struct out *out)
{
	out_addr(out, row->addr);
	out_printf(out, ",%llu,%s,", (unsigned long long)row->size, row->reach);
	if (row->type)
		out_csv(out, row->type);
	out_printf(out, ",%s\n", fate_names[row->fate]);
}

static void put_object(const struct listed *row, struct out *out)
{
	out_str(out, "{\"address\": \"");
	out_addr(out, row->addr);
	out_printf(out, "\", \"size\": %llu, \"reach\": \"%s\"", (unsigned long long)row->size,
	           row->reach);
	if (row->type) {
		out_str(out, ", \"type\": ");
		json_text(out, row->type);
	}
	out_printf(out, ", \"fate\": \"%s\"}\n", fate_names[row->fate]);
}

static void put_text(const struct listed *row, struct out *out)
{
	out_addr(out, row->addr);
	out_printf(out, "  %10llu  %-9s  %-8s  ", (unsigned long long)row->size, row->reach,
	           fate_names[row->fate]);
	out_untrusted(out, row->type ? row->type : "-");
	out_char(out, '\n');
}

/* False: that was the last one. */
static bool put(struct listing *l, const struct listed *row)
{
	if (!is_wanted(l->opt, row))
		return true;
	if (l->opt->format == FORMAT_CSV)
		put_csv(row, l->out);
	else if (l->opt->format == FORMAT_JSONL)
		put_object(row, l->out);
	else
		put_text(row, l->out);
	l->rows++;
	return !out_failed(l->out) && !(l->opt->limit && l->rows == l->opt->limit);
}

static void list_sample(struct listing *l, const struct profile *p)
{
	for (size_t i = 0; i < p->blocks.n; i++) {
		const struct profile_block *b = &p->blocks.v[i];
		const struct report_finding *g = b->group == PROFILE_NO_GROUP
		                                         ? NULL
		                                         : &p->groups.v[b->group];
		struct listed row = { .addr = b->addr,
			              .size = b->size,
			              .reach = g ? g->reach : "",
			              .type = g ? g->type : NULL,
			              .fate = fate_of(l->last, (uint32_t)i) };

		if (!put(l, &row))
			return;
	}
}

static void list_core(struct listing *l, struct analysis *a)
{
	const struct heap *heap = analysis_heap(a);
	const struct reach *reach = analysis_reach(a);
	const struct types *types = analysis_types(a);
	struct heap_iter it = { 0 };
	struct block b;

	while (heap_next_set(heap, heap->used, &it, &b)) {
		const struct type *type = types_of(types, b.id);
		struct listed row = { .addr = b.addr,
			              .size = b.size,
			              .reach = reach_name(reach_of(reach, b.id)),
			              .type = type ? type->name : NULL,
			              .fate = fate_of(l->last, b.id) };

		if (!put(l, &row))
			return;
	}
}

void diff_list(const struct diff *d, const struct options *opt, struct out *out)
{
	struct snapshot *newest = &d->snapshot[d->n - 1];
	struct listing l = { .d = d, .opt = opt, .last = &d->survival[d->n - 2], .out = out };

	if (opt->format == FORMAT_CSV)
		out_str(out, "address,size,reach,type,fate\n");
	if (l.last->by_id)
		list_core(&l, &newest->a);
	else
		list_sample(&l, newest->report.profile);
}
