/*
 * Finding each thread's tcache without symbols. Its struct is a used chunk of a known size in the
 * heap itself. Every chunk of such a size is tried against every layout: counters must agree with
 * the lists, entries must be chunks of the list's size class. The layout with the most valid
 * entries wins. Structs with empty lists look like any zeroed block: those count only where a
 * thread's TLS points to them, at the offset on which the threads agree.
 */
#include "heapwalk/walk.h"

#include <stdlib.h>

/* What one candidate turned out to be under one layout. */
struct verdict {
	vaddr at;
	bool valid;
	uint32_t entries;
	uint32_t broken; /* lists that are damaged or caught in mid-operation */
};

struct fit {
	const struct tcache_layout *l;
	struct verdict *v; /* one per candidate */
	uint64_t entries, broken;
	unsigned tls; /* offset from the thread pointer; 0: none */
	bool orphans; /* some thread's TLS is not there to tell */
	uint64_t votes;
};

static uint64_t capacity(const struct walk *w)
{
	const struct instance *in = &w->instances.v[0];

	if (in->parl && in->parl->tcache >= 0)
		return in->tcache_count;
	if (in->lost)
		return in->tcache_count;
	return in->state->versions.from >= 43 ? 16 : 7;
}

/* By its extent as it was walked: its header may be damaged. */
static bool size_fits(struct walk *w, vaddr mem, const struct tcache_layout *l)
{
	uint64_t want = round_up(l->size + l->word, 16), size;
	struct block b;

	if (!heap_find(w->heap, mem, &b) || b.addr != mem)
		return false;
	size = block_chunk(&b);
	return size == want || size == want + 0x10 || size == want + 0x20;
}

static uint64_t counter(const uint8_t *mem, const struct tcache_layout *l, unsigned i, uint64_t cap)
{
	uint64_t n = l->count_bytes == 1 ? mem[i] : load16(mem + 2 * i);

	return l->counts_down ? cap - n : n;
}

/* Next entry's user address behind the one at pos; 0 at the end. False: not in the core. */
static bool next_entry(struct walk *w, const struct tcache_layout *l, vaddr pos, vaddr *next)
{
	uint64_t raw;

	if (!view_read_word(&w->view, pos, &raw, w->word))
		return false;
	*next = l->safe_linking ? raw ^ (pos >> 12) : raw;
	return true;
}

/* Does list i hold chunks of this block's size? */
static bool list_fits(const struct tcache_layout *l, unsigned i, const struct block *b)
{
	uint64_t size = block_chunk(b), least = chunk_min(l->word);

	return i < 64 ? size == least + 16u * i : l->bins > 64 && size >= least + 16 * 64;
}

/* The first entry of list i of the tcache at mem. */
static vaddr list_head(const uint8_t *mem, const struct tcache_layout *l, unsigned i)
{
	return load_word(mem + l->entries + l->word * i, l->word);
}

/* Is this a chunk that can wait in list i? */
static bool entry_fits(struct walk *w, const struct tcache_layout *l, unsigned i, vaddr e,
                       struct block *b)
{
	if (e & 15 || !heap_find(w->heap, e, b) || b->addr != e)
		return false;
	if (heap_inferred(w->heap, e - CHUNK_HEADER))
		return true; /* its size is not to be believed */
	return list_fits(l, i, b);
}

/* Follows list i; returns the number of good entries; *whole if it ended well. */
static uint64_t follow(struct walk *w, const struct tcache_layout *l, unsigned i, vaddr head,
                       uint64_t most, bool *whole)
{
	struct block b;
	vaddr e = head;
	uint64_t n = 0;

	*whole = false;
	while (e && n <= most) {
		vaddr next;

		if (!entry_fits(w, l, i, e, &b) || !next_entry(w, l, e, &next))
			return n;
		n++;
		e = next;
	}
	*whole = !e;
	return n;
}

static void judge(struct walk *w, const struct tcache_layout *l, struct verdict *v)
{
	uint64_t cap = capacity(w);
	const uint8_t *mem = core_at(w->core, v->at, l->size);
	unsigned good = 0, heads = 0, rooted = 0;

	v->valid = false;
	if (!mem || !size_fits(w, v->at, l))
		return;
	for (unsigned i = 0; i < l->bins; i++) { /* cheap test first */
		uint64_t n = counter(mem, l, i, cap), head = list_head(mem, l, i);

		if (n > cap || head & 15)
			return;
		v->broken += (n == 0) != (head == 0);
	}
	if (v->broken > 1)
		return;
	for (unsigned i = 0; i < l->bins; i++) {
		vaddr head = list_head(mem, l, i);
		uint64_t n = counter(mem, l, i, cap), got;
		bool whole;

		if (!head)
			continue;
		got = follow(w, l, i, head, cap, &whole);
		v->entries += (uint32_t)got;
		if (whole && got == n)
			good++;
		else if (n) /* n == 0 was counted above */
			v->broken++;
		heads++;
		rooted += got > 0;
	}
	v->valid = v->broken == 0 || (v->broken <= 2 && good >= 2 && good > v->broken) ||
	           (v->broken <= 2 && rooted == heads) || (rooted >= 4 && rooted >= heads / 4 * 3);
}

static struct verdict *verdict_of(struct fit *f, size_t n, vaddr at)
{
	size_t i = first_where(k, 0, n, f->v[k].at >= at);

	return i < n && f->v[i].at == at && f->v[i].valid ? &f->v[i] : NULL;
}

struct ballot {
	struct fit *fit;
	size_t candidates;
};

/* Debian's libcs have the pointer at these offsets: 2.31, 2.36, 2.41, 2.43. */
static unsigned weigh(const void *ctx, unsigned offset, uint64_t word)
{
	const struct ballot *b = ctx;
	const struct verdict *v = word & 15 ? NULL : verdict_of(b->fit, b->candidates, word);

	if (!v)
		return 0;
	if (v->entries)
		return 8;
	return offset == 88 || offset == 80 || offset == 72 || offset == 104 ? 3 : 2;
}

/* Is it the first chunk of its arena? */
static bool is_first(const struct walk *w, vaddr at)
{
	const struct arena *a;
	struct block b;

	if (!heap_find(w->heap, at, &b) || b.addr != b.span->start + CHUNK_HEADER)
		return false;
	a = &w->heap->arena[b.span->arena];
	if (!a->main)
		return a->addr >= b.span->own_start && a->addr < b.span->start;
	for (const struct span *s = w->heap->span; s < b.span; s++)
		if (s->arena == b.span->arena && s->kind == b.span->kind)
			return false;
	return b.span->kind != SPAN_MMAP;
}

/*
 * An empty tcache to which no thread's TLS leads, as that is not in the core. From 2.42 on its
 * counters hold the limit, which nothing else does. Before, it is all zero, and counts where the
 * first malloc of an arena puts it.
 */
static bool is_empty_tcache(const struct walk *w, const struct tcache_layout *l,
                            const struct verdict *v)
{
	if (!v->valid || v->entries || v->broken)
		return false;
	return l->counts_down ? capacity(w) != 0 : is_first(w, v->at);
}

/* Is there a thread whose TLS is not in the core, or zeroed by gdb? At its pointer is no zero. */
static bool tls_lost(const struct walk *w)
{
	uint64_t word;

	for (size_t t = 0; t < w->core->nthreads; t++)
		if (!tls_read(w, t, 0, &word) || !word)
			return true;
	return !w->core->nthreads || (w->core->truncated && w->core->nwarnings);
}

static void try_layout(struct walk *w, const struct tcache_layout *l, struct fit *f)
{
	*f = (struct fit){ .l = l, .v = mem_alloc(w->candidates.n, sizeof(*f->v)) };
	for (size_t i = 0; i < w->candidates.n; i++) {
		f->v[i].at = w->candidates.v[i];
		judge(w, l, &f->v[i]);
		if (!f->v[i].valid)
			continue;
		f->entries += f->v[i].entries;
		f->broken += f->v[i].broken;
	}
	f->tls = tls_vote(w, weigh, &(struct ballot){ f, w->candidates.n }, &f->votes);
	f->orphans = tls_lost(w);
	for (size_t i = 0; f->orphans && i < w->candidates.n; i++)
		f->votes += is_empty_tcache(w, l, &f->v[i]);
}

static int thread_of(struct walk *w, const struct fit *f, vaddr at)
{
	for (size_t t = 0; f->tls && t < w->core->nthreads; t++) {
		uint64_t word;

		if (tls_read(w, t, f->tls, &word) && word == at)
			return (int)t;
	}
	return -1;
}

/* The mark that free() leaves in the second word of what it caches (2.29 on); 0: not known. */
static uint64_t tcache_mark(struct walk *w, const struct tcache_layout *l, const struct tcache *t)
{
	const uint8_t *mem = core_at(w->core, t->addr, l->size);
	uint64_t best = 0, key;
	unsigned most = 0;

	for (unsigned i = 0; i < l->bins; i++) {
		vaddr e = list_head(mem, l, i);
		unsigned n = 0;

		if (!e || !core_read_word(w->core, e + l->word, &key) || !key)
			continue;
		for (unsigned k = 0; k < l->bins; k++) {
			vaddr other = list_head(mem, l, k);
			uint64_t word;

			n += other && core_read_word(w->core, other + l->word, &word) &&
			     word == key;
		}
		if (key == t->addr)
			return key;
		if (n > most) {
			most = n;
			best = key;
		}
	}
	return l->versions.to < 30 ? 0 : best;
}

/*
 * List i is broken, and holds more than can be followed: the entries that were lost are those
 * blocks of its size, used by their headers, that carry the mark.
 */
static void find_lost(struct walk *w, const struct tcache_layout *l, unsigned i, struct tcache *t)
{
	uint64_t key = tcache_mark(w, l, t), word;
	struct heap_iter it = { 0 };
	struct block b;

	while (key && heap_next_set(w->heap, w->heap->used, &it, &b)) {
		if (!list_fits(l, i, &b) || !core_read_word(w->core, b.addr + l->word, &word) ||
		    word != key || !walk_release(w, b.addr, FREE_TCACHE, &b))
			continue;
		t->entries++;
		t->bytes += b.size;
	}
}

static void next_broken(struct walk *w, const struct tcache *t, unsigned i, vaddr before, vaddr e)
{
	if (before)
		walk_find(
			w, "tcache-next", before, true,
			"the free block at 0x%llx leads list %u of the tcache at 0x%llx to 0x%llx, "
			"which is no free block of its size: it was written to after free",
			(unsigned long long)before, i, (unsigned long long)t->addr,
			(unsigned long long)e);
	else
		walk_find(
			w, "tcache-head", t->addr, true,
			"list %u of the tcache at 0x%llx begins with 0x%llx, which is no block of "
			"its size: the tcache was overwritten",
			i, (unsigned long long)t->addr, (unsigned long long)e);
}

/* Takes the entries of list i out of the used blocks; returns their number. *whole: all went well.
 */
static uint64_t release_list(struct walk *w, const struct tcache_layout *l, unsigned i, vaddr e,
                             struct tcache *t, bool *whole)
{
	uint64_t cap = capacity(w), n;
	vaddr before = 0, next;
	struct block b;

	*whole = false;
	for (n = 0; e && n <= cap; n++) {
		if (is_unsaved(w, e))
			return n;
		if (!entry_fits(w, l, i, e, &b) || !next_entry(w, l, e, &next)) {
			next_broken(w, t, i, before, e);
			return n;
		}
		if (!walk_release(w, e, FREE_TCACHE, &b)) {
			walk_find(w, "tcache-double", e, true,
			          "the free block at 0x%llx stands twice in free lists, list %u of "
			          "the tcache at 0x%llx being one: it was freed twice",
			          (unsigned long long)e, i, (unsigned long long)t->addr);
			return n;
		}
		t->entries++;
		t->bytes += b.size;
		before = e;
		e = next;
	}
	*whole = !e;
	return n;
}

static void release_lists(struct walk *w, const struct tcache_layout *l, struct tcache *t)
{
	const uint8_t *mem = core_at(w->core, t->addr, l->size);
	uint64_t cap = capacity(w);

	for (unsigned i = 0; i < l->bins; i++) {
		uint64_t count = counter(mem, l, i, cap), n;
		bool whole;

		n = release_list(w, l, i, list_head(mem, l, i), t, &whole);
		if (!whole) {
			find_lost(w, l, i, t);
			continue;
		}
		if (n != count)
			walk_find(w, "tcache-count", t->addr, false,
			          "the tcache at 0x%llx counts %llu entries in "
			          "list %u and holds %llu: caught in the middle of malloc or free, "
			          "or damaged",
			          (unsigned long long)t->addr, (unsigned long long)count, i,
			          (unsigned long long)n);
	}
}

/* An empty tcache in the middle of an arena is as zero as many a block: as many as threads lack. */
static void note_doubt(struct walk *w, const struct fit *f, const struct verdict *v)
{
	struct tally *d = &w->heap->doubtful;
	struct block b;

	if (f->orphans && !v->broken &&
	    (d->blocks < w->core->nthreads || !w->core->nthreads || w->core->truncated) &&
	    heap_find(w->heap, v->at, &b)) {
		d->blocks++;
		d->bytes += b.size;
	}
}

static void accept(struct walk *w, const struct fit *f, const struct verdict *v)
{
	struct tcache t = { .addr = v->at, .thread = thread_of(w, f, v->at) };
	struct block b;
	struct arena *a;

	if (t.thread < 0 && !v->valid)
		return; /* damaged, and nobody's */
	if (t.thread < 0 && !v->entries && !(f->orphans && is_empty_tcache(w, f->l, v))) {
		note_doubt(w, f, v);
		return;
	}
	if (!heap_find(w->heap, v->at, &b) || !bit_get(w->heap->used, b.id))
		return;
	a = &w->heap->arena[b.span->arena];
	bit_clear(w->heap->used, b.id);
	bit_set(w->heap->internal, b.id);
	a->used.blocks--;
	a->used.bytes -= b.size;
	a->internal.blocks++;
	a->internal.bytes += b.size;
	release_lists(w, f->l, &t);
	array_push(&w->tcaches, t);
}

/* 2.26 to 2.31 and 2.32 on have structs of one size: an empty one tells by mp_'s age only. */
static bool of_other_age(const struct walk *w, const struct tcache_layout *l)
{
	const struct instance *in = &w->instances.v[0];

	if (l->word != w->word)
		return true;
	const struct versions *v = in->parl ? &in->parl->versions : &in->state->versions;

	return l->versions.to < v->from || l->versions.from > v->to;
}

/* A list that is not masked ends well only under a layout that does not mask, and so the other way.
 */
static bool fits_better(const struct fit *f, const struct fit *best)
{
	uint64_t good = f->entries * 8 + f->votes, most = best->entries * 8 + best->votes;

	return !best->l || good > most || (good == most && f->broken < best->broken);
}

static void try_better(struct walk *w, const struct tcache_layout *l, struct fit *best)
{
	struct fit f;

	try_layout(w, l, &f);
	if (fits_better(&f, best)) {
		mem_free(best->v);
		*best = f;
	} else {
		mem_free(f.v);
	}
}

/* The layout that no table has: by libc's debug information, else by mp_. NULL: none. */
static const struct tcache_layout *new_layout(struct walk *w)
{
	const struct debug_layout *known = w->known;

	if (known && known->tcache && debug_layout_of(known, w->instances.v[0].main_arena))
		return tcache_in_table(known->tcache) ? NULL : known->tcache;
	return tcache_infer(w);
}

void tcache_expect(struct walk *w)
{
	const struct tcache_layout *l = w->instances.n ? new_layout(w) : NULL;

	/* 0x250, 0x290, 0x300 and what malloc could not split off; 0x150, 0x190, 0x1d0 */
	w->candidate_max = w->word == 8 ? 0x320 : 0x1f0;
	if (l && l->size + 0x30u > w->candidate_max)
		w->candidate_max = l->size + 0x30u;
}

void tcaches_find(struct walk *w)
{
	struct fit best = { 0 };
	const struct tcache_layout *l;

	if (!w->instances.n || !w->candidates.n)
		return;
	for (size_t i = 0; i < tcache_nlayouts; i++)
		if (!of_other_age(w, &tcache_layouts[i]))
			try_better(w, &tcache_layouts[i], &best);
	l = new_layout(w);
	if (l)
		try_better(w, l, &best);
	if (best.entries || best.votes) {
		if (best.entries)
			w->instances.v[0].tcache = best.l;
		for (size_t i = 0; i < w->candidates.n; i++)
			if (best.v[i].valid || size_fits(w, best.v[i].at, best.l))
				accept(w, &best, &best.v[i]);
	}
	mem_free(best.v);
}
