/*
 * A child that looks like its parent is the next node of a list or a tree: it is told as such, and
 * not followed, so that a list of three is the same as one of five. Nor is a child of a known type:
 * that says what hangs on it. More than MOST different children are called many. Of a block with
 * many pointers the first ones are looked at.
 */
#include "analyzer/graph/below.h"

#include <stdlib.h>

#define MOST  6   /* looks that are told apart below one block */
#define WIDTH 512 /* pointers of a block that are looked at; of its children, 32 */
#define CHILD 32

struct set {
	uint32_t look[MOST];
	uint32_t n;
	bool many, like_itself;
};

/* Equal looks, or by_kind: equal types. */
static bool alike(const struct below *b, uint32_t x, uint32_t y, bool by_kind)
{
	return x == y || (by_kind && b->looks->v.v[x].kind == b->looks->v.v[y].kind);
}

static bool is_leaf(const struct below *b, uint32_t node)
{
	return b->graph->first[node] == b->graph->first[node + 1];
}

/* The edges of a node that are looked at: first[node] to this. */
static uint32_t end_of(const struct below *b, uint32_t node, uint32_t width)
{
	uint32_t first = b->graph->first[node], end = b->graph->first[node + 1];

	return end - first > width ? first + width : end;
}

static void put(const struct below *b, uint32_t look, bool by_kind, struct set *s)
{
	uint32_t i = 0;

	while (i < s->n && !alike(b, s->look[i], look, by_kind))
		i++;
	if (i < s->n)
		return;
	s->many |= s->n == MOST;
	if (s->n < MOST)
		s->look[s->n++] = look;
}

static bool has(const struct set *s, uint32_t look)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->look[i] == look)
			return true;
	return false;
}

/*
 * Looks of what a node points to; what points back to `not` is left out. by_kind: one for each
 * type, where all that is not known is of one type, and so never a list's next node. What is
 * content comes last: the last nodes of lists are none.
 */
static void gather(const struct below *b, uint32_t node, uint32_t not, uint32_t width, bool by_kind,
                   struct set *s)
{
	uint32_t end = end_of(b, node, width), own = b->look[node];
	bool typed = b->looks->v.v[own].type != NULL, plain = b->plain && !by_kind, left = false;

	for (uint32_t e = b->graph->first[node]; e < end; e++) {
		uint32_t to = b->graph->to[e], look = b->look[to];

		if (to == not )
			continue;
		if ((typed || !by_kind) && alike(b, look, own, by_kind))
			s->like_itself = true;
		else if (plain && is_leaf(b, to))
			left = true;
		else
			put(b, look, by_kind, s);
	}
	for (uint32_t e = b->graph->first[node]; left && e < end; e++) {
		uint32_t to = b->graph->to[e], look = b->look[to];

		if (to != not && is_leaf(b, to) && look != own && !has(s, look))
			put(b, b->plain[look], false, s);
	}
}

/* The same of all children of node with this look, whose type is not known. */
static void gather_below(const struct below *b, uint32_t node, uint32_t look, struct set *s)
{
	uint32_t end = b->graph->first[node + 1], left = b->looks->v.v[look].type ? 0 : WIDTH;

	for (uint32_t e = b->graph->first[node]; e < end && left; e++, left--)
		if (b->look[b->graph->to[e]] == look && b->graph->to[e] != node)
			gather(b, b->graph->to[e], node, CHILD, false, s);
}

uint64_t below_content(const struct below *b, uint32_t node)
{
	uint32_t end = end_of(b, node, WIDTH);
	uint64_t most = 0;

	for (uint32_t e = b->graph->first[node]; e < end; e++) {
		uint64_t size = b->looks->v.v[b->look[b->graph->to[e]]].size;

		if (is_leaf(b, b->graph->to[e]) && size != LOOK_VARIED && size > most)
			most = size;
	}
	return most;
}

static int by_value(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

/* Of hashes as a set. */
static uint64_t hash_set(uint64_t *v, uint32_t n, const struct set *s)
{
	uint64_t h = HASH_START, last = 0;

	if (s->many)
		return hash_number(h, 2);
	qsort(v, n, sizeof(*v), by_value);
	for (uint32_t i = 0; i < n; i++) {
		if (!i || v[i] != last)
			h = hash_number(h, v[i]);
		last = v[i];
	}
	return hash_number(h, s->like_itself);
}

/* A class says of what size the nodes of its containers are; that differs between libraries. */
static uint64_t key_below(const struct below *b, uint32_t owner, uint32_t look)
{
	const struct look *x = &b->looks->v.v[look];

	return b->looks->v.v[owner].fixed && x->part ? x->kind : x->key;
}

/* owner: the look of what they hang on. */
static uint64_t hash_looks(const struct below *b, uint32_t owner, const struct set *s)
{
	uint64_t v[MOST];

	for (uint32_t i = 0; i < s->n; i++)
		v[i] = key_below(b, owner, s->look[i]);
	return hash_set(v, s->n, s);
}

uint64_t below_kinds(const struct below *b, uint32_t node)
{
	struct set kinds = { .n = 0 };
	uint64_t kind[MOST];

	gather(b, node, node, WIDTH, true, &kinds);
	for (uint32_t i = 0; i < kinds.n; i++)
		kind[i] = b->looks->v.v[kinds.look[i]].kind;
	return hash_set(kind, kinds.n, &kinds);
}

uint64_t below_looks(const struct below *b, uint32_t node)
{
	struct set looks = { .n = 0 };
	uint64_t look[MOST];

	gather(b, node, node, WIDTH, false, &looks);
	for (uint32_t i = 0; i < looks.n; i++) {
		struct set t = { .n = 0 };

		gather_below(b, node, looks.look[i], &t);
		t.like_itself &= !b->plain; /* a list may have one node only */
		look[i] = hash_number(key_below(b, b->look[node], looks.look[i]),
		                      hash_looks(b, looks.look[i], &t));
	}
	return hash_set(look, looks.n, &looks);
}

/* ---- as text ---- */

const char *look_text(const struct look *x, struct pool *pool)
{
	const char *name = x->type ? x->type : "";

	if (x->size == LOOK_VARIED)
		return *name ? name : "{...}";
	return pool_printf(pool, "%s{%llu}", name, (unsigned long long)x->size);
}

/* Words sorted, each once, with commas. */
static const char *list(const char **word, uint32_t n, const struct set *s, struct pool *pool)
{
	const char *text = "";

	if (s->many)
		return "...";
	for (uint32_t i = 1; i < n; i++)
		for (uint32_t k = i; k && strcmp(word[k - 1], word[k]) > 0; k--) {
			const char *w = word[k];

			word[k] = word[k - 1];
			word[k - 1] = w;
		}
	for (uint32_t i = 0; i < n; i++)
		if (!i || strcmp(word[i - 1], word[i]))
			text = pool_printf(pool, "%s%s%s", text, *text ? ", " : "", word[i]);
	return text;
}

/* " in T" is left out below a T. */
static const char *without_owner(const char *type, const char *owner, struct pool *pool)
{
	size_t n = type ? strlen(type) : 0, tail = owner ? strlen(owner) : 0;

	if (!tail || n < tail + 4 || strcmp(type + n - tail, owner) != 0 ||
	    memcmp(type + n - tail - 4, " in ", 4) != 0)
		return type;
	return pool_strndup(pool, type, n - tail - 4);
}

/* owner: the type of what it hangs on; NULL: unknown. */
static const char *text_of(const struct below *b, uint32_t look, const char *owner,
                           const char *content, struct pool *pool)
{
	struct look x = b->looks->v.v[look];

	if (x.size == LOOK_VARIED && !x.type && content)
		return content;
	x.type = without_owner(x.type, owner, pool);
	return look_text(&x, pool);
}

/* What hangs on children of one look: " -> {24}". */
static const char *text_below(const struct below *b, uint32_t node, uint32_t look, bool alone,
                              const char *owner, const char *content, struct pool *pool)
{
	const char *word[MOST + 1], *self = text_of(b, look, owner, content, pool), *text;
	struct set s = { .n = 0 };
	uint32_t n = 0;

	gather_below(b, node, look, &s);
	for (; n < s.n; n++)
		word[n] = text_of(b, s.look[n], NULL, content, pool);
	if (s.like_itself)
		word[n++] = self;
	text = list(word, n, &s, pool);
	if (!*text)
		return self;
	return pool_printf(pool, alone ? "%s -> %s" : "(%s -> %s)", self, text);
}

const char *below_text(const struct below *b, uint32_t node, const struct look *self,
                       enum below_detail detail, const char *content, struct pool *pool)
{
	const char *word[MOST + 1], *own = look_text(self, pool), *text;
	struct set s = { .n = 0 };
	uint32_t n = 0;

	if (detail == BELOW_NOTHING)
		return pool_printf(pool, "%s -> ...", own);
	gather(b, node, node, WIDTH, detail == BELOW_KINDS, &s);
	for (; n < s.n; n++) {
		const struct look *x = &b->looks->v.v[s.look[n]];

		if (detail == BELOW_KINDS)
			word[n] = x->type ? without_owner(x->type, self->type, pool) : "{...}";
		else
			word[n] = text_below(b, node, s.look[n], s.n == 1 && !s.like_itself,
			                     self->type, content, pool);
	}
	if (s.like_itself)
		word[n++] = own;
	text = list(word, n, &s, pool);
	return *text ? pool_printf(pool, "%s -> %s", own, text) : own;
}
