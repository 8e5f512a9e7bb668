/*
 * First pass: how many references go to which offset, by size and type of the block; a hash table.
 * Second pass: from the roots and the reachable blocks through structural pointers to possible
 * blocks, and on from those through start pointers and structural ones.
 */
#include "analyzer/reach/interior.h"
#include "analyzer/type/propagate.h"
#include "analyzer/report/text.h"
#include "formats/wordrun.h"

#define LEAST_REFERENCES 8
#define LEAST_PERCENT    2
#define OFFSETS_MAX      (1u << 20) /* different ones that are counted */
#define TOTAL            UINT32_MAX /* in place of an offset: all references */
#define SOURCE_BYTES     512        /* of a referrer, whose words are counted */
#define SOURCE_PERCENT   90
#define WEAK_MOST        1024
#define WAITING          128 /* words that are looked up together */
#define LOOK_WORDS       8 /* of a referrer that tell its kind, the last one of it left out */

struct count {
	uint64_t size; /* 0: empty */
	uint32_t label, offset;
	uint64_t n;
	/* of words in a referrer: */
	uint64_t inside; /* that point into the middle */
	uint32_t blocks; /* different ones in a row that these point to */
	uint32_t last;   /* id */
};

/* By size, type and offset. */
struct counts {
	struct count *v;
	size_t n, used; /* n is a power of two */
};

/* A word that may point to a block. */
struct waiting {
	struct interior_source from; /* block.addr 0: a root */
	uint64_t word;
};

struct interior {
	const struct propagation *propagation; /* may be NULL */
	const struct core *core;
	const struct heap *heap;
	const struct roots *roots;
	const struct reach *reach;
	const struct types *types;
	struct modules *modules;
	struct rtti *rtti;
	unsigned word;
	vaddr lo, hi;           /* of all blocks */
	struct counts to, from; /* by what is pointed to, by what points */
	uint32_t look_id, look; /* of the block that was asked about last */
	uint64_t *kept;         /* bit by id */
	struct tally tally;
	ARRAY(struct block) todo;
	ARRAY(uint32_t) weak; /* ids of what weak words point to; WEAK_MOST + 1: and more */
	struct waiting *waiting; /* WAITING; NULL but in passes */
	size_t nwaiting;
	bool keeping; /* the second pass */
};

/* ---- counts ---- */

/* Type and, in two bits a word, the beginning: a pointer to a block, code, data, none of these. */
static uint32_t look_of(struct interior *in, const struct block *b)
{
	uint32_t look = types_label(in->types, b->id);

	if (in->look_id == b->id)
		return in->look;
	for (uint64_t i = 0; i < LOOK_WORDS && (i + 2) * in->word <= b->size; i++) {
		const struct segment *s = NULL;
		uint64_t value;
		uint32_t kind;
		struct block to;

		if (!core_read_word(in->core, b->addr + i * in->word, &value))
			break;
		value = core_pointer(in->core, value);
		if (value >= in->lo && value < in->hi && heap_find(in->heap, value, &to))
			kind = to.state == BLOCK_USED;
		else
			kind = !(s = core_segment(in->core, value)) ? 0 : s->flags & SEG_X ? 2 : 3;
		look = (look << 2 | look >> 30) * 5 + kind;
	}
	in->look_id = b->id;
	return in->look = look;
}

static struct count *count_at(const struct counts *c, uint64_t size, uint32_t label,
                              uint32_t offset)
{
	uint64_t h = (size << 20 ^ (uint64_t)label << 44 ^ offset) * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(h >> 32) & (c->n - 1);

	while (c->v[i].size &&
	       (c->v[i].size != size || c->v[i].label != label || c->v[i].offset != offset))
		i = (i + 1) & (c->n - 1);
	return &c->v[i];
}

static void grow(struct counts *c)
{
	struct count *old = c->v;
	size_t n = c->n;

	c->n = n ? n * 2 : 1024;
	c->v = mem_alloc(c->n, sizeof(*c->v));
	for (size_t i = 0; i < n; i++)
		if (old[i].size)
			*count_at(c, old[i].size, old[i].label, old[i].offset) = old[i];
	mem_free(old);
}

/* NULL: there are too many different ones. */
static struct count *add(struct counts *c, const struct block *b, uint32_t label, uint32_t offset)
{
	struct count *at = count_at(c, b->size, label, offset);

	if (!at->size) {
		if (c->used >= OFFSETS_MAX)
			return NULL;
		if (++c->used * 2 >= c->n) {
			grow(c);
			at = count_at(c, b->size, label, offset);
		}
		*at = (struct count){ .size = b->size, .label = label, .offset = offset };
	}
	at->n++;
	return at;
}

/* ---- what stands in the block ---- */

static bool word_at(const struct interior *in, vaddr at, uint64_t *value)
{
	return core_read_word(in->core, at, value);
}

static bool is_string(const struct interior *in, const struct block *b, uint64_t offset)
{
	uint64_t length, capacity, head = 3 * (uint64_t)in->word;

	return offset == head && b->size > head && word_at(in, b->addr, &length) &&
	       word_at(in, b->addr + in->word, &capacity) && length <= capacity &&
	       capacity < b->size - head && b->size - head - capacity <= 2 * in->heap->align;
}

/* Memcheck's length64 and newarray, for the words of this machine. */
static bool is_length(const struct interior *in, const struct block *b, uint64_t offset)
{
	uint64_t length, room = b->size - in->word;

	return offset == in->word && word_at(in, b->addr, &length) && length >= in->word &&
	       length <= room && room - length < 2 * in->heap->align;
}

static bool is_array(const struct interior *in, const struct block *b, uint64_t offset)
{
	uint64_t n, room = b->size - in->word, size;

	if (offset != in->word || !word_at(in, b->addr, &n) || n < 2 || n > room / in->word)
		return false;
	size = round_down(room / n, in->word);
	return room - n * size < 2 * in->heap->align;
}

static bool is_base(const struct interior *in, const struct block *b, uint64_t offset)
{
	const struct rtti_class *class;
	uint64_t first, here;

	if (offset % in->word || b->size - offset < in->word || !word_at(in, b->addr, &first) ||
	    !word_at(in, b->addr + offset, &here))
		return false;
	class = rtti_find(in->rtti, here);
	return class && class->top == offset && rtti_find(in->rtti, first);
}

static bool is_object(const struct interior *in, const struct block *b, uint64_t offset)
{
	const struct type *type = types_of(in->types, b->id);

	return offset == 2 * in->word && type && !strcmp(type->method, "cpython");
}

static bool is_member(const struct interior *in, const struct block *b, uint64_t offset)
{
	return propagation_member(in->propagation, b->id, offset);
}

/* The last word is where malloc's own pointers lead: the next chunk's header. */
static bool in_middle(const struct interior *in, const struct block *b, uint64_t offset)
{
	return offset && offset < b->size - in->word;
}

static bool is_source(struct interior *in, const struct interior_source *from,
                      struct interior_verdict *v)
{
	const struct count *c;

	if (!from || from->at >= SOURCE_BYTES || !from->block.size)
		return false;
	c = count_at(&in->from, from->block.size, look_of(in, &from->block), (uint32_t)from->at);
	if (c->blocks < LEAST_REFERENCES || c->inside * 100 < c->n * SOURCE_PERCENT)
		return false;
	*v = (struct interior_verdict){ INTERIOR_SOURCE, c->inside, c->n };
	return true;
}

struct interior_verdict interior_judge(struct interior *in, const struct interior_source *from,
                                       const struct block *b, uint64_t offset)
{
	static const struct {
		enum interior_kind kind;
		bool (*is)(const struct interior *, const struct block *, uint64_t);
	} looks[] = {
		{ INTERIOR_BASE, is_base },     { INTERIOR_STRING, is_string },
		{ INTERIOR_OBJECT, is_object }, { INTERIOR_LENGTH, is_length },
		{ INTERIOR_ARRAY, is_array },   { INTERIOR_MEMBER, is_member },
	};
	uint32_t label = types_label(in->types, b->id);
	struct interior_verdict v = { .kind = INTERIOR_WEAK };

	if (!b->size || offset >= b->size)
		return v;
	v.all = count_at(&in->to, b->size, label, TOTAL)->n;
	if (offset < TOTAL)
		v.here = count_at(&in->to, b->size, label, (uint32_t)offset)->n;
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		if (looks[i].is(in, b, offset)) {
			v.kind = looks[i].kind;
			return v;
		}
	}
	if (!in_middle(in, b, offset))
		return v;
	if (v.here >= LEAST_REFERENCES && v.here * 100 >= v.all * LEAST_PERCENT)
		v.kind = INTERIOR_SHARED;
	else
		is_source(in, from, &v);
	return v;
}

/* ---- passes ---- */

static bool find(const struct interior *in, uint64_t word, struct block *b, uint64_t *offset)
{
	if (!heap_find(in->heap, word, b) || b->state != BLOCK_USED || b->id >= in->heap->nchunks)
		return false;
	*offset = word - b->addr;
	return true;
}

static void count_source(struct interior *in, const struct interior_source *from,
                         const struct block *b, uint64_t offset)
{
	struct count *c = from->at < SOURCE_BYTES
	                          ? add(&in->from, &from->block, look_of(in, &from->block),
	                                (uint32_t)from->at)
	                          : NULL;

	if (!c || !in_middle(in, b, offset))
		return;
	c->inside++;
	c->blocks += (c->inside == 1 || c->last != b->id) && c->blocks < UINT32_MAX;
	c->last = b->id;
}

static void count_word(struct interior *in, const struct interior_source *from, uint64_t word)
{
	uint64_t offset;
	uint32_t label;
	struct block b;

	if (!find(in, word, &b, &offset) || !b.size)
		return;
	label = types_label(in->types, b.id);
	add(&in->to, &b, label, TOTAL);
	if (offset && offset < TOTAL)
		add(&in->to, &b, label, (uint32_t)offset);
	if (from && from->block.id != b.id)
		count_source(in, from, &b, offset);
}

/* A word that leads to a possible block. */
static void keep_word(struct interior *in, const struct interior_source *from, uint64_t word)
{
	uint64_t offset;
	struct block b;

	if (!find(in, word, &b, &offset) || bit_get(in->kept, b.id))
		return;
	if (offset && interior_judge(in, from, &b, offset).kind == INTERIOR_WEAK) {
		if (in->weak.n <= WEAK_MOST)
			array_push(&in->weak, b.id);
		return;
	}
	bit_set(in->kept, b.id);
	in->tally.blocks++;
	in->tally.bytes += b.size;
	array_push(&in->todo, b);
}

/* Ids of what waiting words point to, in front; words that do not point to blocks go. */
static size_t find_waiting(struct interior *in, uint32_t *id)
{
	size_t n = 0;

	for (size_t i = 0; i < in->nwaiting; i++) {
		vaddr at = in->waiting[i].word - CHUNK_HEADER;
		const struct span *s = heap_span(in->heap, at);

		if (s && s->cell)
			__builtin_prefetch(cell_at(s, at));
	}
	for (size_t i = 0; i < in->nwaiting; i++) {
		vaddr at = in->waiting[i].word, chunk;
		const struct span *s = heap_span(in->heap, at - CHUNK_HEADER);

		if (!s || !span_find(s, at, &chunk, &id[n]))
			continue;
		__builtin_prefetch(&in->heap->used[id[n] >> 6]);
		if (n != i)
			in->waiting[n] = in->waiting[i];
		n++;
	}
	in->nwaiting = 0;
	return n;
}

/* What words lead to is asked for before the first of them is taken: memory is waited for once. */
static void take_waiting(struct interior *in)
{
	uint32_t id[WAITING];
	size_t n = find_waiting(in, id);

	if (in->keeping)
		for (size_t i = 0; i < n; i++) {
			__builtin_prefetch(&in->reach->strong[id[i] >> 6]);
			__builtin_prefetch(&in->reach->weak[id[i] >> 6]);
		}
	else
		types_fetch(in->types, id, n);
	for (size_t i = 0; i < n; i++) {
		const struct waiting *w = &in->waiting[i];
		const struct interior_source *from = w->from.block.addr ? &w->from : NULL;

		if (!in->keeping)
			count_word(in, from, w->word);
		else if (reach_of(in->reach, id[i]) == REACH_POSSIBLE)
			keep_word(in, from, w->word);
	}
}

static void wait_for(struct interior *in, const struct block *block, uint64_t at, uint64_t word)
{
	struct waiting *w = &in->waiting[in->nwaiting];

	word = core_pointer(in->core, word);
	if (word < in->lo || word >= in->hi)
		return;
	w->from.block = block ? *block : (struct block){ 0 };
	w->from.at = at;
	w->word = word;
	if (++in->nwaiting == WAITING)
		take_waiting(in);
}

/* block: what the range is; NULL: a root. */
static void look_range(struct interior *in, const struct block *block, vaddr at, vaddr end)
{
	struct wordrun run = wordruns(in->core, at, end);
	vaddr start = block ? block->addr : 0;

	while (wordrun_next(&run))
		for (uint64_t i = 0; i < run.bytes; i += in->word)
			wait_for(in, block, run.at + i - start, load_word(run.mem + i, in->word));
}

static void look_all(struct interior *in, unsigned classes)
{
	uint64_t *bits = reach_bits(in->reach, classes);
	struct heap_iter it = { 0 };
	struct block b;

	for (size_t i = 0; i < in->roots->nregs; i++)
		wait_for(in, NULL, 0, in->roots->reg[i].value);
	for (size_t i = 0; i < in->roots->n; i++)
		look_range(in, NULL, in->roots->v[i].start, in->roots->v[i].end);
	while (heap_next_set(in->heap, bits, &it, &b))
		look_range(in, &b, b.addr, b.addr + b.size);
	take_waiting(in);
	mem_lazy_free(bits, in->heap->bits_bytes);
}

struct interior *interior_find(struct analysis *a)
{
	struct interior *in = mem_alloc(1, sizeof(*in));

	in->core = a->core;
	in->heap = analysis_heap(a);
	in->roots = analysis_roots(a);
	in->reach = analysis_reach(a);
	in->types = analysis_types(a);
	in->propagation = a->propagation;
	in->modules = analysis_modules(a);
	in->rtti = rtti_make(a->core, in->modules);
	in->word = a->core->machine->word;
	in->kept = mem_lazy(in->heap->bits_bytes);
	in->lo = in->heap->nspans ? in->heap->span[0].start : 0;
	for (size_t i = 0; i < in->heap->nspans; i++)
		if (in->heap->span[i].own_end > in->hi)
			in->hi = in->heap->span[i].own_end;
	in->look_id = UINT32_MAX;
	grow(&in->to);
	grow(&in->from);
	if (!in->reach->total[REACH_POSSIBLE].blocks)
		return in;
	in->waiting = mem_alloc(WAITING, sizeof(*in->waiting));
	look_all(in, 1u << REACH_REACHABLE | 1u << REACH_POSSIBLE);
	in->keeping = true;
	look_all(in, 1u << REACH_REACHABLE);
	for (; in->todo.n; take_waiting(in))
		while (in->todo.n) {
			struct block b = in->todo.v[--in->todo.n];

			look_range(in, &b, b.addr, b.addr + b.size);
		}
	array_free(&in->todo);
	mem_free(in->waiting);
	in->waiting = NULL;
	return in;
}

void interior_free(struct interior *in)
{
	if (!in)
		return;
	rtti_free(in->rtti);
	mem_lazy_free(in->kept, in->heap->bits_bytes);
	mem_free(in->to.v);
	mem_free(in->from.v);
	array_free(&in->todo);
	array_free(&in->weak);
	mem_free(in);
}

bool interior_structural(const struct interior *in, uint32_t id)
{
	return id < in->heap->nchunks && bit_get(in->kept, id);
}

struct tally interior_tally(const struct interior *in)
{
	return in->tally;
}

uint64_t interior_weak_words(const struct interior *in)
{
	uint64_t n = 0;

	if (in->weak.n > WEAK_MOST)
		return UINT64_MAX;
	for (size_t i = 0; i < in->weak.n; i++) /* what another pointer keeps needs none of these */
		n += !bit_get(in->kept, in->weak.v[i]);
	return n;
}

const char *interior_text(const struct interior_verdict *v, struct pool *pool)
{
	static const char *const texts[] = {
		[INTERIOR_WEAK] = "",
		[INTERIOR_STRING] = "to the text of a reference-counted string",
		[INTERIOR_LENGTH] = "behind the length that it begins with",
		[INTERIOR_ARRAY] = "behind the number of its elements, as new[] returns it",
		[INTERIOR_BASE] = "to a base class's part of the object",
		[INTERIOR_MEMBER] = "to a member, as debug information has it",
		[INTERIOR_OBJECT] = "to a CPython object, behind its collector's links",
	};

	if (v->kind == INTERIOR_SHARED)
		return pool_printf(pool, "where %s of %s to blocks like this one point",
		                   text_count_in(pool, v->here),
		                   text_plural(pool, v->all, "pointer", "pointers"));
	if (v->kind == INTERIOR_SOURCE)
		return pool_printf(pool, "as %s of %s in this place of such blocks do",
		                   text_count_in(pool, v->here),
		                   text_plural(pool, v->all, "pointer", "pointers"));
	return texts[v->kind];
}
