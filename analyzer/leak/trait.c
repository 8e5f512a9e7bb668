#include "analyzer/leak/trait.h"
#include "analyzer/process/place.h"
#include "analyzer/reach/effort.h"
#include "analyzer/reach/path.h"
#include "analyzer/report/report.h"

#define FINDINGS   32  /* that are looked at: those that hold most */
#define SAMPLES    24  /* blocks of each */
#define WORDS      48  /* of each block */
#define MOST       6   /* traits of a finding */
#define AGREE      90  /* percent of the samples that have it */
#define FEW_SHARED 8   /* blocks that point to the same one: fewer may do so by chance */
#define TEXT_MOST  256 /* bytes of text that are looked at */
#define SHORT      15  /* bytes of text that a std::string keeps itself */
#define INLINE     8   /* bytes of text in a block itself: fewer may be a number */

struct search {
	struct analysis *a;
	struct report *report;
	struct report_finding *finding;
	struct block block[SAMPLES];
	uint64_t value[SAMPLES]; /* of the word that is looked at */
	size_t n;
	bool in_text;  /* the word before it was text */
	uint64_t skip; /* offset up to which words are known */
	struct report_trait trait[MOST];
	size_t ntraits;
};

static bool most(const struct search *s, size_t hits)
{
	return hits && hits * 100 >= s->n * AGREE;
}

static void put(struct search *s, uint64_t offset, const char *kind, const char *text, vaddr at)
{
	if (s->ntraits < MOST)
		s->trait[s->ntraits++] = (struct report_trait){ offset, kind, text, at };
}

/* "handler (server+0x1234)", "server+0x1234" */
static const char *name_of(const struct search *s, const struct symbol *symbol)
{
	struct pool *pool = &s->report->pool;
	const char *place = pool_printf(pool, "%s+0x%llx", base_name(symbol->module->path),
	                                (unsigned long long)symbol->module_offset);

	if (!symbol->name)
		return place;
	if (symbol->offset)
		return pool_printf(pool, "%s+0x%llx (%s)", symbol->name,
		                   (unsigned long long)symbol->offset, place);
	return pool_printf(pool, "%s (%s)", symbol->name, place);
}

/* A class's vtables are in its type's name. */
static bool is_told(const struct search *s, const struct symbol *symbol)
{
	static const char vtable[] = "vtable for ";
	const struct type *type = types_of(s->a->types, s->block[0].id);

	return type && !strcmp(type->method, "vtable") && symbol->name &&
	       !strncmp(symbol->name, vtable, sizeof(vtable) - 1);
}

/* The C library's own say nothing of the program. */
static bool in_file(struct search *s, uint64_t offset, vaddr at, bool code)
{
	struct symbol symbol;
	const struct type *type = types_of(s->a->types, s->block[0].id);

	module_symbol(s->a->core, analysis_modules(s->a), at, false, &symbol);
	if (!symbol.module || symbol.module->start == at || module_is_runtime(symbol.module) ||
	    (code && s->n < 2 && (!symbol.name || symbol.offset)) || is_told(s, &symbol) ||
	    (!offset && type && !strcmp(type->method, "vtable")))
		return false;
	put(s, offset, code ? "function" : "variable", name_of(s, &symbol), at);
	return true;
}

static bool is_kept(const struct search *s, const struct block *b)
{
	enum reach_class reach;

	if (b->state != BLOCK_USED || b->id >= s->a->heap->nchunks)
		return false;
	reach = reach_of(analysis_reach(s->a), b->id);
	return reach == REACH_REACHABLE || reach == REACH_POSSIBLE;
}

static bool same_word(struct search *s, uint64_t offset)
{
	uint64_t value = 0;
	size_t votes = 0, hits = 0;
	const struct segment *segment;
	struct block b;
	vaddr at;

	for (size_t i = 0; i < s->n; i++) { /* Boyer and Moore's vote */
		if (!votes)
			value = s->value[i];
		votes += s->value[i] == value ? 1 : (size_t)-1;
	}
	for (size_t i = 0; i < s->n; i++)
		hits += s->value[i] == value;
	at = core_pointer(s->a->core, value);
	segment = value && most(s, hits) ? core_segment(s->a->core, at) : NULL;
	if (!segment)
		return false;
	if (!heap_span(s->a->heap, at))
		return in_file(s, offset, at, segment->flags & SEG_X);
	if (s->n >= FEW_SHARED && heap_find(s->a->heap, at, &b) && is_kept(s, &b))
		put(s, offset, "block", NULL, at);
	return true;
}

/* The bytes of an address may look like text; one that is mapped is none. */
static bool is_address(const struct search *s, vaddr at)
{
	uint64_t value;

	return core_read_word(s->a->core, at, &value) && value &&
	       core_segment(s->a->core, core_pointer(s->a->core, value));
}

/* The form of the text at an address. */
static const char *form_at(const struct search *s, vaddr at, uint64_t room, size_t least)
{
	uint64_t avail;
	const char *text = (const char *)core_bytes(s->a->core, at, &avail);
	size_t n;

	if (!text || is_address(s, at))
		return NULL;
	if (avail > room)
		avail = room;
	n = strnlen(text, avail < TEXT_MOST ? (size_t)avail : TEXT_MOST);
	return n < least ? NULL : text_form(text, n);
}

static const char *form_of(const struct search *s, size_t i, uint64_t offset, bool inside)
{
	vaddr at = core_pointer(s->a->core, s->value[i]);
	struct block b;

	if (inside)
		return form_at(s, s->block[i].addr + offset, s->block[i].size - offset, INLINE);
	if (!heap_span(s->a->heap, at) || !heap_find(s->a->heap, at, &b) || b.state != BLOCK_USED)
		return NULL;
	return form_at(s, at, b.addr + b.size - at, 1);
}

static bool text_word(struct search *s, uint64_t offset, bool inside)
{
	const char *same = NULL;
	size_t hits = 0, agree = 0;

	for (size_t i = 0; i < s->n; i++) {
		const char *form = form_of(s, i, offset, inside);

		if (!form)
			continue;
		hits++;
		if (!same)
			same = form;
		agree += form == same;
	}
	if (!most(s, hits))
		return false;
	put(s, offset, inside ? "text" : "pointer to text", most(s, agree) ? same : "text", 0);
	return true;
}

/* libstdc++'s: text, length, then the text itself up to 15 bytes, else how much there is room for.
 */
static bool is_string(const struct search *s, size_t i, uint64_t offset, const char **form)
{
	unsigned word = s->a->core->machine->word;
	vaddr at = s->block[i].addr + offset, text = core_pointer(s->a->core, s->value[i]);
	uint64_t length, room = SHORT;
	struct block b;
	const char *p;

	*form = NULL;
	if (s->block[i].size < offset + 2 * word + SHORT + 1 ||
	    !core_read_word(s->a->core, at + word, &length))
		return false;
	if (text != at + 2 * word &&
	    (!core_read_word(s->a->core, at + 2 * word, &room) || !heap_span(s->a->heap, text) ||
	     !heap_find(s->a->heap, text, &b) || b.addr != text || room <= SHORT || room >= b.size))
		return false;
	p = length <= room ? (const char *)core_at(s->a->core, text, length + 1) : NULL;
	if (!p || p[length])
		return false;
	*form = text_form(p, length < TEXT_MOST ? (size_t)length : TEXT_MOST);
	return true;
}

static bool string_word(struct search *s, uint64_t offset)
{
	const char *form, *same = NULL;
	size_t hits = 0, told = 0, agree = 0;

	for (size_t i = 0; i < s->n; i++) {
		hits += is_string(s, i, offset, &form);
		told += form != NULL;
		same = same ? same : form;
		agree += form && form == same;
	}
	if (!most(s, hits) || !told)
		return false;
	put(s, offset, "string", agree * 100 >= told * AGREE ? same : "text", 0);
	s->skip = offset + 2 * s->a->core->machine->word + SHORT;
	return true;
}

static void of_word(struct search *s, uint64_t offset)
{
	bool any = false;

	if (offset < s->skip)
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (!core_read_word(s->a->core, s->block[i].addr + offset, &s->value[i]))
			s->value[i] = 0;
		any |= s->value[i] != 0;
	}
	if (!any) {
		s->in_text = false;
		return;
	}
	if (s->in_text) { /* until its end there is nothing else */
		s->in_text = form_of(s, 0, offset, true) != NULL;
		return;
	}
	if (string_word(s, offset) || same_word(s, offset) || text_word(s, offset, false))
		return;
	s->in_text = s->n > 1 && text_word(s, offset, true); /* of one block it tells nothing */
}

static uint64_t take_samples(struct search *s)
{
	uint64_t size = UINT64_MAX;

	s->n = 0;
	for (size_t i = 0; i < s->finding->npicks && s->n < SAMPLES; i++) {
		struct block *b = &s->block[s->n];

		if (!heap_find(s->a->heap, s->finding->pick[i], b) || b->id >= s->a->heap->nchunks)
			continue;
		s->n++;
		if (b->size < size)
			size = b->size;
	}
	return s->n ? size : 0;
}

static void of_finding(struct search *s)
{
	unsigned word = s->a->core->machine->word;
	uint64_t words = take_samples(s) / word;
	struct report_trait *v;

	words -= words > 1; /* what malloc added is left over from somebody else */
	s->ntraits = 0;
	s->in_text = false;
	s->skip = 0;
	for (uint64_t i = 0; i < words && i < WORDS && s->ntraits < MOST; i++)
		of_word(s, i * word);
	if (!s->ntraits)
		return;
	v = pool_alloc(&s->report->pool, s->ntraits * sizeof(*v));
	memcpy(v, s->trait, s->ntraits * sizeof(*v));
	s->finding->trait = v;
	s->finding->ntraits = s->ntraits;
}

/* ---- blocks that all point to: whose are they? ---- */

static const char *held_text(struct report *r, struct places *places, const struct block *b,
                             const struct path *path)
{
	const struct type *type = types_of(places->a->types, b->id);
	const char *text, *root;

	text = type ? pool_printf(&r->pool, "the same %s, 0x%llx", type->name,
	                          (unsigned long long)b->addr)
	            : pool_printf(&r->pool, "the same block, 0x%llx", (unsigned long long)b->addr);
	if (!path->n)
		return text;
	root = place_root(places, &path->v[0], &r->pool);
	return pool_printf(&r->pool, "%s, held by %s", text, root);
}

struct shared {
	struct report_trait *trait;
	struct block block;
};

static size_t blocks_of(struct report *r, const struct heap *heap, struct shared *v)
{
	size_t n = 0;

	for (size_t i = 0; i < r->findings.n; i++)
		for (size_t k = 0; k < r->findings.v[i].ntraits; k++) {
			struct report_trait *t = &r->findings.v[i].trait[k];

			if (t->text || n >= FINDINGS * MOST)
				continue;
			v[n].trait = t;
			if (heap_find(heap, t->at, &v[n].block))
				n++;
		}
	return n;
}

static void name_blocks(struct report *r, struct analysis *a)
{
	struct shared *shared = mem_alloc(FINDINGS * MOST, sizeof(*shared));
	size_t n = blocks_of(r, a->heap, shared);
	struct block *block = mem_alloc(n + 1, sizeof(*block));
	struct path *path = mem_alloc(n + 1, sizeof(*path));
	struct pool pool = { 0 };
	struct places places;

	if (n) {
		for (size_t i = 0; i < n; i++)
			block[i] = shared[i].block;
		places_open(a, &places);
		if (effort_is_small(a))
			path_find(a->core, a->heap, analysis_roots(a), analysis_reach(a), PATH_ANY,
			          block, n, &pool, path);
		for (size_t i = 0; i < n; i++)
			shared[i].trait->text = held_text(r, &places, &block[i], &path[i]);
		places_close(&places);
	}
	pool_free(&pool);
	mem_free(path);
	mem_free(block);
	mem_free(shared);
}

static uint64_t holds(const struct report_finding *f)
{
	return !f->npicks ? 0 : f->retained_bytes == ABSENT ? f->bytes : f->retained_bytes;
}

/* The one that holds most of those that were not looked at. */
static struct report_finding *largest(struct report *r, uint64_t below, size_t *last)
{
	struct report_finding *f = NULL;
	size_t at = *last;

	for (size_t i = 0; i < r->findings.n; i++) {
		struct report_finding *x = &r->findings.v[i];

		if (!holds(x) || holds(x) > below || (holds(x) == below && i <= at))
			continue;
		if (!f || holds(x) > holds(f)) {
			f = x;
			*last = i;
		}
	}
	return f;
}

void report_add_traits(struct report *report, struct analysis *a)
{
	struct search *s = mem_alloc(1, sizeof(*s));
	uint64_t below = UINT64_MAX;
	size_t last = 0;

	s->a = a;
	s->report = report;
	analysis_types(a);
	for (unsigned i = 0; i < FINDINGS; i++) {
		s->finding = largest(report, below, &last);
		if (!s->finding)
			break;
		below = holds(s->finding);
		of_finding(s);
	}
	name_blocks(report, a);
	mem_free(s);
}
