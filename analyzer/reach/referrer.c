#include "analyzer/reach/referrer.h"
#include "formats/stage.h"
#include "formats/written.h"

#define WINDOW (UINT64_C(16) << 20) /* bytes that are asked for at a time */

struct finder {
	const struct core *core;
	const struct heap *heap;
	const struct roots *roots;
	const struct reach *reach;
	uint64_t most;
	struct referrers *target;
	size_t ntargets;
};

static struct referrers *target_of(const struct finder *f, uint64_t value)
{
	size_t lo = first_behind(f->target, f->ntargets, end, value);

	return lo < f->ntargets && f->target[lo].start <= value ? &f->target[lo] : NULL;
}

static void keep(struct finder *f, struct referrers *t, enum referrer_kind kind,
                 const struct referrer *r)
{
	t->count[kind]++;
	if (t->kept[kind].n < f->most)
		array_push(&t->kept[kind], *r);
}

/* In a part of the heap that could not be walked: it may be a block. */
static bool in_gap(const struct heap *heap, vaddr at)
{
	for (size_t i = 0; i < heap->ngaps && heap->gap[i].start <= at; i++)
		if (at < heap->gap[i].end)
			return true;
	return false;
}

static void found(struct finder *f, vaddr at, uint64_t value)
{
	struct referrers *t = target_of(f, value);
	struct referrer r = { .reg = REFERRER_MEMORY, .at = at, .value = value };
	enum referrer_kind kind = REFERRER_STALE;

	if (!t)
		return;
	r.interior = value != t->start;
	if (heap_find(f->heap, at, &r.holder)) {
		if (r.holder.addr == t->start)
			kind = REFERRER_SELF;
		else if (r.holder.state == BLOCK_USED)
			kind = REFERRER_BLOCK;
	} else {
		r.holder.span = NULL;
		if (roots_at(f->roots, at) || in_gap(f->heap, at))
			kind = REFERRER_ROOT;
	}
	if (kind == REFERRER_BLOCK && f->reach) {
		enum reach_class c = reach_of(f->reach, r.holder.id);

		t->leaked += c == REACH_DEFINITE || c == REACH_INDIRECT;
	}
	keep(f, t, kind, &r);
}

static inline __attribute__((always_inline)) void scan_by(struct finder *f, vaddr start, vaddr stop,
                                                          uint64_t lo, uint64_t width,
                                                          unsigned word)
{
	const struct segment *s = core_segment(f->core, start);

	core_will_read(f->core, start, stop);
	for (vaddr at = round_up(start, word); at < stop && stop - at >= word; at += word) {
		uint64_t value = load_word(s->mem + (at - s->start), word);

		value = core_pointer(f->core, value);
		if (value - lo < width)
			found(f, at, value);
	}
}

static void scan_run(struct finder *f, vaddr start, vaddr stop, uint64_t lo, uint64_t width)
{
	if (f->core->machine->word == 8)
		scan_by(f, start, stop, lo, width, 8);
	else
		scan_by(f, start, stop, lo, width, 4);
}

/* Of the file: bytes that are not holes. */
static uint64_t stored(const struct core *core)
{
	uint64_t bytes = core->file_size;

	for (size_t i = 0; i < core->nholes; i++)
		bytes -= core->hole[i].end - core->hole[i].start;
	return bytes;
}

static void scan(struct finder *f, uint64_t lo, uint64_t width)
{
	struct stage outer = stage_bytes("searching for pointers", stored(f->core));

	for (vaddr stop, at = 0; core_written(f->core, &at, UINT64_MAX, &stop); at = stop) {
		if (stop - at > WINDOW)
			stop = round_up(at + 1, WINDOW);
		scan_run(f, at, stop, lo, width);
		stage_add(stop - at);
	}
	stage_end(outer);
}

static void scan_registers(struct finder *f)
{
	for (size_t i = 0; i < f->roots->nregs; i++) {
		struct referrer r = { .reg = (uint32_t)i, .value = f->roots->reg[i].value };
		struct referrers *t = target_of(f, r.value);

		if (!t)
			continue;
		r.interior = r.value != t->start;
		keep(f, t, REFERRER_ROOT, &r);
	}
}

void referrers_find(const struct core *core, const struct heap *heap, const struct roots *roots,
                    const struct reach *reach, uint64_t most, struct referrers *target, size_t n)
{
	struct finder f = { .core = core,
		            .heap = heap,
		            .roots = roots,
		            .reach = reach,
		            .most = most,
		            .target = target,
		            .ntargets = n };
	uint64_t lo, width;

	for (size_t i = 0; i < n; i++)
		target[i] = (struct referrers){ .start = target[i].start, .end = target[i].end };
	if (!n)
		return;
	lo = target[0].start;
	width = target[n - 1].end - lo;
	scan_registers(&f);
	scan(&f, lo, width);
}

void referrers_free(struct referrers *target, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < REFERRER_KINDS; k++)
			array_free(&target[i].kept[k]);
}
