#include "analyzer/memory/dominant.h"
#include "analyzer/report/text.h"

#define LITTLE (UINT64_C(1) << 20) /* bytes that are not worth a sentence */
#define MUCH   (UINT64_C(1) << 30) /* of address space */
#define TIMES  16                  /* so much more of it than is resident */

enum part {
	PART_LEAK,
	PART_HEAP,
	PART_FRAGMENTATION,
	PART_MAPPINGS,
	PART_STACKS,
	PART_SHARED,
	PART_FILES,
	PARTS_CALLED, /* those before have codes */
	PART_OVERHEAD = PARTS_CALLED,
	PARTS
};

static const struct {
	const char *code, *rule;
} parts[PARTS_CALLED] = {
	[PART_LEAK] = { "leak", "unreachable heap is the largest part of what is resident" },
	[PART_HEAP] = { "heap", "heap that is in use and reachable is the largest part of what is "
	                        "resident; whether it grows takes a second core" },
	[PART_FRAGMENTATION] = { "fragmentation", "memory that is free and that malloc keeps is "
	                                          "the largest part of what is resident" },
	[PART_MAPPINGS] = { "mappings", "private memory that malloc does not own is the largest "
	                                "part of what is resident" },
	[PART_STACKS] = { "stacks", "threads' stacks are the largest part of what is resident" },
	[PART_SHARED] = { "shared", "shared memory is the largest part of what is resident" },
	[PART_FILES] = { "files", "the program, its libraries and files are the largest part of "
	                          "what is resident" },
};

static uint64_t leaked_bytes(const struct report *r)
{
	return r->leaks.definite.bytes + r->leaks.indirect.bytes;
}

static void weigh(const struct report *r, uint64_t *part)
{
	static const enum part of[OWNERS] = {
		[OWNER_IN_USE] = PART_HEAP,          [OWNER_MMAPPED] = PART_HEAP,
		[OWNER_TOP] = PART_FRAGMENTATION,    [OWNER_BINS] = PART_FRAGMENTATION,
		[OWNER_TCACHE] = PART_FRAGMENTATION, [OWNER_FASTBINS] = PART_FRAGMENTATION,
		[OWNER_MALLOC] = PART_OVERHEAD,      [OWNER_DAMAGED] = PART_HEAP,
		[OWNER_GROWTH] = PART_FRAGMENTATION, [OWNER_STACK] = PART_STACKS,
		[OWNER_STACK_UNUSED] = PART_STACKS,  [OWNER_STACK_EXITED] = PART_STACKS,
		[OWNER_GUARD] = PART_STACKS,         [OWNER_TLS] = PART_STACKS,
		[OWNER_TEXT] = PART_FILES,           [OWNER_RODATA] = PART_FILES,
		[OWNER_DATA] = PART_FILES,           [OWNER_BSS] = PART_FILES,
		[OWNER_FILE_PRIVATE] = PART_FILES,   [OWNER_FILE_SHARED] = PART_FILES,
		[OWNER_FILE] = PART_FILES,           [OWNER_SHARED] = PART_SHARED,
		[OWNER_ANON] = PART_MAPPINGS,        [OWNER_CODE] = PART_MAPPINGS,
		[OWNER_NONE] = PART_MAPPINGS,        [OWNER_KERNEL] = PART_FILES,
	};
	uint64_t leaked = leaked_bytes(r);

	for (int i = 0; i < OWNERS; i++)
		part[of[i]] += r->memory.ledger[i].resident;
	if (leaked > part[PART_HEAP])
		leaked = part[PART_HEAP];
	part[PART_LEAK] = leaked;
	part[PART_HEAP] -= leaked;
}

uint64_t dominant_untouched(const struct report_memory *m)
{
	uint64_t sum = 0;

	for (int i = 0; i < OWNERS; i++)
		sum += m->ledger[i].bytes - m->ledger[i].resident - m->ledger[i].unknown;
	return sum;
}

static uint64_t idle(const struct report_memory *m, enum balance_owner owner)
{
	const struct balance_line *l = &m->ledger[owner];

	return l->bytes - l->resident - l->unknown;
}

static uint64_t idle_stacks(const struct report_memory *m)
{
	return idle(m, OWNER_STACK) + idle(m, OWNER_STACK_UNUSED) + idle(m, OWNER_STACK_EXITED) +
	       idle(m, OWNER_GUARD);
}

static void number(struct report_dominant *d, const char *name, uint64_t value)
{
	if (d->nnumbers < REPORT_NUMBERS)
		d->number[d->nnumbers++] = (struct report_number){ name, value };
}

/* ---- in words ---- */

/* "Most of the resident memory, 900 MiB of 1.00 GiB," */
static const char *share(struct report *r, uint64_t bytes)
{
	uint64_t all = r->memory.resident;
	bool partial = r->memory.sharing[SHARING_PRIVATE_ANON].unknown > all / 10;

	return pool_printf(&r->pool, "%s of the resident memory%s, %s of %s,",
	                   bytes >= all / 2 ? "Most" : "The largest part",
	                   partial ? " that the core has" : "", text_bytes_in(&r->pool, bytes),
	                   text_bytes_in(&r->pool, all));
}

static const char *place_text(struct report *r, const struct balance_place *p, const char *what)
{
	char at[TEXT_NUMBER];

	return pool_printf(&r->pool, "%s, %s at %s", what,
	                   text_bytes_in(&r->pool, p->end - p->start), text_addr(at, p->start));
}

static const char *heap_text(struct report *r, uint64_t bytes)
{
	return pool_printf(&r->pool,
	                   "%s is heap that the program still points to, such as a cache or a "
	                   "queue; whether it grows a second core tells (coreheap diff).",
	                   share(r, bytes));
}

static const char *fragmentation_text(struct report *r, uint64_t bytes)
{
	const struct report_fragmentation *f = &r->memory.fragmentation;
	const char *text = pool_printf(&r->pool,
	                               "%s is free memory that malloc keeps; malloc_trim(0) would "
	                               "return %s of it.",
	                               share(r, bytes),
	                               text_bytes_in(&r->pool, r->memory.trimmable));
	char at[TEXT_NUMBER];

	if (!f->npins || !f->pin[0].address || f->pin[0].before < bytes / 10)
		return text;
	return pool_printf(&r->pool,
	                   "%s free() alone cannot return it: the block %s, %s, behind %s of it "
	                   "is in use.",
	                   text, text_addr(at, f->pin[0].address),
	                   text_bytes_in(&r->pool, f->pin[0].size),
	                   text_bytes_in(&r->pool, f->pin[0].before));
}

static const char *mappings_text(struct report *r, uint64_t bytes)
{
	const struct balance_place *p = &r->memory.facts.busiest[OWNER_ANON];

	return pool_printf(&r->pool,
	                   "%s is not malloc's but was mapped by the program or a library for "
	                   "itself%s.",
	                   share(r, bytes),
	                   p->end ? place_text(r, p, "; the largest mapping") : "");
}

static const char *stacks_text(struct report *r, uint64_t bytes)
{
	const struct report_facts *f = &r->memory.facts;

	return pool_printf(&r->pool, "%s lies in the stacks of %s%s; the deepest has %s.",
	                   share(r, bytes),
	                   text_plural(&r->pool, f->live_stacks, "thread", "threads"),
	                   f->exited_stacks ? pool_printf(&r->pool, " and of %s that have exited",
	                                                  text_count_in(&r->pool, f->exited_stacks))
	                                    : "",
	                   text_bytes_in(&r->pool, f->stack_deepest));
}

static const char *shared_name(struct report *r)
{
	const struct report_facts *f = &r->memory.facts;

	if (!f->shared_path)
		return "";
	return pool_printf(&r->pool, " (%s: %s)", text_escape(&r->pool, f->shared_path),
	                   text_bytes_in(&r->pool, f->busiest[OWNER_SHARED].end -
	                                                   f->busiest[OWNER_SHARED].start));
}

static const char *shared_text(struct report *r, uint64_t bytes)
{
	return pool_printf(&r->pool, "%s is shared memory%s.", share(r, bytes), shared_name(r));
}

static const char *part_text(struct report *r, enum part part, uint64_t bytes)
{
	switch (part) {
	case PART_HEAP:
		return heap_text(r, bytes);
	case PART_FRAGMENTATION:
		return fragmentation_text(r, bytes);
	case PART_MAPPINGS:
		return mappings_text(r, bytes);
	case PART_STACKS:
		return stacks_text(r, bytes);
	case PART_SHARED:
		return shared_text(r, bytes);
	default:
		return NULL; /* the verdict says it, or nothing is to be said */
	}
}

/* ---- which ---- */

/* Shared memory that the core does not have, /dev/shm as a rule, and more than all that it has. */
static bool is_unseen(struct report *r)
{
	const struct balance_line *l = &r->memory.ledger[OWNER_SHARED];
	struct report_dominant *d = &r->memory.dominant;

	if (l->unknown < LITTLE || l->unknown <= r->memory.resident)
		return false;
	d->code = parts[PART_SHARED].code;
	d->rule = "more shared memory is mapped than all that is resident, and the core does not "
		  "have it";
	d->text = pool_printf(&r->pool,
	                      "%s of shared memory are mapped%s, more than all that is known to be "
	                      "resident, %s; how much of it was is not known, as the core does not "
	                      "have it.",
	                      text_bytes_in(&r->pool, l->bytes), shared_name(r),
	                      text_bytes_in(&r->pool, r->memory.resident));
	number(d, "bytes", l->bytes);
	number(d, "unknown", l->unknown);
	return true;
}

static bool is_untouched(struct report *r)
{
	const struct report_memory *m = &r->memory;
	struct report_dominant *d = &r->memory.dominant;
	uint64_t untouched = dominant_untouched(m), stacks = idle_stacks(m);
	uint64_t arenas = idle(m, OWNER_GROWTH);

	if (untouched < MUCH || untouched / TIMES < m->resident)
		return false;
	d->code = stacks > untouched / 2 ? "stacks" : "reserved";
	d->rule = "address space that was never touched is at least 1 GiB, and 16 times what is "
		  "resident";
	d->text = pool_printf(
		&r->pool,
		"Of %s of address space %s were never touched and cost no memory: %s. Only %s are "
		"resident.",
		text_bytes_in(&r->pool, m->mapped), text_bytes_in(&r->pool, untouched),
		stacks > untouched / 2 ? pool_printf(&r->pool, "the stacks of %s reserve %s",
	                                             text_plural(&r->pool, m->facts.live_stacks,
	                                                         "thread", "threads"),
	                                             text_bytes_in(&r->pool, stacks))
		: arenas > untouched / 2
			? pool_printf(
				  &r->pool, "%s of malloc reserve %s to grow into",
				  text_plural(&r->pool, m->facts.thread_arenas, "arena", "arenas"),
				  text_bytes_in(&r->pool, arenas))
			: place_text(r,
	                             &m->facts.idlest[idle(m, OWNER_NONE) > idle(m, OWNER_ANON)
	                                                      ? OWNER_NONE
	                                                      : OWNER_ANON],
	                             "the largest mapping"),
		text_bytes_in(&r->pool, m->resident));
	number(d, "untouched", untouched);
	number(d, "stacks", stacks);
	number(d, "arenas", arenas);
	return true;
}

void dominant_find(struct report *r)
{
	struct report_dominant *d = &r->memory.dominant;
	uint64_t bytes[PARTS] = { 0 };
	enum part most = PART_LEAK;

	*d = (struct report_dominant){ 0 };
	if (!r->memory.resident)
		return;
	number(d, "resident", r->memory.resident);
	number(d, "mapped", r->memory.mapped);
	weigh(r, bytes);
	for (enum part p = PART_LEAK; p < PARTS_CALLED; p++)
		if (bytes[p] > bytes[most])
			most = p;
	if (bytes[PART_LEAK] < LITTLE && (is_unseen(r) || is_untouched(r)))
		return;
	d->code = parts[most].code;
	d->rule = parts[most].rule;
	if (bytes[most] >= LITTLE)
		d->text = part_text(r, most, bytes[most]);
	number(d, "bytes", bytes[most]);
	number(d, "leaked", bytes[PART_LEAK]);
	if (r->memory.in_use != ABSENT) {
		number(d, "reachable", bytes[PART_HEAP]);
		number(d, "free", bytes[PART_FRAGMENTATION]);
		number(d, "trimmable", r->memory.trimmable);
	}
}
