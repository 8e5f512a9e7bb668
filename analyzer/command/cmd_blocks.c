/*
 * Every block, in address order, written as it is walked: nothing is kept, so the listing of any
 * heap takes the same memory.
 */
#include "analyzer/command/command.h"
#include "analyzer/report/json.h"
#include "analyzer/site/origin.h"
#include "analyzer/leak/select.h"
#include "analyzer/site/owner.h"

static const char *const state_names[] = {
	[BLOCK_USED] = "used",
	[BLOCK_FREE] = "free",
	[BLOCK_INTERNAL] = "internal",
};

static const char *const kind_names[] = {
	[SPAN_BRK] = "brk",
	[SPAN_ARENA] = "arena",
	[SPAN_MMAP] = "mmap",
};

struct listing {
	const struct options *opt;
	const struct reach *reach;
	const struct types *types;
	struct sites *sites;   /* NULL: not asked for */
	struct owners *owners; /* the same */
	struct origins *origins;
	struct out *out;
	uint64_t rows;
};

typedef void put_block(struct listing *l, const struct block *b, enum reach_class reach);

static const struct site_guess *guess_of(const struct listing *l, const struct block *b)
{
	return l->sites && b->state == BLOCK_USED ? sites_of(l->sites, b) : NULL;
}

static const struct origin *known_origin(struct listing *l, const struct block *b)
{
	return b->state == BLOCK_USED ? origin_of(l->origins, b->addr) : NULL;
}

static void put_csv(struct listing *l, const struct block *b, enum reach_class reach)
{
	const struct site_guess *guess = guess_of(l, b);
	const struct type *type = types_of(l->types, b->id);
	const struct origin *origin = known_origin(l, b);
	struct out *out = l->out;

	out_addr(out, b->addr);
	out_char(out, ',');
	out_u64(out, b->size);
	out_char(out, ',');
	out_str(out, state_names[b->state]);
	out_char(out, ',');
	out_str(out, reach_name(reach));
	out_char(out, ',');
	out_str(out, kind_names[b->span->kind]);
	out_char(out, ',');
	out_u64(out, b->span->arena);
	out_char(out, ',');
	if (type)
		out_csv(out, type->name);
	out_char(out, ',');
	if (origin)
		out_csv(out, origin->text);
	else if (guess && guess->likely)
		out_csv(out, site_text(l->sites, &guess->list[0]));
	out_char(out, '\n');
}

static void put_sites(struct listing *l, const struct site_guess *guess)
{
	if (guess->likely) {
		out_str(l->out, ", \"site\": ");
		json_text(l->out, site_text(l->sites, &guess->list[0]));
		out_printf(l->out, ", \"site_method\": \"%s\", \"site_confidence\": %.2f",
		           guess->list[0].method, guess->list[0].confidence);
		return;
	}
	out_str(l->out, ", \"site_candidates\": [");
	for (unsigned i = 0; i < guess->n; i++) {
		out_str(l->out, i ? ", " : "");
		json_text(l->out, site_text(l->sites, &guess->list[i]));
	}
	out_char(l->out, ']');
}

static void put_owner(struct listing *l, const struct block *b)
{
	struct owner owner;

	if (!owners_of(l->owners, b, 1, &owner))
		return;
	out_str(l->out, ", \"owner\": ");
	json_text(l->out, owner.text);
	out_printf(l->out, ", \"owner_address\": \"0x%llx\"", (unsigned long long)owner.example);
}

/* Names of types and sites come from the core and files; nothing else in a row needs escaping. */
static void put_object(struct listing *l, const struct block *b, enum reach_class reach)
{
	const struct site_guess *guess = guess_of(l, b);
	const struct type *type = types_of(l->types, b->id);
	const struct origin *origin = known_origin(l, b);
	struct out *out = l->out;

	out_str(out, "{\"address\": \"");
	out_addr(out, b->addr);
	out_str(out, "\", \"size\": ");
	out_u64(out, b->size);
	out_str(out, ", \"state\": \"");
	out_str(out, state_names[b->state]);
	if (reach != REACH_NONE) {
		out_str(out, "\", \"reach\": \"");
		out_str(out, reach_name(reach));
	}
	out_str(out, "\", \"kind\": \"");
	out_str(out, kind_names[b->span->kind]);
	out_str(out, "\", \"arena\": ");
	out_u64(out, b->span->arena);
	if (type) {
		out_str(out, ", \"type\": ");
		json_text(out, type->name);
		out_str(out, ", \"type_method\": \"");
		out_str(out, type->method);
		out_printf(out, "\", \"type_confidence\": %.2f", type->confidence);
	}
	if (origin) {
		out_str(out, ", \"site\": ");
		json_text(out, origin->text);
		out_printf(out, ", \"site_method\": \"%s\"", origin->method);
	} else if (guess) {
		put_sites(l, guess);
	}
	if (l->owners && b->state == BLOCK_USED && !origin && !(guess && guess->likely))
		put_owner(l, b);
	out_char(out, '}');
}

static void put_jsonl(struct listing *l, const struct block *b, enum reach_class reach)
{
	put_object(l, b, reach);
	out_char(l->out, '\n');
}

static void put_json(struct listing *l, const struct block *b, enum reach_class reach)
{
	out_str(l->out, l->rows ? ",\n    " : "\n    ");
	put_object(l, b, reach);
}

static void put_text(struct listing *l, const struct block *b, enum reach_class reach)
{
	const struct type *type = types_of(l->types, b->id);
	const struct origin *origin = known_origin(l, b);

	out_printf(l->out, "0x%-14llx %14llu  %-8s  %-9s  %-5s %6u", (unsigned long long)b->addr,
	           (unsigned long long)b->size, state_names[b->state], reach_name(reach),
	           kind_names[b->span->kind], b->span->arena);
	if (type) {
		out_str(l->out, "  ");
		out_untrusted(l->out, type->name);
	}
	if (origin) {
		out_str(l->out, "  from ");
		out_untrusted(l->out, origin->text);
	}
	out_char(l->out, '\n');
}

/* By its type and its likely site. */
static bool matches(struct listing *l, const struct block *b)
{
	const struct options *opt = l->opt;
	const struct type *type = types_of(l->types, b->id);
	const struct origin *origin = known_origin(l, b);
	const struct site_guess *guess = guess_of(l, b);

	if (opt->has_type && !select_matches(&opt->type, type ? type->name : NULL))
		return false;
	if (!opt->has_site)
		return true;
	if (origin)
		return select_matches(&opt->site, origin->text) ||
		       select_matches(&opt->site, origin->site.module);
	return guess && guess->likely &&
	       (select_matches(&opt->site, site_text(l->sites, &guess->list[0])) ||
	        select_matches(&opt->site, guess->list[0].module));
}

static bool wanted(const struct options *opt, const struct block *b, enum reach_class reach)
{
	return (!opt->states || opt->states >> b->state & 1) &&
	       (!opt->reaches || opt->reaches >> reach & 1) &&
	       (!opt->has_size || b->size == opt->size) && b->size >= opt->min_bytes;
}

static void list(struct listing *l, const struct analysis *a, put_block *put)
{
	uint64_t limit = l->opt->limit ? l->opt->limit : UINT64_MAX;
	struct heap_iter it = { 0 };
	struct block b;

	while (l->rows < limit && !out_failed(l->out) && heap_next(a->heap, &it, &b)) {
		enum reach_class reach = REACH_NONE;

		if (b.state == BLOCK_USED)
			reach = reach_of(l->reach, b.id);
		if (!wanted(l->opt, &b, reach) || !matches(l, &b))
			continue;
		put(l, &b, reach);
		l->rows++;
	}
}

/* Whose those are that tell no site. */
static void find_owners(struct listing *l, struct analysis *a)
{
	struct heap_iter it = { 0 };
	ARRAY(uint32_t) ids = { 0 };
	struct block b;

	while (heap_next_set(a->heap, a->heap->used, &it, &b)) {
		const struct site_guess *guess = guess_of(l, &b);

		if (!known_origin(l, &b) && !(guess && guess->likely))
			array_push(&ids, b.id);
	}
	l->owners = owners_make(a, l->sites);
	if (ids.n)
		owners_seek(l->owners, ids.v, ids.n);
	array_free(&ids);
}

static void render(struct listing *l, struct analysis *a, const struct report *r)
{
	struct out *out = l->out;

	switch (l->opt->format) {
	case FORMAT_CSV:
		out_str(out, "address,size,state,reach,kind,arena,type,site\n");
		list(l, a, put_csv);
		break;
	case FORMAT_JSONL:
		list(l, a, put_jsonl);
		break;
	case FORMAT_JSON:
		json_begin(r, out);
		out_str(out, ",\n  \"blocks\": [");
		list(l, a, put_json);
		out_str(out, l->rows ? "\n  ]" : "]");
		json_end(r, out);
		break;
	default:
		out_style(out, STYLE_DIM);
		out_printf(out, "%-16s %14s  %-8s  %-9s  %-5s %6s  %s\n", "ADDRESS", "SIZE",
		           "STATE", "REACH", "KIND", "ARENA", "TYPE, SITE");
		out_plain(out);
		list(l, a, put_text);
		break;
	}
}

static int run(const struct options *opt, struct out *out)
{
	struct listing l = { .opt = opt, .out = out };
	struct analysis a;
	struct report r;
	int code;

	if (!command_open(opt, &a))
		return EXIT_INPUT;
	a.marks = true;
	report_start(&r, &a);
	report_add_completeness(&r, &a);
	report_add_leaks(&r, &a);
	command_limits(opt, &r);
	l.reach = analysis_reach(&a);
	l.origins = analysis_origins(&a);
	l.types = analysis_types(&a);
	if ((opt->format != FORMAT_TEXT || opt->has_site) && !origins_all(l.origins))
		sites_make(&a, &l.sites);
	if (l.sites)
		sites_all(l.sites);
	if (l.sites)
		sites_warn(l.sites, &r);
	report_warn_files(&r, &a);
	if (l.sites && sites_whole(&a) &&
	    (opt->format == FORMAT_JSON || opt->format == FORMAT_JSONL))
		find_owners(&l, &a);
	render(&l, &a, &r);
	owners_free(l.owners);
	sites_free(l.sites);
	report_warn_files(&r, &a);
	code = command_end(opt, &r, false);
	report_free(&r);
	analysis_close(&a);
	return code;
}

const struct command cmd_blocks = {
	.name = "blocks",
	.args = "CORE",
	.one_line = "every block of the heap, one a line",
	.help = "In address order. Sizes are usable bytes. CSV columns:\n"
		"address,size,state,reach,kind,arena,type,site\n"
		"  state  used, free (waiting in malloc's lists), internal (malloc's own)\n"
		"  reach  of used blocks: definite, indirect, possible, reachable\n"
		"  kind   brk, arena, mmap: where malloc got the memory; arena 0 is the main one\n"
		"  site   where it was allocated, if the process ran with libcoreheap_sites.so\n"
		"\n"
		"  coreheap blocks core --reach leaked --format csv\n",
	.formats = AS_TEXT | AS_JSON | AS_JSONL | AS_CSV,
	.takes = TAKES_CORE | TAKES_FILES | TAKES_LIMIT | TAKES_MIN_BYTES | TAKES_STATE |
	         TAKES_REACH | TAKES_SIZE | TAKES_TYPE,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
