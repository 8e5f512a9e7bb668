#include "analyzer/memory/knob.h"
#include "analyzer/memory/dominant.h"
#include "analyzer/report/text.h"

#define LITTLE      (UINT64_C(1) << 20)   /* bytes that no setting is worth */
#define MUCH        (UINT64_C(1) << 30)   /* of address space */
#define DEFAULT     (UINT64_C(128) << 10) /* of both thresholds */
#define STACK_LEAST (UINT64_C(1) << 20)   /* bytes: no stack is called too large below */

/* A tenth of what is resident, and not little. */
static bool is_much(const struct report *r, uint64_t bytes)
{
	return bytes >= LITTLE && bytes >= r->memory.resident / 10;
}

static struct report_knob *add(struct report *r, const char *name, const char *text)
{
	array_push(&r->memory.knobs, ((struct report_knob){ .name = name, .text = text }));
	return &r->memory.knobs.v[r->memory.knobs.n - 1];
}

static void number(struct report_knob *k, const char *name, uint64_t value)
{
	k->number[k->nnumbers++] = (struct report_number){ name, value };
}

static void trim(struct report *r)
{
	uint64_t bytes = r->memory.trimmable;
	struct report_knob *k;

	if (bytes == ABSENT || !is_much(r, bytes))
		return;
	k = add(r, "malloc_trim",
	        pool_printf(&r->pool, "malloc_trim(0), called now and then, would return %s",
	                    text_bytes_in(&r->pool, bytes)));
	number(k, "trimmable", bytes);
}

/* free() returns what is at the end of an arena beyond the threshold; and it has not. */
static void trim_threshold(struct report *r)
{
	const struct report_facts *f = &r->memory.facts;
	struct report_knob *k;

	if (f->trim_threshold == ABSENT || f->trim_threshold <= DEFAULT ||
	    f->main_top >= f->trim_threshold || !is_much(r, f->main_top))
		return;
	k = add(r, "M_TRIM_THRESHOLD",
	        pool_printf(&r->pool,
	                    "M_TRIM_THRESHOLD is %s: free() returns the end of the heap, now %s of "
	                    "free memory, beyond that only",
	                    text_bytes_in(&r->pool, f->trim_threshold),
	                    text_bytes_in(&r->pool, f->main_top)));
	number(k, "trim_threshold", f->trim_threshold);
	number(k, "top", f->main_top);
}

static void mmap_threshold(struct report *r)
{
	const struct report_facts *f = &r->memory.facts;
	struct report_knob *k;

	if (f->mmap_threshold == ABSENT || f->mmap_threshold <= DEFAULT ||
	    !is_much(r, f->large_holes_bytes))
		return;
	k = add(r, "M_MMAP_THRESHOLD",
	        pool_printf(
			&r->pool,
			"M_MMAP_THRESHOLD has grown to %s, so that blocks below that lie in the "
			"heap: %s of 128 KiB and more keep %s; set to 131072, such blocks "
			"are returned when they are freed",
			text_bytes_in(&r->pool, f->mmap_threshold),
			text_plural(&r->pool, f->large_holes, "hole", "holes"),
			text_bytes_in(&r->pool, f->large_holes_bytes)));
	number(k, "mmap_threshold", f->mmap_threshold);
	number(k, "holes", f->large_holes);
	number(k, "bytes", f->large_holes_bytes);
}

static void arena_max(struct report *r)
{
	const struct report_memory *m = &r->memory;
	const struct report_facts *f = &m->facts;
	const struct balance_line *growth = &m->ledger[OWNER_GROWTH];
	uint64_t reserve = growth->bytes - growth->resident;
	bool address_space = reserve >= MUCH && reserve >= m->mapped / 2;
	struct report_knob *k;

	if (f->thread_arenas < 2 || (!is_much(r, f->thread_arenas_free) && !address_space))
		return;
	k = add(r, "M_ARENA_MAX",
	        pool_printf(&r->pool,
	                    "M_ARENA_MAX (or MALLOC_ARENA_MAX) lower than the %s there are: those "
	                    "beside the main one keep %s of free memory, and reserve %s of address "
	                    "space",
	                    text_count_in(&r->pool, f->thread_arenas + 1),
	                    text_bytes_in(&r->pool, f->thread_arenas_free),
	                    text_bytes_in(&r->pool, reserve)));
	number(k, "arenas", f->thread_arenas + 1);
	number(k, "free", f->thread_arenas_free);
	number(k, "reserve", reserve);
	number(k, "arena_max", f->arena_max);
}

static void stack_size(struct report *r)
{
	const struct report_memory *m = &r->memory;
	const struct report_facts *f = &m->facts;
	uint64_t n = f->live_stacks + f->exited_stacks, space = m->space.stacks;
	struct report_knob *k;

	if (f->stack_size < STACK_LEAST || f->stack_size / 4 < f->stack_deepest || space < MUCH ||
	    space < m->mapped / 2)
		return;
	k = add(r, "stack-size",
	        pool_printf(&r->pool,
	                    "smaller stacks (ulimit -s, pthread_attr_setstacksize): %s of up to %s "
	                    "reserve %s, and of the deepest %s were touched",
	                    text_plural(&r->pool, n, "stack", "stacks"),
	                    text_bytes_in(&r->pool, f->stack_size), text_bytes_in(&r->pool, space),
	                    text_bytes_in(&r->pool, f->stack_deepest)));
	number(k, "stacks", n);
	number(k, "size", f->stack_size);
	number(k, "reserve", space);
	number(k, "deepest", f->stack_deepest);
}

void knobs_find(struct report *r)
{
	r->memory.knobs.n = 0;
	trim(r);
	trim_threshold(r);
	mmap_threshold(r);
	arena_max(r);
	stack_size(r);
}
