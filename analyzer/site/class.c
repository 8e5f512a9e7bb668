#include "analyzer/site/class.h"

#include <ctype.h>

/* Characters: four are as likely a number, and a time is printable in some years only. */
#define TEXT_LEAST 5
/* So many are text whatever is behind them: as a rule rests of what was freed. */
#define TEXT_LONG  24
#define ARRAY_FROM 256 /* bytes into a block from which on words are taken for an array's */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static bool printable(uint8_t c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r' || c >= 0x80;
}

bool site_word_address(const struct core *core, uint64_t word)
{
	uint64_t top = word >> 40;

	return top == 0x55 || top == 0x56 || (top <= 0x7f && core_segment(core, word));
}

/*
 * Behind a short text may be the rest of an address, which the process has not: three letters and a
 * NUL are no such address's low bytes, but for one in ten thousand.
 */
static bool over_address(const struct core *core, const uint8_t *mem, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (!isalnum(mem[i]) && !strchr("_-./", mem[i]))
			return false;
	return n >= 3 && !core_segment(core, load64(mem));
}

bool site_text_at(const struct core *core, const uint8_t *mem, uint64_t size, uint64_t *length)
{
	uint64_t n = 0, high = 0;

	while (n < size && mem[n] && printable(mem[n]))
		high += mem[n++] >= 0x80;
	*length = n;
	if (!((n >= 1 && n < size && !mem[n]) || n >= TEXT_LONG) || high * 4 > n)
		return false;
	return size < 8 || n > 7 || !site_word_address(core, load64(mem)) ||
	       over_address(core, mem, n);
}

static bool text_word(uint64_t word)
{
	unsigned n = 0;

	while (n < 8 && word >> 8 * n & 255) {
		uint8_t c = (uint8_t)(word >> 8 * n);

		if (c < 0x20 || c >= 0x7f)
			return false;
		n++;
	}
	return n >= TEXT_LEAST && (n == 8 || !(word >> 8 * n));
}

enum site_word site_word_kind(const struct site_classes *classes, uint64_t word)
{
	struct block b;

	if (!word)
		return WORD_ZERO;
	if ((word & UINT32_MAX) < 1u << 16 && word >> 32 < 1u << 16)
		return WORD_SMALL;
	if (heap_find(classes->heap, word, &b) && b.state == BLOCK_USED)
		return b.addr == word ? WORD_START : WORD_INTERIOR;
	if (word < UINT64_C(1) << 47 && module_at(classes->modules, word))
		return WORD_STATIC;
	return text_word(word) && !site_word_address(classes->core, word) ? WORD_TEXT : WORD_OTHER;
}

static const uint8_t *content(const struct core *core, const struct block *b, uint64_t *len)
{
	const uint8_t *mem = core_bytes(core, b->addr, len);

	if (mem && *len > b->size)
		*len = b->size;
	return mem;
}

/* The same in every run of the program: the order of classes goes by keys. */
static uint64_t static_key(const struct modules *modules, vaddr at)
{
	const struct module *m = module_at(modules, at);

	return mix((uint64_t)(m - modules->v), at - m->bias);
}

/* The numbers in a word that a site may have stored there. */
static uint64_t marks_of(const struct site_marks *marks, uint64_t size, uint64_t at, uint64_t word)
{
	uint64_t low = word & UINT32_MAX, high = word >> 32, key = 0;

	if (site_marks_has(marks, size, at, 8, word))
		return mix(1, word);
	if (low && site_marks_has(marks, size, at, 4, low))
		key = mix(2, low);
	if (high && site_marks_has(marks, size, at + 4, 4, high))
		key = mix(key + 3, high);
	return key;
}

/* Behind the first words: are those zero that some site would fill? */
static uint64_t filled_key(const struct site_classes *c, const uint8_t *mem, uint64_t len,
                           uint64_t size)
{
	uint64_t bits = c->marks ? site_marks_words(c->marks, size) : 0, key = 0;

	for (unsigned i = CLASS_KEY; i < 64 && len >= 8 * (i + 1) && bits >> i; i++)
		if (bits >> i & 1 && load64(mem + 8 * i))
			key |= UINT64_C(1) << i;
	return key;
}

const struct type *site_class_type(const struct site_classes *classes, uint32_t id)
{
	const struct type *t = classes->types ? types_of(classes->types, id) : NULL;

	if (!t || !strcmp(t->method, "text"))
		return NULL;
	return classes->reach && reach_of(classes->reach, id) < REACH_INDIRECT ? NULL : t;
}

static uint64_t type_key(const struct site_classes *c, uint32_t id)
{
	const struct type *t = site_class_type(c, id);
	uint64_t key = 0;

	for (const char *s = t ? t->name : ""; *s; s++)
		key = (key ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return key;
}

/* What a block is told by without who points to it. *plain: that is little. */
static uint64_t own_key(const struct site_classes *c, const struct block *b, bool *text,
                        bool *plain)
{
	uint64_t len = 0, length, key = mix(type_key(c, b->id), b->size);
	const uint8_t *mem = content(c->core, b, &len);

	*text = false;
	*plain = true;
	if (!mem)
		return mix(key, 1);
	if (site_text_at(c->core, mem, len, &length) && length >= TEXT_LEAST) {
		*text = true;
		return mix(key, 2);
	}
	for (unsigned i = 0; i < CLASS_KEY && len >= 8 * (i + 1); i++) {
		uint64_t word = load64(mem + 8 * i);
		enum site_word kind = site_word_kind(c, word);

		key = mix(key, kind + 3);
		if (kind == WORD_START || kind == WORD_STATIC)
			*plain = false;
		if (kind == WORD_STATIC && !i)
			key = mix(key, static_key(c->modules, word));
		if (c->marks && word)
			key = mix(key, marks_of(c->marks, b->size, 8 * i, word));
	}
	return mix(key, filled_key(c, mem, len, b->size));
}

static uint64_t key_of(const struct site_classes *c, const struct block *b, bool *text)
{
	bool plain;
	uint64_t key = own_key(c, b, text, &plain);

	if (!plain || !c->context || b->id >= c->heap->nchunks || !c->context[b->id])
		return key;
	return mix(key, c->context[b->id]);
}

/* Words of long arrays are all alike. */
static uint32_t place_hash(uint64_t key, uint64_t offset)
{
	uint64_t h = mix(key, offset < ARRAY_FROM ? offset : ARRAY_FROM);

	return (uint32_t)(h >> 32) | 1;
}

static void note_context(struct site_classes *c, const struct block *b)
{
	uint64_t len = 0, key = 0;
	const uint8_t *mem = content(c->core, b, &len);

	for (uint64_t i = 0; mem && i + 8 <= len; i += 8) {
		uint64_t word = load64(mem + i);
		struct block to;
		bool text, plain;

		if (word < c->lowest || word >= c->highest || !heap_find(c->heap, word, &to) ||
		    to.state != BLOCK_USED || to.addr != word || to.id >= c->heap->nchunks ||
		    to.id == b->id || c->context[to.id])
			continue;
		if (!key)
			key = own_key(c, b, &text, &plain);
		c->context[to.id] = place_hash(key, i);
	}
}

void site_classes_init(const struct core *core, const struct heap *heap,
                       const struct modules *modules, struct site_classes *out)
{
	*out = (struct site_classes){ .core = core, .heap = heap, .modules = modules };
}

void site_classes_context(struct site_classes *classes)
{
	const struct heap *heap = classes->heap;
	struct heap_iter it = { 0 };
	struct block b;

	if (!heap->nspans)
		return;
	classes->lowest = heap->span[0].start;
	for (size_t i = 0; i < heap->nspans; i++)
		if (heap->span[i].end > classes->highest)
			classes->highest = heap->span[i].end;
	classes->context_bytes = (uint64_t)heap->nchunks * sizeof(*classes->context) + 8;
	classes->context = mem_lazy(classes->context_bytes);
	while (heap_next(heap, &it, &b))
		if (b.state == BLOCK_USED && b.id < heap->nchunks)
			note_context(classes, &b);
}

static size_t slot_of(const struct site_classes *c, uint64_t key)
{
	size_t i = (size_t)(key >> 20) & (c->nslots - 1);

	while (c->slot[i] && c->v[c->slot[i] - 1].key != key)
		i = (i + 1) & (c->nslots - 1);
	return i;
}

static void grow(struct site_classes *c)
{
	mem_free(c->slot);
	c->nslots = c->nslots ? c->nslots * 2 : 1024;
	c->slot = mem_alloc(c->nslots, sizeof(*c->slot));
	for (size_t i = 0; i < c->n; i++)
		c->slot[slot_of(c, c->v[i].key)] = (uint32_t)i + 1;
}

static struct site_class *find(struct site_classes *c, uint64_t key)
{
	size_t i;

	if (c->n * 2 >= c->nslots)
		grow(c);
	i = slot_of(c, key);
	if (c->slot[i])
		return &c->v[c->slot[i] - 1];
	if (c->n >= c->most)
		return NULL;
	array_push(c, ((struct site_class){ .key = key }));
	c->slot[i] = (uint32_t)c->n;
	return &c->v[c->n - 1];
}

/* The first ones, then ever fewer of those that come. */
static void keep_sample(struct site_classes *c, struct site_class *class, const struct block *b)
{
	struct class_sample s = { .addr = b->addr, .id = b->id };
	uint64_t len = 0, pick = class->blocks;

	if (pick >= CLASS_SAMPLES) {
		pick = mix(class->key, class->blocks) % class->blocks;
		if (pick >= CLASS_SAMPLES)
			return;
	} else {
		class->nsamples++;
	}
	s.mem = content(c->core, b, &len);
	s.len = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
	if (!s.mem || !site_text_at(c->core, s.mem, s.len, &s.text))
		s.text = 0;
	class->sample[pick] = s;
}

static void take(struct site_classes *c, struct site_class *class, const struct block *b, bool text)
{
	class->size = b->size;
	class->text = text;
	keep_sample(c, class, b);
	class->blocks++;
}

void site_classes_make(struct site_classes *classes, const uint64_t *bits, size_t most)
{
	const struct heap *heap = classes->heap;
	struct heap_iter it = { 0 };
	struct block b;

	classes->most = most;
	while (bits ? heap_next_set(heap, bits, &it, &b) : heap_next(heap, &it, &b)) {
		struct site_class *class;
		uint64_t key;
		bool text;

		if (b.state != BLOCK_USED || b.id >= heap->nchunks)
			continue;
		key = key_of(classes, &b, &text);
		class = find(classes, key);
		if (!class)
			continue;
		take(classes, class, &b, text);
	}
}

uint32_t site_class_of(const struct site_classes *classes, const struct block *block)
{
	bool text;
	size_t i;

	if (!classes->nslots || block->state != BLOCK_USED)
		return CLASS_NONE;
	i = slot_of(classes, key_of(classes, block, &text));
	return classes->slot[i] ? classes->slot[i] - 1 : CLASS_NONE;
}

uint32_t site_class_made(struct site_classes *classes, const struct block *block)
{
	uint32_t known = site_class_of(classes, block);
	struct site_class *class;
	uint64_t key;
	bool text;

	if (known != CLASS_NONE || block->state != BLOCK_USED ||
	    block->id >= classes->heap->nchunks)
		return known;
	key = key_of(classes, block, &text);
	class = find(classes, key);
	if (!class)
		return CLASS_NONE;
	take(classes, class, block, text);
	return (uint32_t)(class - classes->v);
}

void site_classes_free(struct site_classes *classes)
{
	mem_free(classes->v);
	mem_free(classes->slot);
	if (classes->context)
		mem_lazy_free(classes->context, classes->context_bytes);
	*classes = (struct site_classes){ 0 };
}
