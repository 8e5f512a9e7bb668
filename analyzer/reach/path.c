/*
 * Breadth first, level by level. A level is kept as a list of addresses; where that grows beyond a
 * 32nd of all chunks the rest of it is kept as bits by id, which costs a walk over the index, paid
 * for by the blocks that it then finds. So neither deep nor wide heaps cost more than their edges.
 *
 * parent[id] is 0 while a block was not met, else 1 + the holder's id; numbers from nchunks on name
 * roots: first the ranges, then the registers, then parts of the heap that could not be walked
 * (they may hold anything), then "nobody" for the heads of leaks. The pointer word itself is not
 * kept: it is looked up again in the holder when a path is written down.
 */
#include "analyzer/reach/path.h"
#include "analyzer/reach/filter.h"
#include "formats/wordrun.h"
#include "formats/written.h"

struct frontier {
	vaddr *v; /* user addresses */
	size_t n, cap;
	uint64_t *bits; /* by id: blocks that v had no room for */
	bool spilled;
};

#define WAITING 16         /* power of two */
#define WORDS   64         /* at a time */
#define AHEAD   8          /* blocks */
#define ASKED   16384      /* power of two */
#define LARGE   (64 << 10) /* bytes: worth asking where the file has holes */

/* A pointer whose index cell, and a chunk whose parent, is being fetched from memory. */
struct edge {
	uint64_t value;
	const struct span *span;
	uint32_t holder;
};

struct found {
	vaddr chunk;
	uint32_t id, holder;
};

struct search {
	const struct core *core;
	const struct heap *heap;
	const struct roots *roots;
	enum path_from from;
	uint32_t *parent;
	struct frontier now, next;
	struct edge edge[WAITING];
	struct found found[WAITING];
	unsigned first_edge, nedges, first_found, nfound;
	size_t bits_bytes;
	uint64_t *met;            /* bit by id: parent is not 0 */
	uint64_t word[WORDS + 4]; /* that may be pointers */
	struct view view;
	vaddr lo, hi; /* all blocks are in [lo, hi) */
	const struct block *target;
	size_t ntargets, left;      /* left: not yet met */
	uint64_t asked[ASKED / 64]; /* bits by id % ASKED: of targets */
};

/* Blocks asked for are few: met ones are counted so that the search can end early. */
static void meet(struct search *s, vaddr addr, uint32_t id, uint32_t holder)
{
	struct frontier *f = &s->next;

	s->parent[id] = holder + 1;
	bit_set(s->met, id);
	if (f->n < f->cap) {
		f->v[f->n++] = addr;
	} else {
		bit_set(f->bits, id);
		f->spilled = true;
	}
	if (!bit_get(s->asked, id % ASKED))
		return;
	for (size_t i = 0; i < s->ntargets; i++)
		if (s->target[i].id == id)
			s->left--;
}

static void settle(struct search *s)
{
	struct found e = s->found[s->first_found];

	s->first_found = (s->first_found + 1) % WAITING;
	s->nfound--;
	if (!bit_get(s->met, e.id) && bit_get(s->heap->used, e.id))
		meet(s, e.chunk + CHUNK_HEADER, e.id, e.holder);
}

static void resolve(struct search *s)
{
	struct edge e = s->edge[s->first_edge];
	struct found f = { .holder = e.holder };

	s->first_edge = (s->first_edge + 1) % WAITING;
	s->nedges--;
	if (!span_find(e.span, e.value, &f.chunk, &f.id))
		return;
	if (s->from == PATH_STRONG && e.value != f.chunk + CHUNK_HEADER)
		return;
	if (bit_get(s->met, f.id))
		return;
	__builtin_prefetch(&s->parent[f.id]);
	if (s->nfound == WAITING)
		settle(s);
	s->found[(s->first_found + s->nfound++) % WAITING] = f;
}

static void follow(struct search *s, uint64_t value, uint32_t holder)
{
	const struct span *span;

	if (value < CHUNK_HEADER)
		return;
	span = heap_span(s->heap, value - CHUNK_HEADER);
	if (!span)
		return;
	if (span->cell)
		__builtin_prefetch(cell_at(span, value - CHUNK_HEADER));
	if (s->nedges == WAITING)
		resolve(s);
	s->edge[(s->first_edge + s->nedges++) % WAITING] = (struct edge){ value, span, holder };
}

static void drain(struct search *s)
{
	while (s->nedges)
		resolve(s);
	while (s->nfound)
		settle(s);
}

/* Few words are pointers. */
static void follow_words(struct search *s, const uint8_t *p, uint64_t n, uint32_t holder)
{
	const struct machine *m = s->core->machine;

	for (uint64_t i = 0; i < n; i += WORDS) {
		size_t some = n - i < WORDS ? (size_t)(n - i) : WORDS, found;

		found = filter_pointers(p + i * m->word, some, m->word, m->pointer_mask, s->lo,
		                        s->hi - s->lo, s->word);
		for (size_t k = 0; k < found; k++)
			follow(s, s->word[k], holder);
	}
}

/* Visits the saved words of [start, end), a run without holes or a block of moderate size. */
static void follow_run(struct search *s, vaddr start, vaddr end, uint32_t holder)
{
	unsigned word = s->core->machine->word;

	for (vaddr at = round_up(start, word); at < end && end - at >= word;) {
		const uint8_t *p = view_at(&s->view, at, word);
		uint64_t n;

		if (!p) {
			const struct segment *seg = core_segment(s->core, at);

			if (!seg || seg->end <= at)
				return;
			at = round_up(seg->end, word);
			continue;
		}
		n = (s->view.hi < end ? s->view.hi : end) - at;
		follow_words(s, p, n / word, holder);
		at += round_down(n, word);
	}
}

static void follow_range(struct search *s, vaddr start, vaddr end, uint32_t holder)
{
	if (end - start < LARGE) {
		follow_run(s, start, end, holder);
		return;
	}
	for (vaddr stop, at = start; core_written(s->core, &at, end, &stop); at = stop)
		follow_run(s, at, stop, holder);
}

static void visit(struct search *s, vaddr addr)
{
	struct block b;

	if (heap_find(s->heap, addr, &b))
		follow_range(s, b.addr, b.addr + b.size, b.id);
}

static void fetch(const struct search *s, vaddr addr)
{
	const struct span *span = heap_span(s->heap, addr);

	if (!span || !span->cell)
		return;
	__builtin_prefetch(cell_at(span, addr - CHUNK_HEADER));
	if (!span->mem)
		return;
	__builtin_prefetch(span->mem + (addr - CHUNK_HEADER - span->start));
	__builtin_prefetch(span->mem + (addr - CHUNK_HEADER - span->start) + 64);
}

/* Blocks whose bit is set, by address: fn gets the user address and the id. */
static void each_bit(struct search *s, const uint64_t *bits,
                     void (*fn)(struct search *, vaddr addr, uint32_t id))
{
	for (size_t k = 0; k < s->heap->nspans; k++) {
		const struct span *span = &s->heap->span[k];

		if (!span->cell) {
			if (bit_get(bits, span->first_id))
				fn(s, span->start + CHUNK_HEADER, span->first_id);
			continue;
		}
		for (size_t i = 0; i < span->ncells; i++) {
			uint64_t chunks = cell_bits(&span->cell[i]);
			uint32_t id = span->first_id + span->cell[i].rank;

			for (; chunks; chunks &= chunks - 1, id++)
				if (bit_get(bits, id))
					fn(s,
					   cell_chunk(span, i, (unsigned)__builtin_ctzll(chunks)) +
					           CHUNK_HEADER,
					   id);
		}
	}
}

/* The number that stands for "nobody"; those of roots are below it. */
static uint32_t nobody(const struct search *s)
{
	return s->heap->nchunks + (uint32_t)(s->roots->n + s->roots->nregs + s->heap->ngaps);
}

static void head_bit(struct search *s, vaddr addr, uint32_t id)
{
	if (!bit_get(s->met, id))
		meet(s, addr, id, nobody(s));
}

/* Of roots at the same distance, one that has a name explains more than a register. */
static void start_at_roots(struct search *s)
{
	static const enum root_kind order[] = { ROOT_DATA, ROOT_TLS, ROOT_SHARED, ROOT_ANON,
		                                ROOT_STACK };
	const struct roots *roots = s->roots;
	uint32_t first = s->heap->nchunks;

	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++)
		for (size_t i = 0; i < roots->n; i++) {
			const struct root *r = &roots->v[i];

			if (r->kind == order[k])
				follow_range(s, r->start, r->end, first + (uint32_t)i);
		}
	for (size_t i = 0; i < roots->nregs; i++)
		follow(s, core_pointer(s->core, roots->reg[i].value),
		       first + (uint32_t)(roots->n + i));
	first += (uint32_t)(roots->n + roots->nregs);
	for (size_t i = 0; i < s->heap->ngaps && s->from == PATH_ANY; i++)
		follow_range(s, s->heap->gap[i].start, s->heap->gap[i].end, first + (uint32_t)i);
}

static void run_level(struct search *s)
{
	struct frontier f = s->now;
	struct heap_iter it = { .look = true };
	struct block b;

	s->now = s->next;
	s->next = f;
	for (size_t i = 0; i < s->now.n && s->left; i++) {
		if (i + AHEAD < s->now.n)
			fetch(s, s->now.v[i + AHEAD]);
		visit(s, s->now.v[i]);
	}
	while (s->now.spilled && s->left && heap_next_set(s->heap, s->now.bits, &it, &b))
		follow_range(s, b.addr, b.addr + b.size, b.id);
	drain(s);
	if (s->now.spilled)
		memset(s->now.bits, 0, s->bits_bytes);
	s->now.n = 0;
	s->now.spilled = false;
}

static void run(struct search *s, const struct reach *reach)
{
	if (s->from == PATH_LEAK)
		each_bit(s, reach->head, head_bit);
	else
		start_at_roots(s);
	drain(s);
	while (s->left && (s->next.n || s->next.spilled))
		run_level(s);
}

/* ---- writing paths down ---- */

/* The first word of [start, end) that keeps step->to, a start pointer if there is one. */
static bool find_word(struct search *s, vaddr start, vaddr end, struct path_step *step)
{
	if (!wordrun_find(s->core, start, end, step->to.addr, step->to.size, &step->at,
	                  &step->value))
		return false;
	step->interior = step->value != step->to.addr;
	return true;
}

/* Of a stack first what is in its frames: what is in the red zone below is left over as a rule. */
static bool find_in_root(struct search *s, const struct root *r, struct path_step *step)
{
	unsigned red = r->kind == ROOT_STACK ? s->core->machine->red_zone : 0;

	if (red && r->end - r->start > red && find_word(s, r->start + red, r->end, step) &&
	    !step->interior)
		return true;
	return find_word(s, r->start, r->end, step);
}

/* Fills in the step to `to`; `holder` as in parent[], less 1. */
static bool step_from(struct search *s, uint32_t holder, const struct block *to,
                      struct path_step *step)
{
	const struct roots *roots = s->roots;
	uint64_t root = (uint64_t)holder - s->heap->nchunks;

	*step = (struct path_step){ .reg = PATH_NO_REGISTER, .to = *to };
	if (holder < s->heap->nchunks)
		return heap_by_id(s->heap, holder, &step->from) &&
		       find_word(s, step->from.addr, step->from.addr + step->from.size, step);
	if (root < roots->n)
		return find_in_root(s, &roots->v[root], step);
	root -= roots->n;
	if (root >= roots->nregs) {
		const struct owned *gap = &s->heap->gap[root - roots->nregs];

		return find_word(s, gap->start, gap->end, step);
	}
	step->reg = (uint32_t)root;
	step->value = roots->reg[step->reg].value;
	step->interior = step->value != to->addr;
	return true;
}

static void write_down(struct search *s, const struct block *block, struct pool *pool,
                       struct path *path)
{
	uint64_t length = 0, i;
	struct block to = *block;
	uint32_t id;

	*path = (struct path){ 0 };
	for (id = block->id; s->parent[id];) {
		if (s->parent[id] - 1 == nobody(s))
			break;
		length++;
		id = s->parent[id] - 1;
		if (id >= s->heap->nchunks)
			break;
	}
	if (!length)
		return;
	path->length = length;
	path->n = length <= 2 * PATH_ENDS ? (size_t)length : 2 * PATH_ENDS;
	path->first = path->n < length ? PATH_ENDS : path->n;
	path->v = pool_alloc(pool, path->n * sizeof(*path->v));
	for (id = block->id, i = length; i-- > 0;) {
		uint32_t holder = s->parent[id] - 1;
		bool tail = i >= length - (path->n - path->first);

		if (i < path->first || tail) {
			struct path_step *step =
				&path->v[i < path->first ? i : path->n - (length - i)];

			if ((to.id != id && !heap_by_id(s->heap, id, &to)) ||
			    !step_from(s, holder, &to, step)) {
				*path = (struct path){ 0 };
				return;
			}
			path->interior += step->interior;
		}
		id = holder;
	}
}

static uint64_t parent_bytes(const struct search *s)
{
	return ((uint64_t)s->heap->nchunks + 1) * sizeof(*s->parent);
}

static struct frontier frontier_new(const struct search *s)
{
	size_t cap = 4096 + s->heap->nchunks / 32;

	return (struct frontier){ .v = mem_lazy(cap * sizeof(vaddr)),
		                  .cap = cap,
		                  .bits = mem_lazy(s->bits_bytes) };
}

static void frontier_free(const struct search *s, struct frontier *f)
{
	mem_lazy_free(f->v, f->cap * sizeof(*f->v));
	mem_lazy_free(f->bits, s->bits_bytes);
}

/* False: there are more roots than numbers for them. */
static bool begin(struct search *s, const struct block *target, size_t n)
{
	const struct heap *heap = s->heap;

	/* every root needs a number of its own behind those of the blocks */
	if (s->roots->n + s->roots->nregs + heap->ngaps + 2 > UINT32_MAX - (uint64_t)heap->nchunks)
		return false;
	s->view = (struct view){ .core = s->core };
	s->target = target;
	s->ntargets = s->left = n;
	for (size_t i = 0; i < n; i++)
		bit_set(s->asked, target[i].id % ASKED);
	if (heap->nspans) {
		s->lo = heap->span[0].start;
		s->hi = heap->span[heap->nspans - 1].end + CHUNK_HEADER;
	}
	s->bits_bytes = ((size_t)heap->nchunks / 64 + 1) * sizeof(uint64_t);
	s->parent = mem_lazy(parent_bytes(s));
	s->met = mem_lazy(s->bits_bytes);
	s->now = frontier_new(s);
	s->next = frontier_new(s);
	return true;
}

static void search_blocks(struct search *s, const struct reach *reach)
{
	run(s, reach);
	frontier_free(s, &s->now);
	frontier_free(s, &s->next);
	mem_lazy_free(s->met, s->bits_bytes);
}

static void write_all(struct search *s, const struct block *block, size_t n, struct pool *pool,
                      struct path *path)
{
	for (size_t i = 0; i < n; i++) {
		path[i] = (struct path){ 0 };
		if (s->parent && block[i].id < s->heap->nchunks)
			write_down(s, &block[i], pool, &path[i]);
	}
}

void path_find(const struct core *core, const struct heap *heap, const struct roots *roots,
               const struct reach *reach, enum path_from from, const struct block *block, size_t n,
               struct pool *pool, struct path *path)
{
	struct search s = { .core = core, .heap = heap, .roots = roots, .from = from };

	if (n && begin(&s, block, n))
		search_blocks(&s, reach);
	write_all(&s, block, n, pool, path);
	mem_lazy_free(s.parent, parent_bytes(&s));
}
