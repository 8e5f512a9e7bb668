/* The profile of a saved report. */
#include "analyzer/report/json_field.h"
#include "analyzer/diff/profile.h"

#include <jansson.h>
#include <stdlib.h>

#define LEVEL_MAX 40 /* 2^40 blocks are more than any heap has */

static void load_taken(struct loading *l, const json_t *o, struct profile *p)
{
	const json_t *taken = load_object(l, o, "taken");

	if (!taken)
		return;
	p->taken = load_string(l, taken, "time");
	p->taken_source = load_string(l, taken, "source");
}

static void load_groups(struct loading *l, const json_t *o, struct profile *p)
{
	const json_t *list = load_array(l, o, "groups"), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		struct report_finding f = load_finding(l, row);

		if (!f.reach || f.blocks == ABSENT || f.bytes == ABSENT || i >= PROFILE_GROUPS)
			load_bad(l, "groups", "a list of groups");
		if (l->bad)
			return;
		array_push(&p->groups, f);
	}
}

static void load_mappings(struct loading *l, const json_t *o, struct profile *p)
{
	const json_t *list = load_array(l, o, "mappings"), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		struct profile_mapping m = {
			.kind = load_name(l, row, "kind"),
			.path = load_string(l, row, "path"),
			.count = load_number(l, row, "count"),
			.mapped = load_number(l, row, "mapped"),
			.resident = load_number(l, row, "resident"),
		};

		if (m.mapped == ABSENT || m.resident == ABSENT || m.count == ABSENT)
			load_bad(l, "mappings", "a list of mappings");
		if (l->bad)
			return;
		array_push(&p->mappings, m);
	}
}

/* Counts by set of lanes; key may be absent. */
static void load_patterns(struct loading *l, const json_t *o, const char *key, uint32_t *count)
{
	const json_t *patterns = load_object(l, o, key), *n;
	const char *set;

	json_object_foreach((json_t *)patterns, set, n)
	{
		char *end;
		unsigned long pattern = strtoul(set, &end, 16);

		if (*end || end != set + 2 || pattern >= IMPRINT_PATTERNS || !json_is_integer(n) ||
		    json_integer_value(n) < 0 || json_integer_value(n) > UINT32_MAX) {
			load_bad(l, key, "counts by pattern");
			return;
		}
		count[pattern] = (uint32_t)json_integer_value(n);
	}
}

static void load_kin(struct loading *l, const json_t *o, struct profile *p)
{
	const json_t *list = load_array(l, o, "kin"), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		uint64_t size_class = load_number(l, row, "class");
		struct kin kin = { .type = load_string(l, row, "type") };

		load_patterns(l, row, "alike", kin.alike);
		load_patterns(l, row, "near", kin.near);
		if (size_class >= p->classes.n || !kin.type || i >= KINS_TYPED)
			load_bad(l, "kin", "a list of size classes with types");
		if (l->bad)
			return;
		kin.size_class = (uint32_t)size_class;
		array_push(&p->kin, kin);
	}
}

static void load_classes(struct loading *l, const json_t *list, struct profile *p)
{
	size_t n = json_array_size(list), i;
	struct size_class *v;
	const json_t *row;
	struct kin kin;

	if (n > CLASSES_OWN + 64) {
		load_bad(l, "classes", "as many as there can be");
		return;
	}
	v = mem_alloc(n + 1, sizeof(*v));
	json_array_foreach(list, i, row)
	{
		uint64_t level = load_number(l, row, "level");

		v[i].low = load_number(l, row, "low");
		v[i].high = load_number(l, row, "high");
		v[i].blocks = load_number(l, row, "blocks");
		v[i].level = (unsigned)level;
		kin = (struct kin){ .size_class = (uint32_t)i };
		load_patterns(l, row, "alike", kin.alike);
		load_patterns(l, row, "near", kin.near);
		array_push(&p->kin, kin);
		if (level > LEVEL_MAX || v[i].low == ABSENT || v[i].blocks == ABSENT) {
			load_bad(l, "classes", "a list of size classes");
			v[i].level = 0;
		}
	}
	if (!classes_take(v, n, &p->classes))
		load_bad(l, "classes", "in order");
}

/* "0x55d0c0a2b0 48 3 9f3a12ccdeadbeef" */
static bool read_block(const struct profile *p, const char *s, struct profile_block *b)
{
	uint64_t number[4] = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		bool hex = i == 0 || i == 3;
		char *end;

		if (i == 2 && *s == '-') {
			number[i] = PROFILE_NO_GROUP;
			end = (char *)(uintptr_t)s + 1;
		} else {
			if (*s < '0' || (!hex && *s > '9'))
				return false;
			number[i] = strtoull(s, &end, hex ? 16 : 10);
		}
		if (end == s || *end != (i < 3 ? ' ' : '\0'))
			return false;
		s = end + 1;
	}
	*b = (struct profile_block){ .addr = number[0], .size = number[1], .seal = number[3] };
	b->size_class = (uint32_t)classes_find(&p->classes, b->size);
	b->group = (uint32_t)number[2];
	return b->size_class < p->classes.n &&
	       (b->group < p->groups.n || number[2] == PROFILE_NO_GROUP);
}

static void load_blocks(struct loading *l, const json_t *list, struct profile *p)
{
	const json_t *text;
	size_t i;

	json_array_foreach(list, i, text)
	{
		const char *s = json_string_value(text);
		struct profile_block b;

		if (!s || !read_block(p, s, &b) ||
		    (p->blocks.n && p->blocks.v[p->blocks.n - 1].addr >= b.addr)) {
			load_bad(l, "blocks", "a list of blocks by address");
			return;
		}
		array_push(&p->blocks, b);
	}
}

void load_profile(struct loading *l, const json_t *root)
{
	const json_t *o = load_object(l, root, "profile"), *classes, *blocks;
	struct profile *p;

	if (!o)
		return;
	p = mem_alloc(1, sizeof(*p));
	l->report->profile = p;
	p->top = load_number(l, o, "top");
	load_taken(l, o, p);
	load_groups(l, o, p);
	load_mappings(l, o, p);
	classes = load_array(l, o, "classes");
	blocks = load_array(l, o, "blocks");
	if (!classes || !blocks || l->bad)
		return;
	load_classes(l, classes, p);
	if (!l->bad)
		load_kin(l, o, p);
	if (l->bad)
		return;
	kins_index(p);
	load_blocks(l, blocks, p);
	p->sampled = true;
}
