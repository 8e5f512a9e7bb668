/*
 * What malloc has in its arenas is known block by block, and cut into lines by sums: the blocks by
 * their states, parts of unknown content by their bounds, and the rest is malloc's own. A page with
 * a chunk's header in it is not zero; so pages that were not resident lie within one chunk each,
 * and large chunks alone need to be looked at for them.
 */
#include "analyzer/memory/balance.h"
#include "formats/untouched.h"
#include "heapwalk/broad.h"

#include <stdlib.h>

#define PTHREAD_SIZE 0x900 /* struct pthread of glibc 2.31, the smallest from then to 2.43 */
#define TCB_SIZE     16    /* what is at the thread pointer where TLS lies above it */

const char *balance_owner_name(enum balance_owner owner)
{
	static const char *const names[OWNERS] = {
		[OWNER_IN_USE] = "malloc-in-use",
		[OWNER_MMAPPED] = "malloc-mmapped",
		[OWNER_TOP] = "malloc-top",
		[OWNER_BINS] = "malloc-bins",
		[OWNER_TCACHE] = "malloc-tcache",
		[OWNER_FASTBINS] = "malloc-fastbins",
		[OWNER_MALLOC] = "malloc-own",
		[OWNER_DAMAGED] = "malloc-unknown",
		[OWNER_GROWTH] = "malloc-reserve",
		[OWNER_STACK] = "stack",
		[OWNER_STACK_UNUSED] = "stack-unused",
		[OWNER_STACK_EXITED] = "stack-exited",
		[OWNER_GUARD] = "stack-guard",
		[OWNER_TLS] = "tls",
		[OWNER_TEXT] = "text",
		[OWNER_RODATA] = "rodata",
		[OWNER_DATA] = "data",
		[OWNER_BSS] = "bss",
		[OWNER_FILE_PRIVATE] = "file-private",
		[OWNER_FILE_SHARED] = "file-shared",
		[OWNER_FILE] = "file",
		[OWNER_SHARED] = "shared",
		[OWNER_ANON] = "anonymous",
		[OWNER_CODE] = "anonymous-code",
		[OWNER_NONE] = "no-access",
		[OWNER_KERNEL] = "kernel",
	};

	return names[owner];
}

const char *balance_sharing_name(enum balance_sharing sharing)
{
	static const char *const names[SHARINGS] = {
		[SHARING_PRIVATE_ANON] = "private-anonymous",
		[SHARING_PRIVATE_FILE] = "private-file",
		[SHARING_SHARED_ANON] = "shared-anonymous",
		[SHARING_SHARED_FILE] = "shared-file",
		[SHARING_FILE] = "file",
	};

	return names[sharing];
}

struct weigher {
	const struct core *core;
	const struct heap *heap;
	const struct stacks *stacks;
	struct balance *out;
	struct balance_line arenas; /* malloc's regions, to be shared out among its lines */
};

/* ---- bytes of a range ---- */

static vaddr lesser(vaddr a, vaddr b)
{
	return a < b ? a : b;
}
static vaddr greater(vaddr a, vaddr b)
{
	return a > b ? a : b;
}

static uint64_t at_most(uint64_t n, uint64_t most)
{
	return n < most ? n : most;
}

/* Resident bytes of a part of a page of a segment: all, if anything in the page is not zero. */
static uint64_t resident_in_page(const struct weigher *w, const struct segment *s, vaddr start,
                                 vaddr end)
{
	vaddr page = greater(round_down(start, w->core->page_size), s->start);
	vaddr next = lesser(round_down(start, w->core->page_size) + w->core->page_size, s->end);

	end = lesser(end, s->saved_end);
	if (start >= end)
		return 0;
	return core_resident(w->core, page, next) ? end - start : 0;
}

/* The range lies in one segment. */
static uint64_t resident(const struct weigher *w, const struct segment *s, vaddr start, vaddr end)
{
	uint64_t size = w->core->page_size, sum = 0;
	vaddr from = round_up(start, size), to = round_down(end, size);

	if (from > to || from < start) /* within one page */
		return resident_in_page(w, s, start, end);
	if (start < from)
		sum += resident_in_page(w, s, start, from);
	if (to < end)
		sum += resident_in_page(w, s, to, end);
	return sum + core_resident(w->core, from, to);
}

/* Bytes of the range that were not saved, where that says nothing of whether they were resident. */
static uint64_t unknown(const struct weigher *w, const struct segment *s, vaddr start, vaddr end)
{
	vaddr stop = end;

	if (s->file >= 0 || s->absent || core_file(w->core, s->start))
		; /* pages of a file, or of memory with a name: they may be there all the same */
	else if (s->meant_end > s->start || !(s->flags & (SEG_R | SEG_W | SEG_X)) ||
	         untouched_plainly(w->core, s))
		stop = lesser(end, s->meant_end); /* behind that: never touched */
	start = greater(start, s->saved_end);
	return start < stop ? stop - start : 0;
}

static struct balance_line weigh(const struct weigher *w, const struct segment *s, vaddr start,
                                 vaddr end)
{
	struct balance_line line = { .bytes = end - start };
	vaddr saved_end = lesser(end, s->saved_end);

	line.saved = start < saved_end ? saved_end - start : 0;
	line.resident = resident(w, s, start, end);
	line.unknown = unknown(w, s, start, end);
	return line;
}

static void add(struct balance_line *to, struct balance_line line)
{
	to->bytes += line.bytes;
	to->saved += line.saved;
	to->resident += line.resident;
	to->unknown += line.unknown;
}

static uint64_t busy(const struct balance_line *l)
{
	return l->resident + l->unknown;
}

static void note_place(struct balance *out, enum balance_owner owner, struct balance_place place)
{
	struct balance_place *most = &out->busiest[owner], *least = &out->idlest[owner];

	if (busy(&place.sum) > busy(&most->sum))
		*most = place;
	if (place.sum.bytes - busy(&place.sum) > least->sum.bytes - busy(&least->sum))
		*least = place;
}

/* Gives a range to an owner, and returns what it has. Nothing where start >= end. */
static struct balance_line give(struct weigher *w, const struct ledger_part *p, vaddr start,
                                vaddr end, enum balance_owner owner)
{
	struct balance_line line = { 0 };

	start = greater(start, p->start);
	end = lesser(end, p->end);
	if (start >= end)
		return line;
	line = weigh(w, &w->core->seg[p->segment], start, end);
	add(&w->out->owner[owner], line);
	note_place(w->out, owner, (struct balance_place){ start, end, line });
	return line;
}

/* ---- parts that are not of arenas ---- */

static struct balance_line add_mmapped(struct weigher *w, const struct ledger_part *p)
{
	const struct span *s = &w->heap->span[p->owner];
	vaddr block = s->start + CHUNK_HEADER, end = block + s->usable;
	struct balance_line sum = { 0 };
	bool used = bit_get(w->heap->used, s->first_id);

	add(&sum, give(w, p, p->start, block, OWNER_MALLOC));
	add(&sum, give(w, p, block, end, used ? OWNER_MMAPPED : OWNER_TCACHE));
	add(&sum, give(w, p, greater(end, block), p->end, OWNER_MALLOC));
	return sum;
}

static struct balance_line add_stack(struct weigher *w, const struct ledger_part *p)
{
	const struct stack *s = &w->stacks->v[p->owner];
	vaddr used = lesser(greater(s->used, s->start), s->end), tls = greater(s->tls, used);
	struct balance_line sum = { 0 };

	if (s->thread < 0) {
		sum = give(w, p, p->start, p->end, OWNER_STACK_EXITED);
	} else {
		add(&sum, give(w, p, p->start, used, OWNER_STACK_UNUSED));
		add(&sum, give(w, p, used, tls, OWNER_STACK));
		add(&sum, give(w, p, tls, p->end, OWNER_TLS));
	}
	if (!s->main) {
		w->out->stacks.size = greater(w->out->stacks.size, s->end - s->start);
		w->out->stacks.deepest = greater(w->out->stacks.deepest, sum.resident);
	}
	return sum;
}

/* The static TLS of a thread that lies in this part, though not on its stack: the initial one's. */
static bool tls_in(const struct weigher *w, const struct ledger_part *p, vaddr *start, vaddr *end)
{
	for (size_t i = 0; i < w->core->nthreads; i++) {
		vaddr tp = w->heap->tp[i], from = tp - w->stacks->static_tls;

		if (!tp || !range_holds(p->start, p->end, tp, 1))
			continue;
		*end = tp + PTHREAD_SIZE;
		if (w->core->machine->tls_above) {
			from = w->heap->pthread[i] ? w->heap->pthread[i] : tp;
			*end = tp + TCB_SIZE + w->stacks->static_tls;
		}
		*start = from > tp || from < p->start ? p->start : from;
		*end = *end < tp ? p->end : lesser(*end, p->end);
		return true;
	}
	return false;
}

static struct balance_line add_anonymous(struct weigher *w, const struct ledger_part *p)
{
	bool code = w->core->seg[p->segment].flags & SEG_X;
	enum balance_owner owner = code ? OWNER_CODE : OWNER_ANON;
	struct balance_line sum = { 0 };
	vaddr start, end;

	if (!tls_in(w, p, &start, &end))
		return give(w, p, p->start, p->end, owner);
	add(&sum, give(w, p, p->start, start, owner));
	add(&sum, give(w, p, start, end, OWNER_TLS));
	add(&sum, give(w, p, end, p->end, owner));
	return sum;
}

static struct balance_line add_file(struct weigher *w, const struct ledger_part *p)
{
	static const enum balance_owner owners[SHARINGS] = {
		[SHARING_PRIVATE_FILE] = OWNER_FILE_PRIVATE,
		[SHARING_SHARED_FILE] = OWNER_FILE_SHARED,
		[SHARING_FILE] = OWNER_FILE,
	};

	return give(w, p, p->start, p->end, owners[balance_sharing_of(w->core, p)]);
}

/* ---- arenas ---- */

/* What of a chunk's whole pages was not there: the rest of it shares pages with a header. */
struct lack {
	uint64_t untouched, unsaved, unknown; /* bytes; untouched: not resident */
};

static struct balance_line weigh_all(const struct weigher *w, vaddr start, vaddr end)
{
	size_t i = first_behind(w->core->seg, w->core->nseg, end, start);
	struct balance_line sum = { 0 };

	for (; i < w->core->nseg && w->core->seg[i].start < end; i++) {
		const struct segment *s = &w->core->seg[i];
		vaddr from = greater(start, s->start), to = lesser(end, s->end);

		if (from < to)
			add(&sum, weigh(w, s, from, to));
	}
	return sum;
}

static void add_lack(const struct weigher *w, const struct broad *b, struct lack *lack)
{
	uint64_t page = w->core->page_size;
	vaddr from = round_up(b->chunk + CHUNK_HEADER, page), to = round_down(b->end, page);
	struct balance_line line;

	if (from >= to)
		return;
	line = weigh_all(w, from, to);
	lack->untouched += line.bytes - line.resident;
	lack->unsaved += line.bytes - line.saved;
	lack->unknown += line.unknown;
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_cached(const struct heap *h, uint32_t id)
{
	return h->ncached && bsearch(&id, h->cached, h->ncached, sizeof(id), by_id);
}

static enum balance_owner owner_of(const struct weigher *w, const struct span *s,
                                   const struct broad *b)
{
	const struct heap *h = w->heap;

	if (bit_get(h->internal, b->id))
		return OWNER_MALLOC;
	if (bit_get(h->used, b->id))
		return OWNER_IN_USE;
	if (h->arena[s->arena].top == b->chunk)
		return OWNER_TOP;
	return is_cached(h, b->id) ? OWNER_TCACHE : OWNER_BINS;
}

/* So much goes to an owner, as far as there is so much. */
static void take(struct weigher *w, enum balance_owner owner, struct balance_line line)
{
	struct balance_line *left = &w->arenas;

	line.bytes = at_most(line.bytes, left->bytes);
	line.saved = at_most(line.saved, left->saved);
	line.resident = at_most(line.resident, left->resident);
	line.unknown = at_most(line.unknown, left->unknown);
	left->bytes -= line.bytes;
	left->saved -= line.saved;
	left->resident -= line.resident;
	left->unknown -= line.unknown;
	add(&w->out->owner[owner], line);
}

static void take_blocks(struct weigher *w, enum balance_owner owner, uint64_t bytes,
                        const struct lack *lack)
{
	struct balance_line line = { bytes, bytes - at_most(lack->unsaved, bytes),
		                     bytes - at_most(lack->untouched, bytes), lack->unknown };

	take(w, owner, line);
}

/* Usable bytes by owner; of mmapped chunks that are free, which 2.43 has, too, none. */
static void sum_blocks(const struct heap *h, uint64_t *bytes)
{
	bytes[OWNER_IN_USE] = h->total[BLOCK_USED].bytes - h->mmapped.bytes;
	for (size_t i = 0; i < h->narenas; i++) {
		const struct tally *place = h->arena[i].free;

		bytes[OWNER_TOP] += place[FREE_TOP].bytes;
		bytes[OWNER_TCACHE] += place[FREE_TCACHE].bytes;
		bytes[OWNER_FASTBINS] += place[FREE_FASTBIN].bytes;
		bytes[OWNER_BINS] += place[FREE_UNSORTED].bytes + place[FREE_SMALL].bytes +
		                     place[FREE_LARGE].bytes + place[FREE_UNLISTED].bytes;
	}
	for (size_t i = 0; i < h->nspans; i++) {
		const struct span *s = &h->span[i];

		if (s->kind == SPAN_MMAP && !bit_get(h->used, s->first_id))
			bytes[OWNER_TCACHE] -= at_most(s->usable, bytes[OWNER_TCACHE]);
	}
}

static void share_out(struct weigher *w)
{
	static const enum balance_owner order[] = { OWNER_IN_USE, OWNER_TOP, OWNER_BINS,
		                                    OWNER_TCACHE, OWNER_FASTBINS };
	const struct heap *h = w->heap;
	struct lack lack[OWNERS] = { 0 };
	uint64_t bytes[OWNERS] = { 0 };

	for (size_t i = 0; i < h->nspans; i++) {
		struct broad b;

		for (size_t at = 0; broad_next(&h->span[i], &at, &b);)
			add_lack(w, &b, &lack[owner_of(w, &h->span[i], &b)]);
	}
	for (size_t i = 0; i < h->ngaps; i++)
		take(w, OWNER_DAMAGED, weigh_all(w, h->gap[i].start, h->gap[i].end));
	sum_blocks(h, bytes);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		take_blocks(w, order[i], bytes[order[i]], &lack[order[i]]);
	take(w, OWNER_MALLOC, w->arenas); /* what is left */
}

/*
 * Behind the chunks of a subheap may be pages that it had and may have again (arena.c shrink_heap);
 * they begin behind its last chunk and the fenceposts, which share a page.
 */
static vaddr growth_of(const struct weigher *w, const struct span *s)
{
	vaddr from = round_up(s->end, w->core->page_size);
	size_t i = first_behind(w->heap->gap, w->heap->ngaps, end, s->end);

	if (w->heap->arena[s->arena].main)
		return s->own_end;
	for (; i < w->heap->ngaps && w->heap->gap[i].start < s->own_end; i++)
		from = greater(from, w->heap->gap[i].end);
	return lesser(from, s->own_end);
}

static struct balance_line add_region(struct weigher *w, const struct ledger_part *p)
{
	vaddr growth = growth_of(w, &w->heap->span[p->owner]);
	struct balance_line sum = { 0 };

	growth = lesser(greater(growth, p->start), p->end);
	if (p->start < growth)
		sum = weigh(w, &w->core->seg[p->segment], p->start, growth);
	add(&w->arenas, sum);
	add(&sum, give(w, p, growth, p->end, OWNER_GROWTH));
	return sum;
}

/* ---- all ---- */

static struct balance_line add_part(struct weigher *w, const struct ledger_part *p)
{
	static const enum balance_owner owners[LEDGER_KINDS] = {
		[LEDGER_RESERVE] = OWNER_GROWTH, [LEDGER_GUARD] = OWNER_GUARD,
		[LEDGER_TEXT] = OWNER_TEXT,      [LEDGER_RODATA] = OWNER_RODATA,
		[LEDGER_DATA] = OWNER_DATA,      [LEDGER_BSS] = OWNER_BSS,
		[LEDGER_SHARED] = OWNER_SHARED,  [LEDGER_NONE] = OWNER_NONE,
		[LEDGER_VDSO] = OWNER_KERNEL,    [LEDGER_VVAR] = OWNER_KERNEL,
	};

	switch (p->kind) {
	case LEDGER_HEAP:
	case LEDGER_ARENA:
		return add_region(w, p);
	case LEDGER_MMAPPED:
		return add_mmapped(w, p);
	case LEDGER_STACK:
		return add_stack(w, p);
	case LEDGER_ANON:
		return add_anonymous(w, p);
	case LEDGER_FILE:
		return add_file(w, p);
	default:
		return give(w, p, p->start, p->end, owners[p->kind]);
	}
}

void balance_make(const struct core *core, const struct heap *heap, const struct stacks *stacks,
                  const struct ledger *ledger, struct balance *out)
{
	struct weigher w = { .core = core, .heap = heap, .stacks = stacks, .out = out };

	*out = (struct balance){ 0 };
	for (size_t i = 0; i < stacks->n; i++)
		(*(stacks->v[i].thread < 0 ? &out->stacks.exited : &out->stacks.live))++;
	for (size_t i = 0; i < ledger->n; i++) {
		const struct ledger_part *p = &ledger->v[i];
		struct balance_line line = add_part(&w, p);

		out->mapped[p->kind] += line.bytes;
		out->resident[p->kind] += line.resident;
		add(&out->sharing[balance_sharing_of(core, p)], line);
		add(&out->total, line);
	}
	share_out(&w);
}
