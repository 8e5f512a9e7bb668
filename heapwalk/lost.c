/*
 * lost: the heap of a core that has lost libc's data, and with it main_arena and mp_: cut off (the
 * kernel writes by address, so libc's data comes late) or left out. What is left tells itself:
 *
 * - The brk heap is the first writable anonymous memory behind the executable in which chunks chain
 *   from a start to the end of the mapping; the last one is top.
 * - Other arenas lie behind a heap_info at a multiple of HEAP_MAX_SIZE, which leads to them, and
 *   their own bins prove them and their layout. Their ring leads to where the main one was.
 * - Without other arenas the counters of a tcache, or a mmapped chunk, tell 2.43 from what was
 *   before it.
 *
 * Nothing tells the chunks in the main arena's fastbins from used ones: those that may be in one
 * are counted (heap.doubtful).
 */
#include "heapwalk/lost.h"
#include "heapwalk/step.h"

#define STEPS_MAX    (UINT64_C(1) << 30) /* headers looked at in all */
#define LONG_CHAIN   16 /* chunks that are no chance, even where their chain breaks */
#define AT_ENTRY     9  /* Linux include/uapi/linux/auxvec.h */
#define FAST_WORDS   16 /* of the largest chunk of a fastbin, by default */
#define SLOTS_LAYOUT 42 /* tcache counters of free slots: from this version on */

/* ---- chains of chunks ---- */

enum chain_end {
	CHAIN_TOP,     /* at the end of the memory, in a chunk that must be top */
	CHAIN_FENCE,   /* somebody else's brk memory follows */
	CHAIN_UNSAVED, /* at memory that is not in the core */
	CHAIN_BAD,
};

struct chain {
	enum chain_end how;
	uint64_t n; /* chunks before end */
	vaddr top;  /* the last chunk, if it may be top: it ends where a page does; else 0 */
	vaddr end;  /* where the next chunk would be */
};

/* A header that may be the first of a region or that of top: nothing but PREV_INUSE is set. */
static bool starts_chunk(unsigned word, uint64_t head, uint64_t room)
{
	uint64_t size = head & ~(uint64_t)CHUNK_FLAGS;

	return (head & CHUNK_FLAGS) == CHUNK_PREV_INUSE && size >= chunk_min(word) && !(size & 8) &&
	       size <= room;
}

/* Where memory ends whose top is at p, as a header that may be that of top has it; 0: it is none.
 */
static vaddr top_end(unsigned word, vaddr p, uint64_t head, vaddr limit)
{
	uint64_t size = head & ~(uint64_t)CHUNK_FLAGS;
	vaddr from = p + chunk_lead(word);

	if ((head & CHUNK_FLAGS) != CHUNK_PREV_INUSE || size < chunk_min(word) ||
	    !range_holds(0, limit, from, size))
		return 0;
	return from + size;
}

/* Steps from start as far as headers are sound. */
static void chain_follow(struct lost *l, vaddr start, vaddr limit, struct chain *c)
{
	struct stepper st = { .w = l->w, .limit = limit, .main = true };
	uint64_t page = l->w->core->page_size, head, size, last_head = 0;
	unsigned word = l->w->word;
	vaddr p = start, last = 0, end;
	enum step step = STEP_BAD;

	*c = (struct chain){ .how = CHAIN_BAD };
	while (l->budget && (step = step_at(&st, p, &head, &size)) == STEP_CHUNK) {
		l->budget--;
		c->n++;
		last = p;
		last_head = head;
		p += size;
	}
	c->end = p;
	if (!chunk_head(&l->w->view, p, &head, word)) {
		c->how = CHAIN_UNSAVED;
	} else if (step == STEP_FENCE) {
		c->how = c->n ? CHAIN_FENCE : CHAIN_BAD;
	} else if (top_end(word, p, head, limit) == limit) {
		*c = (struct chain){ CHAIN_TOP, c->n, p, limit - chunk_lead(word) };
	} else if (word == 8 && last && !(p & (page - 1)) && (last_head & CHUNK_PREV_INUSE)) {
		c->top = last;
	} else if (word == 4 && last && (end = top_end(word, p, head, limit)) &&
	           !(end & (page - 1))) { /* no other chunk ends with a page */
		*c = (struct chain){ CHAIN_BAD, c->n + 1, p, end - chunk_lead(word) };
	}
}

/* The lowest sound start of a chain at or after p; 0: none. *c is that chain. */
static vaddr chain_start(struct lost *l, vaddr p, vaddr limit, struct chain *c)
{
	unsigned word = l->w->word;
	vaddr first = p;

	for (; l->budget && range_holds(0, limit, p, chunk_lead(word) + chunk_min(word));
	     p += l->w->align) {
		uint64_t head;

		l->budget--;
		if (!chunk_head(&l->w->view, p, &head, word)) {
			p = round_down(p, 4096) + 4096 - l->w->align;
			continue;
		}
		if (!starts_chunk(word, head, limit - p) && top_end(word, p, head, limit) != limit)
			continue;
		chain_follow(l, p, limit, c);
		if (c->how == CHAIN_TOP || c->how == CHAIN_FENCE || c->n >= LONG_CHAIN)
			return p;
		if (c->n >= 2 && (c->top || p == first))
			return p;
	}
	return 0;
}

/*
 * Follows the chunks of [start, limit), whose first chain is *c, past what is damaged, not saved or
 * somebody else's, to the last of them. Returns top, or 0 where it is not there; *end: of top.
 */
static vaddr last_chunk(struct lost *l, vaddr limit, struct chain *c, vaddr *end)
{
	vaddr top = c->top;

	*end = c->end;
	while (c->how != CHAIN_TOP && limit > c->end + chunk_min(l->w->word) &&
	       chain_start(l, round_up(c->end + 1, l->w->align), limit, c)) {
		top = c->top;
		*end = c->end;
	}
	return top;
}

/* ---- the brk heap ---- */

/* Is the executable the last file that is mapped below? Then the segment may be its brk. */
static bool behind_executable(const struct core *core, const struct segment *s)
{
	const struct filemap *exe = NULL;
	uint64_t entry;

	if (core_auxv(core, AT_ENTRY, &entry))
		exe = core_file(core, entry);
	if (!exe)
		return true;
	while (s > core->seg && s->file < 0)
		s--;
	return s->file >= 0 && !strcmp(core->files[s->file].path, exe->path);
}

static bool find_brk(struct lost *l)
{
	const struct core *core = l->w->core;

	for (size_t i = 0; i < core->nseg; i++) {
		const struct segment *s = &core->seg[i];
		vaddr limit, start, end, top;
		struct chain c;

		if (!anonymous_rw(s) || s->saved_end == s->start || !behind_executable(core, s))
			continue;
		limit = writable_end(core, s->start);
		start = chain_start(l, chunk_first(l->w->word, l->w->align, s->start), limit, &c);
		if (!start)
			continue;
		top = last_chunk(l, limit, &c, &end);
		if (top)
			limit = chunks_end(l->w, end);
		l->brk = (struct region){ .start = start,
			                  .own_start = start,
			                  .limit = limit,
			                  .own_end = limit,
			                  .top = top,
			                  .kind = SPAN_BRK };
		return true;
	}
	return false;
}

vaddr lost_region(struct walk *w, vaddr start, vaddr limit, vaddr *top)
{
	struct lost l = { .w = w, .budget = STEPS_MAX };
	struct chain c;

	chain_follow(&l, start, limit, &c);
	*top = c.top;
	if (c.how == CHAIN_FENCE)
		return chunks_chain(w, start, limit, 0, &(struct broken){ 0 }, &(bool){ false });
	return c.top && c.n >= 2 ? c.end : 0;
}

/* ---- which glibc ---- */

static const struct state_layout *state_of_version(unsigned word, unsigned version)
{
	size_t i = 0;

	while (state_layouts[i].word != word || version < state_layouts[i].versions.from ||
	       version > state_layouts[i].versions.to)
		i++;
	return &state_layouts[i];
}

static const struct tcache_layout *tcache_of_version(unsigned word, unsigned version)
{
	size_t i = 0;

	while (tcache_layouts[i].word != word || version < tcache_layouts[i].versions.from ||
	       version > tcache_layouts[i].versions.to)
		i++;
	return &tcache_layouts[i];
}

/* Of the chunk that a tcache lies in. */
static uint64_t tcache_chunk(const struct tcache_layout *t)
{
	return round_up(t->size + t->word, 16);
}

/* Are these the counters and lists of a tcache whose lists may hold count entries (2.42 on)? */
static bool slots_fit(const uint8_t *p, const struct tcache_layout *t, uint64_t count)
{
	for (unsigned i = 0; i < t->bins; i++) {
		uint64_t slots = load16(p + 2 * i);

		if (slots > count ||
		    (slots == count) != (load_word(p + t->entries + t->word * i, t->word) == 0))
			return false;
	}
	return true;
}

/* The limit of the lists of the tcache at mem, if it is one of 2.42 on: the counter of an empty
 * list. */
static uint64_t slots_count(const struct core *core, const struct tcache_layout *t, vaddr mem)
{
	const uint8_t *p = core_at(core, mem, t->size);

	for (unsigned i = 0; p && i < t->bins; i++) {
		uint64_t n = load16(p + 2 * i);

		if (load_word(p + t->entries + t->word * i, t->word) == 0)
			return n && slots_fit(p, t, n) ? n : 0;
	}
	return 0;
}

/* Looks for a tcache from `at` on. The first chunk is one up to 2.41, with counters of entries. */
static void probe_tcache(struct lost *l, vaddr at, vaddr limit)
{
	unsigned word = l->w->word;
	const struct tcache_layout *t = tcache_of_version(word, SLOTS_LAYOUT);
	const struct tcache_layout *old = tcache_of_version(word, SLOTS_LAYOUT - 1);
	struct stepper st = { .w = l->w, .limit = limit };
	const uint8_t *p = core_at(l->w->core, at + CHUNK_HEADER, old->entries);
	uint64_t head, size;

	if (p && chunk_head(&l->w->view, at, &head, word) &&
	    round_down(head, 16) == tcache_chunk(old)) {
		for (unsigned i = 0; i < old->bins; i++)
			if (load16(p + 2 * i) > 7 && load16(p + 2 * i) > l->tcache_count)
				l->tcache_count = load16(p + 2 * i);
		return;
	}
	while (!l->tcache_count && l->budget && step_at(&st, at, &head, &size) == STEP_CHUNK) {
		l->budget--;
		if (size >= tcache_chunk(t) && size <= tcache_chunk(t) + 0x20)
			l->tcache_count = slots_count(l->w->core, t, at + CHUNK_HEADER);
		if (l->tcache_count && !l->state && l->tcache_count != 7)
			l->state = state_of_version(word, 43);
		at += size;
	}
}

/* Is there a mmapped chunk as 2.43 makes them, at the start of a mapping? mmapped.c tells more. */
static bool has_new_mmapped(const struct core *core, unsigned word)
{
	for (size_t i = 0; i < core->nseg; i++) {
		const struct segment *s = &core->seg[i];
		uint64_t prev, head;

		if (anonymous_rw(s) && core_read_word(core, s->start + chunk_lead(word), &prev) &&
		    core_read_word(core, s->start + chunk_size_at(word), &head) &&
		    (prev & ~UINT64_C(1)) == chunk_lead(word) &&
		    (head & CHUNK_FLAGS) == CHUNK_MMAPPED && head >> 12 &&
		    head - CHUNK_MMAPPED <= s->end - s->start &&
		    !((head - CHUNK_MMAPPED + CHUNK_HEADER) & (core->page_size - 1)))
			return true;
	}
	return false;
}

static void find_layout(struct lost *l)
{
	uint64_t max = heap_max(l->w->word);

	if (l->brk.start)
		probe_tcache(l, l->brk.start, l->brk.limit);
	for (size_t i = 0; i < l->arenas.n && !l->tcache_count; i++) {
		vaddr first = chunk_first(l->w->word, l->w->align,
		                          l->arenas.v[i] + state_size(l->state));

		probe_tcache(l, first, round_down(first, max) + max);
	}
	if (!l->state)
		l->state = state_of_version(l->w->word,
		                            has_new_mmapped(l->w->core, l->w->word) ? 43 : 42);
	if (!l->tcache_count)
		l->tcache_count = l->state->versions.from >= 43 ? 16 : 7;
}

/* ---- the door ---- */

/* Is writable data of a file not in the core? It may be where the main arena was. */
static bool data_lost(const struct core *core)
{
	for (size_t i = 0; i < core->nseg; i++) {
		const struct segment *s = &core->seg[i];

		if ((s->flags & SEG_W) && s->saved_end < s->end && (s->file >= 0 || !core->nfiles))
			return true;
	}
	return false;
}

void lost_find(struct walk *w)
{
	struct lost l = { .w = w, .budget = STEPS_MAX };
	struct instance in = { .lost = true, .used = true };
	struct arena main = { .main = true };
	size_t at = w->arenas.n;
	uint64_t head;

	if (w->instances.n || !data_lost(w->core))
		return;
	w->heap->lost = true;
	ring_arenas(&l);
	if (l.state)
		w->align = state_align(l.state);
	if (find_brk(&l) || l.arenas.n) {
		find_layout(&l);
		if (w->half && chunk_read(w->core, w->half - 2 * w->word, &main.top) &&
		    main.top != l.brk.top)
			l.brk.top = 0;
		main.contiguous = l.brk.top != 0;
		if (l.brk.top)
			main.top = l.brk.top;
		if (main.top && chunk_head(&w->view, main.top, &head, w->word))
			main.top_size = head & ~(uint64_t)CHUNK_FLAGS;
		array_push(&w->arenas, main);
		in.main_arena = w->half ? w->half - l.state->bins : ring_main(&l);
		w->arenas.v[at].addr = in.main_arena;
		ring_add(&l, 0);
		in.state = l.state;
		in.tcache_count = l.tcache_count;
		array_push(&w->instances, in);
	}
	if (l.brk.start)
		array_push(&w->regions, l.brk);
	array_free(&l.arenas);
}

/* ---- what cannot be told ---- */

/* May this used block be in a fastbin? Its first word then is a link to such a chunk or to none. */
static bool may_be_fast(const struct walk *w, const struct block *b)
{
	const struct tcache_layout *t = w->heap->instance[0].tcache;
	uint64_t word;

	if (block_chunk(b) > FAST_WORDS * w->word || !core_read_word(w->core, b->addr, &word))
		return false;
	for (int safe = 0; safe < 2; safe++) {
		vaddr next = chunk_ours(safe ? word ^ (b->addr >> 12) : word, w->word);
		struct block to;

		if (t && t->versions.from >= 30 && t->safe_linking != (bool)safe)
			continue;
		if (!next)
			return true;
		if (!(next & 15) && heap_find(w->heap, next + CHUNK_HEADER, &to) &&
		    to.addr == next + CHUNK_HEADER && to.size == b->size &&
		    to.span->arena == b->span->arena && to.state == BLOCK_USED)
			return true;
	}
	return false;
}

static void doubt(struct heap *h, const struct block *b)
{
	h->doubtful.blocks++;
	h->doubtful.bytes += b->size;
}

/*
 * Memory from mmap adjoins older one of its kind: top, below it, then looks like a used chunk that
 * ends with a page. The largest one may be it.
 */
static void doubt_top(struct walk *w)
{
	struct heap *h = w->heap;
	struct block b, most = { 0 };
	struct heap_iter it = { 0 };

	/* with words of 4 bytes no chunk but top ends with a page */
	while (w->word == 8 && heap_next_set(h, h->used, &it, &b))
		if (!b.span->arena && b.span->kind == SPAN_ARENA && b.size > most.size &&
		    !((b.addr + block_chunk(&b) - CHUNK_HEADER) & (w->core->page_size - 1)))
			most = b;
	if (most.size)
		doubt(h, &most);
}

void lost_finish(struct walk *w)
{
	struct heap *h = w->heap;
	struct heap_iter it = { 0 };
	struct block b;

	if (!h->ninstances || !h->instance[0].lost)
		return;
	for (size_t i = 0; i < h->nspans; i++)
		if (h->span[i].kind == SPAN_BRK)
			h->arena[0].walked += h->span[i].own_end - h->span[i].own_start;
	h->arena[0].system_mem = h->arena[0].walked;
	if (!h->arena[0].top)
		doubt_top(w);
	if (h->instance[0].state->fastbins < 0 ||
	    core_at(w->core, h->instance[0].main_arena, h->instance[0].state->bins))
		return;
	while (heap_next_set(h, h->used, &it, &b)) {
		if (b.span->arena || b.span->kind == SPAN_MMAP || !may_be_fast(w, &b))
			continue;
		doubt(h, &b);
	}
}
