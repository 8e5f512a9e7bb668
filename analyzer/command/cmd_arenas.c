#include "analyzer/command/command.h"
#include "analyzer/report/text.h"
#include "analyzer/report/text_report.h"

/* ---- the report's rows ---- */

static void add_heaps(struct analysis *a, uint32_t arena, struct report *report,
                      struct report_arena *row)
{
	const struct heap *heap = a->heap;
	size_t n = 0;

	for (size_t i = 0; i < heap->nspans; i++)
		n += heap->span[i].arena == arena && heap->span[i].kind != SPAN_MMAP;
	row->heap = pool_alloc(&report->pool, (n + 1) * sizeof(*row->heap));
	n = 0;
	for (size_t i = 0; i < heap->nspans; i++) {
		const struct span *s = &heap->span[i];

		if (s->arena != arena || s->kind == SPAN_MMAP)
			continue;
		row->heap[n++] = (struct report_heap){
			s->own_start, s->end, core_resident(a->core, s->own_start, s->end)
		};
	}
	row->nheaps = n;
}

static void add_arena(struct analysis *a, uint32_t number, struct report *report)
{
	const struct arena *arena = &a->heap->arena[number];
	struct report_arena row = {
		.number = number,
		.addr = arena->addr,
		.main = arena->main,
		.contiguous = arena->contiguous,
		.system_mem = arena->system_mem,
		.max_system_mem = arena->max_system_mem,
		.walked = arena->walked,
		.attached_threads = arena->attached_threads,
		.used = arena->used,
		.internal = arena->internal,
		.trimmable = analysis_trims(a)->of_arena[number],
		.largest_free = arena->largest_free,
		.fragmentation = -1,
		.top = arena->top,
		.top_size = arena->top_size,
		.module = a->heap->instance[arena->instance].module,
	};

	for (int p = 0; p < FREE_PLACES; p++) {
		row.place[p] = (struct report_place){ free_place_name((enum free_place)p),
			                              arena->free[p].blocks, arena->free[p].bytes };
		row.free_blocks += arena->free[p].blocks;
		row.free_bytes += arena->free[p].bytes;
	}
	if (row.free_bytes && row.largest_free <= row.free_bytes)
		row.fragmentation = 1 - (double)row.largest_free / (double)row.free_bytes;
	add_heaps(a, number, report, &row);
	array_push(&report->arenas, row);
}

static void add_tcaches(struct analysis *a, struct report *report)
{
	for (size_t i = 0; i < a->heap->ntcaches; i++) {
		const struct tcache *t = &a->heap->tcache[i];
		struct report_tcache row = { t->addr, ABSENT, t->entries, t->bytes };

		if (t->thread >= 0)
			row.tid = (uint64_t)a->core->thread[t->thread].tid;
		array_push(&report->tcaches, row);
	}
}

static void add_arenas(struct analysis *a, struct report *report)
{
	for (size_t i = 0; i < analysis_heap(a)->narenas; i++)
		add_arena(a, (uint32_t)i, report);
	add_tcaches(a, report);
	report->has_arenas = report->has_tcaches = true;
}

/* ---- text ---- */

/* What it comes to, in a sentence. */
static void headline(const struct analysis *a, const struct report *r, struct out *out)
{
	uint64_t system = 0, used = 0, unused = 0, trimmable = 0, blocks = 0;
	char buf[TEXT_NUMBER];
	struct pool pool = { 0 };

	for (size_t i = 0; i < r->arenas.n; i++) {
		system += r->arenas.v[i].system_mem;
		used += r->arenas.v[i].used.bytes;
		blocks += r->arenas.v[i].used.blocks;
		unused += r->arenas.v[i].free_bytes;
		trimmable += r->arenas.v[i].trimmable;
	}
	out_style(out, STYLE_BOLD);
	out_printf(out, "malloc holds %s in %s: ", text_bytes_in(&pool, system),
	           text_plural(&pool, r->arenas.n, "arena", "arenas"));
	out_printf(out, "%s in use (%s), %s free (%s).", text_bytes_in(&pool, used),
	           text_plural(&pool, blocks, "block", "blocks"), text_bytes_in(&pool, unused),
	           *text_share(buf, unused, system) ? buf : "0%");
	out_plain(out);
	out_printf(out, " malloc_trim(0) would give back up to %s.\n",
	           text_bytes_in(&pool, trimmable));
	out_printf(out, "Beside the arenas: %s with a mapping of their own, %s.\n\n",
	           text_plural(&pool, a->heap->mmapped.blocks, "block", "blocks"),
	           text_bytes_in(&pool, a->heap->mmapped.bytes));
	pool_free(&pool);
}

static void number_cell(struct table *t, const struct report_arena *a)
{
	table_cell(t, "%llu%s", (unsigned long long)a->number, a->main ? " main" : "");
}

static void arena_table(const struct report *r, struct out *out)
{
	static const char *const titles[] = { "Arena",  "Address",      "Heaps",    "Threads",
		                              "System", "Used",         "Blocks",   "Free",
		                              "Free%",  "Largest free", "Trimmable" };
	struct table t = { 0 };
	char buf[TEXT_NUMBER];

	for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
		table_column(&t, titles[i], i > 1);
	for (size_t i = 0; i < r->arenas.n; i++) {
		const struct report_arena *a = &r->arenas.v[i];

		number_cell(&t, a);
		table_addr(&t, a->addr);
		table_count(&t, a->nheaps);
		table_count(&t, a->attached_threads);
		table_bytes(&t, a->system_mem);
		table_bytes(&t, a->used.bytes);
		table_count(&t, a->used.blocks);
		table_bytes(&t, a->free_bytes);
		table_cell(&t, "%s", text_share(buf, a->free_bytes, a->system_mem));
		table_bytes(&t, a->largest_free);
		table_bytes(&t, a->trimmable);
	}
	table_print(&t, out);
}

/* Where the free blocks wait: places that nothing waits in anywhere have no column. */
static void place_table(const struct report *r, struct out *out)
{
	uint64_t blocks[FREE_PLACES] = { 0 };
	struct table t = { 0 };
	char buf[TEXT_NUMBER];

	for (size_t i = 0; i < r->arenas.n; i++)
		for (int p = 0; p < FREE_PLACES; p++)
			blocks[p] += r->arenas.v[i].place[p].blocks;
	table_column(&t, "Free in", false);
	for (int p = 0; p < FREE_PLACES; p++)
		if (blocks[p])
			table_column(&t, free_place_name((enum free_place)p), true);
	for (size_t i = 0; i < r->arenas.n && t.ncolumns > 1; i++) {
		const struct report_arena *a = &r->arenas.v[i];

		number_cell(&t, a);
		for (int p = 0; p < FREE_PLACES; p++) {
			if (!blocks[p])
				continue;
			table_cell(&t, "%s%s%llu",
			           a->place[p].blocks ? text_bytes(buf, a->place[p].bytes) : "",
			           a->place[p].blocks ? " / " : "",
			           (unsigned long long)a->place[p].blocks);
		}
	}
	if (t.ncolumns > 1) {
		out_char(out, '\n');
		table_print(&t, out);
		out_str(out,
		        "(bytes / blocks; tcache: taken off an arena, waiting for one thread)\n");
	}
}

static void tcache_table(const struct report *r, struct out *out)
{
	struct table t = { 0 };

	if (!r->tcaches.n)
		return;
	out_char(out, '\n');
	table_column(&t, "tcache", false);
	table_column(&t, "Thread", true);
	table_column(&t, "Blocks", true);
	table_column(&t, "Bytes", true);
	for (size_t i = 0; i < r->tcaches.n; i++) {
		const struct report_tcache *c = &r->tcaches.v[i];

		table_addr(&t, c->addr);
		if (c->tid == ABSENT)
			table_cell(&t, "none that lives");
		else
			table_cell(&t, "%llu", (unsigned long long)c->tid);
		table_count(&t, c->blocks);
		table_bytes(&t, c->bytes);
	}
	table_print(&t, out);
}

/* malloc's own sums against what was walked. */
static void sums(const struct analysis *a, struct out *out)
{
	const struct heap *h = a->heap;
	size_t disagree = 0;
	uint64_t damage = 0;

	out_char(out, '\n');
	for (size_t i = 0; i < h->nfindings; i++) {
		if (h->finding[i].damage) {
			damage += h->finding[i].count;
			continue;
		}
		out_style(out, STYLE_WARN);
		out_str(out, "disagreement: ");
		out_plain(out);
		out_untrusted(out, h->finding[i].message);
		if (h->finding[i].count > 1)
			out_printf(out, " (and %llu more of this kind)",
			           (unsigned long long)(h->finding[i].count - 1));
		out_char(out, '\n');
		disagree++;
	}
	if (h->lost)
		out_str(out, "The main arena, and with it malloc's own sums, is not in the core: "
		             "System is what was found.\n");
	else if (!disagree)
		out_str(out, "malloc's own sums (system_mem, mmapped chunks, tcache counts) agree "
		             "with what "
		             "was walked.\n");
	if (damage)
		out_printf(out, "The heap is damaged in %llu place%s: see `coreheap check`.\n",
		           (unsigned long long)damage, damage == 1 ? "" : "s");
}

static void text(const struct analysis *a, const struct report *r, struct out *out)
{
	if (!r->arenas.n) {
		out_printf(out, "No arena of glibc's malloc was found in this core%s%s.\n",
		           r->process.allocator ? ": the process uses " : "",
		           r->process.allocator ? r->process.allocator : "");
		return;
	}
	headline(a, r, out);
	arena_table(r, out);
	place_table(r, out);
	tcache_table(r, out);
	text_fragmentation(r, a->core->page_size, out);
	sums(a, out);
	if (r->process.allocator)
		out_printf(out, "That is glibc's malloc only: the process uses %s.\n",
		           r->process.allocator);
}

/* ---- CSV ---- */

static void csv(const struct report *r, struct out *out)
{
	out_str(out,
	        "arena,address,main,heaps,attached_threads,system_mem,max_system_mem,walked,"
	        "used_blocks,used_bytes,internal_blocks,internal_bytes,free_blocks,free_bytes");
	for (int p = 0; p < FREE_PLACES; p++)
		out_printf(out, ",%s_blocks,%s_bytes", free_place_name((enum free_place)p),
		           free_place_name((enum free_place)p));
	out_str(out, ",largest_free,trimmable,module\n");
	for (size_t i = 0; i < r->arenas.n; i++) {
		const struct report_arena *a = &r->arenas.v[i];
		const uint64_t numbers[] = {
			a->nheaps,         a->attached_threads, a->system_mem, a->max_system_mem,
			a->walked,         a->used.blocks,      a->used.bytes, a->internal.blocks,
			a->internal.bytes, a->free_blocks,      a->free_bytes
		};

		out_printf(out, "%llu,0x%llx,%d", (unsigned long long)a->number,
		           (unsigned long long)a->addr, a->main);
		for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++)
			out_printf(out, ",%llu", (unsigned long long)numbers[k]);
		for (int p = 0; p < FREE_PLACES; p++)
			out_printf(out, ",%llu,%llu", (unsigned long long)a->place[p].blocks,
			           (unsigned long long)a->place[p].bytes);
		out_printf(out, ",%llu,%llu,", (unsigned long long)a->largest_free,
		           (unsigned long long)a->trimmable);
		out_csv(out, a->module ? a->module : "");
		out_char(out, '\n');
	}
}

static int run(const struct options *opt, struct out *out)
{
	struct report report;
	struct analysis a;
	int status;

	if (!command_open(opt, &a))
		return EXIT_INPUT;
	a.thorough = true;
	report_start(&report, &a);
	add_arenas(&a, &report);
	if (opt->format == FORMAT_TEXT || opt->format == FORMAT_JSON) {
		report_add_memory(&report, &a);
		report_add_fragmentation(&report, &a);
	}
	if (!command_render(opt, &report, ROWS_ARENAS, csv, out))
		text(&a, &report, out);
	status = command_end(opt, &report, opt->format == FORMAT_JSON);
	report_free(&report);
	analysis_close(&a);
	return status;
}

const struct command cmd_arenas = {
	.name = "arenas",
	.args = "CORE",
	.one_line = "arenas, subheaps, bins, tcaches: in use, free, fragmentation, what "
		    "malloc_trim returns",
	.help = "System is what malloc counts as taken from the system for an arena (system_mem), "
		"Used and\n"
		"Free are usable bytes of blocks, Free% is the share of System that is free, "
		"Trimmable\n"
		"what malloc_trim(0) would give back, Threads how many are attached to the "
		"arena.\n",
	.formats = AS_TEXT | AS_JSON | AS_JSONL | AS_CSV,
	.takes = TAKES_CORE | TAKES_FILES,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
