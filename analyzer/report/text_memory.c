/* Where the memory went. */
#include "analyzer/report/text.h"
#include "analyzer/report/text_report.h"

static void region(struct table *t, const char *name, uint64_t mapped, uint64_t resident,
                   const char *remark)
{
	if (mapped == ABSENT || resident == ABSENT)
		return;
	table_cell(t, "%s", name);
	table_bytes(t, mapped);
	table_bytes(t, resident);
	table_cell(t, "%s", remark);
}

/* The sum of the owners from first to last. */
static void within_heap(struct table *t, const struct report_memory *m, const char *name,
                        enum balance_owner first, enum balance_owner last, const char *remark)
{
	uint64_t bytes = 0, resident = 0;

	for (int i = (int)first; i <= (int)last; i++) {
		bytes += m->ledger[i].bytes;
		resident += m->ledger[i].resident;
	}
	region(t, name, bytes, resident, remark);
}

static void heap_lines(struct table *t, const struct report *r)
{
	const struct report_memory *m = &r->memory;
	char bytes[TEXT_NUMBER];

	region(t, "heap (malloc)", m->space.heap, m->heap,
	       text_plural(&t->pool, m->arenas, "arena", "arenas"));
	within_heap(t, m, "  in use", OWNER_IN_USE, OWNER_MMAPPED,
	            text_plural(&t->pool, m->in_use_blocks, "block", "blocks"));
	within_heap(t, m, "  free, kept by malloc", OWNER_TOP, OWNER_FASTBINS,
	            pool_printf(&t->pool, "malloc_trim(0) would return %s",
	                        text_bytes(bytes, m->trimmable)));
	within_heap(t, m, "  malloc's own", OWNER_MALLOC, OWNER_MALLOC,
	            "headers of blocks and arenas, caches");
	if (m->ledger[OWNER_DAMAGED].bytes)
		within_heap(t, m, "  unknown", OWNER_DAMAGED, OWNER_DAMAGED,
		            "damaged or not saved");
}

static const char *stacks_remark(struct pool *pool, const struct report_facts *f)
{
	if (!f->stack_size)
		return "";
	return pool_printf(pool, "%s%s, the deepest %s",
	                   text_plural(pool, f->live_stacks, "thread", "threads"),
	                   f->exited_stacks ? pool_printf(pool, " and %s exited",
	                                                  text_count_in(pool, f->exited_stacks))
	                                    : "",
	                   text_bytes_in(pool, f->stack_deepest));
}

static const char *largest(struct pool *pool, const struct balance_place *p, const char *name)
{
	char at[TEXT_NUMBER];

	if (!p->end)
		return "";
	return pool_printf(pool, "largest: %s, %s", text_bytes_in(pool, p->end - p->start),
	                   name ? name : text_addr(at, p->start));
}

static const char *reserve_remark(struct pool *pool, const struct report_memory *m)
{
	uint64_t arenas = m->ledger[OWNER_GROWTH].bytes;

	if (arenas < m->space.reserved / 2)
		return largest(pool, &m->facts.idlest[OWNER_NONE], NULL);
	return pool_printf(pool, "%s for arenas to grow into", text_bytes_in(pool, arenas));
}

void text_memory_table(const struct report *r, struct table *t)
{
	const struct report_memory *m = &r->memory;
	const struct report_facts *f = &m->facts;

	table_column(t, "", false);
	table_column(t, "BYTES", true);
	table_column(t, "RESIDENT", true);
	table_column(t, "", false);
	if (m->heap != ABSENT)
		heap_lines(t, r);
	region(t, "thread stacks", m->space.stacks, m->stacks, stacks_remark(&t->pool, f));
	region(t, "program, libraries, files", m->space.files, m->files,
	       "as far as the core has them");
	if (m->space.shared)
		region(t, "shared memory", m->space.shared, m->shared,
		       largest(&t->pool, &f->busiest[OWNER_SHARED], f->shared_path));
	region(t, "other anonymous memory", m->space.anonymous, m->anonymous,
	       m->anonymous < m->resident / 10 ? ""
	                                       : largest(&t->pool, &f->busiest[OWNER_ANON], NULL));
	if (m->space.reserved)
		region(t, "address space in reserve", m->space.reserved, m->reserved,
		       reserve_remark(&t->pool, m));
	region(t, "all mappings", m->mapped, m->resident, "");
}

static void pin_table(const struct report_fragmentation *f, struct out *out)
{
	struct table t = { 0 };

	for (size_t i = 0; i < f->npins; i++) {
		const struct report_pin *p = &f->pin[i];

		if (!i) {
			static const char *const titles[] = {
				"Region", "Arena", "Bytes",       "Blocks used", "Last",
				"Bytes",  "State", "Free before", "Free behind"
			};

			for (size_t k = 0; k < sizeof(titles) / sizeof(*titles); k++)
				table_column(&t, titles[k], k != 0 && k != 4 && k != 6);
		}
		table_addr(&t, p->start);
		table_count(&t, p->arena);
		table_bytes(&t, p->end - p->start);
		table_count(&t, p->used_blocks);
		if (p->address) {
			table_addr(&t, p->address);
			table_bytes(&t, p->size);
			table_cell(&t, "%s", p->state);
		} else {
			table_cell(&t, "none");
			table_cell(&t, "%s", "");
			table_cell(&t, "%s", "");
		}
		table_bytes(&t, p->before);
		table_bytes(&t, p->behind);
	}
	if (!f->npins)
		return;
	out_char(out, '\n');
	table_print(&t, out);
	out_str(out, "(the last block that is not free keeps its region from getting smaller at "
	             "the end)\n");
}

static void hole_table(const struct report_fragmentation *f, struct out *out)
{
	struct table t = { 0 };

	table_column(&t, "Holes of", true);
	table_column(&t, "Blocks", true);
	table_column(&t, "Bytes", true);
	for (int i = 0; i < FRAGMENTATION_HOLES; i++) {
		char least[TEXT_NUMBER];

		if (!f->hole[i].blocks)
			continue;
		table_cell(&t, "%s+", text_bytes(least, UINT64_C(1) << i));
		table_count(&t, f->hole[i].blocks);
		table_bytes(&t, f->hole[i].bytes);
	}
	if (t.cells.n) {
		out_char(out, '\n');
		table_print(&t, out);
	}
}

static void page_table(const struct report_fragmentation *f, uint64_t page, struct out *out)
{
	static const char *const titles[FRAGMENTATION_PAGES] = { "nothing",    "below 25%",
		                                                 "below 50%",  "below 75%",
		                                                 "below 100%", "all" };
	struct table t = { 0 };
	uint64_t all = 0;
	char share[TEXT_NUMBER];

	for (int i = 0; i < FRAGMENTATION_PAGES; i++)
		all += f->pages[i];
	table_column(&t, "Of a page in use", false);
	table_column(&t, "Pages", true);
	table_column(&t, "Bytes", true);
	table_column(&t, "", true);
	for (int i = 0; i < FRAGMENTATION_PAGES; i++) {
		table_cell(&t, "%s", titles[i]);
		table_count(&t, f->pages[i]);
		table_bytes(&t, f->pages[i] * page);
		table_cell(&t, "%s", text_share(share, f->pages[i], all));
	}
	out_char(out, '\n');
	table_print(&t, out);
}

void text_fragmentation(const struct report *r, uint64_t page, struct out *out)
{
	const struct report_fragmentation *f = &r->memory.fragmentation;

	pin_table(f, out);
	hole_table(f, out);
	page_table(f, page, out);
}
