#include "analyzer/command/command.h"
#include "analyzer/process/place.h"
#include "analyzer/report/text.h"
#include "formats/untouched.h"

#define NAMED 3 /* owners that are named of one mapping; the rest are counted */

struct maps {
	struct places *places;
	struct report *report;
	struct heap_iter it; /* blocks in step with the mappings: both go by address */
	struct block block;
	bool has_block;
};

/* ---- what a mapping holds, in words ---- */

static const char *stack_use(struct maps *m, const struct ledger_part *p)
{
	const struct stack *s = &m->places->a->stacks.v[p->owner];

	if (s->thread < 0)
		return "";
	return pool_printf(&m->report->pool, " (%s of %s used)",
	                   text_bytes_in(&m->report->pool, s->end - s->used),
	                   text_bytes_in(&m->report->pool, s->end - s->start - s->guard));
}

static const char *part_words(struct maps *m, const struct ledger_part *p)
{
	const char *words = place_part(m->places, p, &m->report->pool);

	switch (p->kind) {
	case LEDGER_STACK:
		return pool_printf(&m->report->pool, "%s%s", words, stack_use(m, p));
	case LEDGER_TEXT:
	case LEDGER_RODATA:
	case LEDGER_DATA:
	case LEDGER_FILE:
	case LEDGER_SHARED:
		return NULL; /* the path stands beside it */
	default:
		return words;
	}
}

/* Parts of the same kind in a row beyond the first few are only counted. */
static const char *holds(struct maps *m, size_t from, size_t to)
{
	struct pool *pool = &m->report->pool;
	const char *text = NULL;
	uint64_t counted[LEDGER_KINDS] = { 0 };

	for (size_t i = from; i < to; i++) {
		const struct ledger_part *p = &m->places->ledger.v[i];
		const char *words;

		if (p->kind == LEDGER_MMAPPED || counted[p->kind]++ >= NAMED) {
			counted[p->kind] += p->kind == LEDGER_MMAPPED;
			continue;
		}
		words = part_words(m, p);
		if (words)
			text = text ? pool_printf(pool, "%s, %s", text, words) : words;
	}
	for (int k = 0; k < LEDGER_KINDS; k++) {
		uint64_t n = k == LEDGER_MMAPPED  ? counted[k]
		             : counted[k] > NAMED ? counted[k] - NAMED
		                                  : 0;
		const char *words;

		if (!n)
			continue;
		words = k == LEDGER_MMAPPED
		                ? text_plural(pool, n, "mmapped chunk", "mmapped chunks")
		                : pool_printf(pool, "%llu more of kind %s", (unsigned long long)n,
		                              ledger_kind_name((enum ledger_kind)k));
		text = text ? pool_printf(pool, "%s, %s", text, words) : words;
	}
	return text;
}

/* Notes the bytes of each kind. The kind of the greatest part; of equal ones the first. */
static enum ledger_kind add_parts(struct maps *m, size_t from, size_t to,
                                  struct report_mapping *row)
{
	const struct ledger_part *v = m->places->ledger.v;
	uint64_t bytes[LEDGER_KINDS] = { 0 };
	enum ledger_kind best = v[from].kind;

	for (size_t i = from; i < to; i++) {
		row->nparts += !bytes[v[i].kind];
		bytes[v[i].kind] += v[i].end - v[i].start;
	}
	row->part = pool_alloc(&m->report->pool, row->nparts * sizeof(*row->part));
	row->nparts = 0;
	for (int k = 0; k < LEDGER_KINDS; k++) {
		if (bytes[k])
			row->part[row->nparts++] = (struct report_part){
				ledger_kind_name((enum ledger_kind)k), bytes[k]
			};
		if (bytes[k] > bytes[best])
			best = (enum ledger_kind)k;
	}
	for (size_t i = from; i < to && !row->sharing; i++)
		if (v[i].kind == best)
			row->sharing = balance_sharing_name(
				balance_sharing_of(m->places->a->core, &v[i]));
	return best;
}

/* pmap, too, tells the initial thread's stack from the others. */
static const char *kind_name(struct maps *m, enum ledger_kind kind, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct ledger_part *p = &m->places->ledger.v[i];

		if (kind == LEDGER_STACK && p->kind == kind &&
		    !m->places->a->stacks.v[p->owner].main)
			return "thread-stack";
	}
	return ledger_kind_name(kind);
}

/* ---- rows ---- */

/* Usable bytes of used blocks that begin in [start, end). */
static uint64_t used_in(struct maps *m, vaddr start, vaddr end)
{
	const struct analysis *a = m->places->a;
	uint64_t sum = 0;

	while (m->has_block && m->block.addr < end) {
		if (m->block.addr >= start && m->block.state == BLOCK_USED)
			sum += m->block.size;
		m->has_block = heap_next(a->heap, &m->it, &m->block);
	}
	return sum;
}

static bool is_mallocs(const struct ledger *l, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (l->v[i].kind <= LEDGER_MMAPPED)
			return true;
	return false;
}

static void add_mapping(struct maps *m, const struct segment *s, size_t from, size_t to)
{
	const struct core *core = m->places->a->core;
	const struct filemap *f = core_file(core, s->start);
	struct report_mapping row = { .start = s->start,
		                      .end = s->end,
		                      .offset = ABSENT,
		                      .resident = ABSENT,
		                      .in_use = ABSENT };
	enum ledger_kind kind = add_parts(m, from, to, &row);
	uint64_t used = used_in(m, s->start, s->end);

	row.mode[0] = s->absent ? '?' : s->flags & SEG_R ? 'r' : '-';
	row.mode[1] = s->absent ? '?' : s->flags & SEG_W ? 'w' : '-';
	row.mode[2] = s->absent ? '?' : s->flags & SEG_X ? 'x' : '-';
	row.mode[3] = !strncmp(row.sharing, "shared", 6) ? 's' : '-';
	row.kind = kind_name(m, kind, from, to);
	row.path = f ? f->path : NULL;
	if (f)
		row.offset = f->offset + (s->start - f->start);
	row.saved = s->saved_end - s->start;
	if (row.saved)
		row.resident = core_resident(core, s->start, s->end);
	else if (untouched_plainly(core, s))
		row.resident = 0;
	if (is_mallocs(&m->places->ledger, from, to))
		row.in_use = used;
	row.holds = holds(m, from, to);
	array_push(&m->report->mappings, row);
}

static void add_mappings(struct places *places, struct report *report)
{
	const struct core *core = places->a->core;
	struct maps m = { .places = places, .report = report };
	size_t from = 0;

	m.has_block = heap_next(places->a->heap, &m.it, &m.block);
	for (size_t i = 0; i < core->nseg; i++) {
		size_t to = from;

		while (to < places->ledger.n && places->ledger.v[to].segment == i)
			to++;
		if (to > from)
			add_mapping(&m, &core->seg[i], from, to);
		from = to;
	}
	report->has_mappings = true;
}

/* ---- text and CSV ---- */

static const char *mapping_name(const struct report_mapping *m)
{
	if (m->path)
		return base_name(m->path);
	return !strcmp(m->kind, ledger_kind_name(LEDGER_STACK)) ? "  [ stack ]" : "  [ anon ]";
}

static void kbytes(struct out *out, uint64_t bytes)
{
	out_printf(out, " %7llu", (unsigned long long)((bytes + 1023) / 1024));
}

static void print_row(const struct report_mapping *m, size_t width, struct out *out)
{
	const char *name = mapping_name(m);
	size_t wide = text_width(name);

	out_printf(out, "%016llx", (unsigned long long)m->start);
	kbytes(out, m->end - m->start);
	if (m->resident == ABSENT)
		out_printf(out, " %7s", "-");
	else
		kbytes(out, m->resident);
	out_printf(out, " %s- ", m->mode);
	out_untrusted(out, name);
	out_printf(out, "%*s  %s", (int)(wide < width ? width - wide : 0), "", m->kind);
	if (m->holds) {
		out_printf(out, "%*s  ", (int)(strlen(m->kind) < 13 ? 13 - strlen(m->kind) : 0),
		           "");
		out_untrusted(out, m->holds);
	}
	out_char(out, '\n');
}

static void line(struct table *t, const char *name, const struct balance_line *l)
{
	if (!l->bytes)
		return;
	table_cell(t, "%s", name);
	table_bytes(t, l->bytes);
	table_bytes(t, l->saved);
	table_bytes(t, l->resident);
	table_bytes(t, l->unknown);
}

static void lines_start(struct table *t, const char *title)
{
	const char *const titles[] = { title, "Bytes", "Saved", "Resident", "Unknown" };

	for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
		table_column(t, titles[i], i > 0);
}

/* Who has how much of it, and by kind of mapping: the same sum twice. */
static void ledger_table(const struct report_memory *m, struct out *out)
{
	struct table t = { 0 };

	lines_start(&t, "Owner");
	for (int i = 0; i < OWNERS; i++)
		line(&t, balance_owner_name((enum balance_owner)i), &m->ledger[i]);
	out_char(out, '\n');
	table_print(&t, out);
	lines_start(&t, "Kind of mapping");
	for (int i = 0; i < SHARINGS; i++)
		line(&t, balance_sharing_name((enum balance_sharing)i), &m->sharing[i]);
	out_char(out, '\n');
	table_print(&t, out);
}

static void text(const struct report *report, struct out *out)
{
	size_t width = strlen("Mapping");
	uint64_t size = 0, resident = 0;

	for (size_t i = 0; i < report->mappings.n; i++) {
		size_t w = text_width(mapping_name(&report->mappings.v[i]));

		width = w > width && w <= 40 ? w : width;
	}
	out_style(out, STYLE_DIM);
	out_printf(out, "Address           Kbytes     RSS Mode  %-*s  %-13s  %s\n", (int)width,
	           "Mapping", "Kind", "Holds");
	out_plain(out);
	for (size_t i = 0; i < report->mappings.n && !out_failed(out); i++) {
		const struct report_mapping *m = &report->mappings.v[i];

		print_row(m, width, out);
		size += m->end - m->start;
		resident += m->resident == ABSENT ? 0 : m->resident;
	}
	out_str(out, "---------------- ------- ------- \n");
	out_printf(out, "total kB        ");
	kbytes(out, size);
	kbytes(out, resident);
	out_char(out, '\n');
}

static void optional(struct out *out, uint64_t n)
{
	if (n != ABSENT)
		out_u64(out, n);
	out_char(out, ',');
}

static void csv(const struct report *report, struct out *out)
{
	out_str(out, "start,end,bytes,saved,resident,mode,kind,in_use,offset,path,holds\n");
	for (size_t i = 0; i < report->mappings.n && !out_failed(out); i++) {
		const struct report_mapping *m = &report->mappings.v[i];

		out_addr(out, m->start);
		out_char(out, ',');
		out_addr(out, m->end);
		out_printf(out, ",%llu,%llu,", (unsigned long long)(m->end - m->start),
		           (unsigned long long)m->saved);
		optional(out, m->resident);
		out_printf(out, "%s,%s,", m->mode, m->kind);
		optional(out, m->in_use);
		optional(out, m->offset);
		out_csv(out, m->path ? m->path : "");
		out_char(out, ',');
		out_csv(out, m->holds ? m->holds : "");
		out_char(out, '\n');
	}
}

static int run(const struct options *opt, struct out *out)
{
	struct report report;
	struct places places;
	struct analysis a;
	bool ledger;
	int status;

	if (!command_open(opt, &a))
		return EXIT_INPUT;
	report_start(&report, &a);
	places_open(&a, &places);
	add_mappings(&places, &report);
	ledger = opt->format == FORMAT_JSON || (opt->format == FORMAT_TEXT && opt->verbose);
	if (ledger)
		report_add_memory(&report, &a);
	if (!command_render(opt, &report, ROWS_MAPPINGS, csv, out)) {
		text(&report, out);
		if (ledger)
			ledger_table(&report.memory, out);
	}
	status = command_end(opt, &report, opt->format == FORMAT_JSON);
	places_close(&places);
	report_free(&report);
	analysis_close(&a);
	return status;
}

const struct command cmd_maps = {
	.name = "maps",
	.args = "CORE",
	.one_line = "every mapping with its kind, size, resident part and what holds it",
	.help = "The columns are those of `pmap -x`, without Dirty, which a core cannot know. RSS "
		"counts\n"
		"the pages that were saved; - stands for a mapping of which nothing was saved, ??? "
		"for\n"
		"rights that a snapshot by gcore does not tell. Kind is\n"
		"that of the greatest part of the mapping, Holds names all parts. With -v two "
		"tables\n"
		"follow that add up to the same: who has how much of it, and kinds of mapping.\n",
	.formats = AS_TEXT | AS_JSON | AS_JSONL | AS_CSV,
	.takes = TAKES_CORE | TAKES_FILES,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
