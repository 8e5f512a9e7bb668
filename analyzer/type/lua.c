/*
 * Objects of Lua 5.3 and 5.4 (lobject.h, the same in both as far as it is looked at here): each
 * begins with CommonHeader {next, tt, marked}. A kind is believed where the block has just the size
 * that the object tells, which for strings and tables is told by several fields.
 */
#include "analyzer/analysis.h"
#include "analyzer/type/typing.h"

#define VALUE 16           /* bytes of a TValue where a word has 8 */
#define NODE  UINT64_C(24) /* bytes of a Node since 5.4; 32 before */

enum part { STRING, TABLE, ARRAY_PART, NODES, LUA_CLOSURE, C_CLOSURE, USERDATA, UPVALUE, PARTS };

static const char *const names[PARTS] = {
	"Lua string",  "Lua table",     "Lua table's array part", "Lua table's hash part",
	"Lua closure", "Lua C closure", "Lua userdata",           "Lua upvalue",
};

struct lua {
	struct typing *t;
	struct view view;
	uint32_t label[PARTS];
};

static bool word_at(struct lua *l, vaddr at, unsigned index, uint64_t *value)
{
	return view_read64(&l->view, at + index * 8, value);
}

static bool used_block(const struct lua *l, uint64_t v, struct block *b)
{
	return heap_span(l->t->heap, v) && heap_find(l->t->heap, v, b) && b->addr == v &&
	       b->state == BLOCK_USED;
}

static bool put(struct lua *l, const struct block *b, enum part part)
{
	struct type type = { names[part], "lua", 0.97 };

	if (!l->label[part])
		l->label[part] = types_intern(l->t->types, &type);
	types_put(l->t->types, b->id, l->label[part]);
	return true;
}

/* {next, tt marked extra shrlen hash, lnglen or hnext}, bytes, NUL */
static bool look_string(struct lua *l, const struct block *b, uint8_t tt, uint64_t head)
{
	uint64_t length = head >> 24 & 0xff;
	uint8_t nul;

	if (tt == 0x14 && !word_at(l, b->addr, 2, &length))
		return false;
	if (length >= b->size || b->size - length < 25 || !typing_fits(l->t, b, 25 + length) ||
	    !core_read(l->t->core, b->addr + 24 + length, &nul, 1) || nul)
		return false;
	return put(l, b, STRING);
}

/* {next, tt marked flags lsizenode alimit, array, node, lastfree, metatable, gclist} */
static bool look_table(struct lua *l, const struct block *b, uint64_t head)
{
	uint64_t array, nodes, free, log = head >> 24 & 0xff, limit = head >> 32, n = 0;
	struct block a, h;

	if (b->size != 56 || log > 30 || !word_at(l, b->addr, 2, &array) ||
	    !word_at(l, b->addr, 3, &nodes) || !word_at(l, b->addr, 4, &free))
		return false;
	if (array ? !used_block(l, array, &a) || limit > a.size / VALUE : limit)
		return false;
	if (used_block(l, nodes, &h)) {
		n = typing_fits(l->t, &h, NODE << log) ? NODE : 32;
		if (!typing_fits(l->t, &h, n << log) || free < nodes || free > nodes + (n << log))
			return false;
	} else if (log || free || !module_at(l->t->modules, nodes)) {
		return false; /* an empty table's node is a constant of the library */
	}
	if (array)
		put(l, &a, ARRAY_PART);
	if (n)
		put(l, &h, NODES);
	return put(l, b, TABLE);
}

/* {next, tt marked nupvalues, gclist, prototype or function, upvalues} */
static bool look_closure(struct lua *l, const struct block *b, uint8_t tt, uint64_t head)
{
	uint64_t n = head >> 16 & 0xff, function;
	const struct segment *s;
	struct block other;

	if (!word_at(l, b->addr, 3, &function))
		return false;
	if (tt == 0x06)
		return used_block(l, function, &other) && typing_fits(l->t, b, 32 + 8 * n) &&
		       put(l, b, LUA_CLOSURE);
	s = core_segment(l->t->core, function);
	return s && (s->flags & SEG_X) && typing_fits(l->t, b, 32 + VALUE * n) &&
	       put(l, b, C_CLOSURE);
}

/* {next, tt marked nuvalue, length, metatable}, then (gclist, user values) or nothing, bytes */
static bool look_userdata(struct lua *l, const struct block *b, uint64_t head)
{
	uint64_t n = head >> 16 & 0xffff, length, meta;
	struct block other;

	if (!word_at(l, b->addr, 2, &length) || !word_at(l, b->addr, 3, &meta) ||
	    length > b->size || !meta || !used_block(l, meta, &other) || other.size != 56)
		return false;
	return typing_fits(l->t, b, length + (n ? 40 + VALUE * n : 32)) && put(l, b, USERDATA);
}

/* {next, tt marked, pointer to the value, the value when it is closed} */
static bool look_upvalue(struct lua *l, const struct block *b)
{
	uint64_t value;

	return word_at(l, b->addr, 2, &value) && value == b->addr + 24 && b->size == 40 &&
	       put(l, b, UPVALUE);
}

static bool look_block(struct lua *l, const struct block *b)
{
	struct block other;
	uint64_t next, head;
	uint8_t tt;

	if (b->size < 24 || !word_at(l, b->addr, 0, &next) || !word_at(l, b->addr, 1, &head) ||
	    (next && !used_block(l, next, &other)))
		return false;
	tt = (uint8_t)head;
	if ((head >> 8 & 0xff) > 0x7f || !(head >> 8 & 0xff)) /* marked: a colour and an age */
		return false;
	switch (tt) {
	case 0x04: /* short and long strings */
	case 0x14:
		return look_string(l, b, tt, head);
	case 0x05:
		return look_table(l, b, head);
	case 0x09:
		return look_upvalue(l, b);
	case 0x07:
		return look_userdata(l, b, head);
	case 0x06:
	case 0x26:
		return look_closure(l, b, tt, head);
	default:
		return false;
	}
}

void typing_lua(struct typing *t)
{
	struct lua l = { .t = t, .view = { .core = t->core } };
	struct heap_iter it = { 0 };
	struct block b;
	bool found = false;

	for (size_t i = 0; i < t->modules->n; i++)
		found |= strstr(t->modules->v[i].path, "lua") != NULL;
	if (!t->heap->nspans || !found || t->core->machine->word != 8)
		return;
	while (heap_next_set(t->heap, types_wanted(t->types), &it, &b))
		look_block(&l, &b);
}
