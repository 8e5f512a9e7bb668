/* The profile as JSON: one element of its arrays a line, none of them held in memory as JSON. */
#include "analyzer/report/json.h"
#include "analyzer/diff/profile.h"

#include <jansson.h>
#include <stdio.h>

static json_t *taken(const struct profile *p)
{
	json_t *o = json_object();

	field_string(o, "time", p->taken);
	field_string(o, "source", p->taken_source);
	return o;
}

static json_t *mapping(const struct profile_mapping *m)
{
	json_t *o = json_object();

	field_string(o, "kind", m->kind);
	field_string(o, "path", m->path);
	field_number(o, "count", m->count);
	field_number(o, "mapped", m->mapped);
	field_number(o, "resident", m->resident);
	return o;
}

/* Counts by set of lanes. */
static void put_patterns(json_t *o, const char *key, const uint32_t *count)
{
	json_t *patterns = json_object();
	char pattern[8];

	for (unsigned i = 0; i < IMPRINT_PATTERNS; i++) {
		snprintf(pattern, sizeof(pattern), "%02x", i);
		if (count[i])
			field_number(patterns, pattern, count[i]);
	}
	json_object_set_new(o, key, patterns);
}

/* With what is known of its blocks of unknown type. */
static json_t *size_class(const struct profile *p, size_t i)
{
	const struct size_class *c = &p->classes.v[i];
	const struct kin *kin = &p->kin.v[p->kin_rest[i]];
	json_t *o = json_object();

	field_number(o, "low", c->low);
	field_number(o, "high", c->high);
	field_number(o, "blocks", c->blocks);
	field_number(o, "level", c->level);
	put_patterns(o, "alike", kin->alike);
	put_patterns(o, "near", kin->near);
	return o;
}

static json_t *kin_of_type(const struct kin *kin)
{
	json_t *o = json_object();

	field_number(o, "class", kin->size_class);
	field_string(o, "type", kin->type);
	put_patterns(o, "alike", kin->alike);
	put_patterns(o, "near", kin->near);
	return o;
}

/* "0x55d0c0a2b0 48 3 9f3a12ccdeadbeef": address, usable bytes, index of its group, seal */
static void put_block(struct out *out, const struct profile_block *b)
{
	out_char(out, '"');
	out_addr(out, b->addr);
	out_printf(out, " %llu ", (unsigned long long)b->size);
	if (b->group == PROFILE_NO_GROUP)
		out_char(out, '-');
	else
		out_u64(out, b->group);
	out_printf(out, " %016llx\"", (unsigned long long)b->seal);
}

static void begin_array(struct out *out, const char *key)
{
	out_printf(out, ",\n    \"%s\": [", key);
}

static void next(struct out *out, size_t i)
{
	out_str(out, i ? ",\n      " : "\n      ");
}

static void end_array(struct out *out, size_t n)
{
	out_str(out, n ? "\n    ]" : "]");
}

static void put_sample(const struct profile *p, struct out *out)
{
	size_t typed = 0;

	begin_array(out, "classes");
	for (size_t i = 0; i < p->classes.n && !out_failed(out); i++) {
		next(out, i);
		json_put(out, size_class(p, i));
	}
	end_array(out, p->classes.n);
	begin_array(out, "kin");
	for (size_t i = 0; i < p->kin.n && !out_failed(out); i++) {
		if (!p->kin.v[i].type)
			continue;
		next(out, typed++);
		json_put(out, kin_of_type(&p->kin.v[i]));
	}
	end_array(out, typed);
	begin_array(out, "blocks");
	for (size_t i = 0; i < p->blocks.n && !out_failed(out); i++) {
		next(out, i);
		put_block(out, &p->blocks.v[i]);
	}
	end_array(out, p->blocks.n);
}

void json_profile(const struct profile *p, struct out *out)
{
	out_str(out, ",\n  \"profile\": {\n    \"top\": ");
	out_u64(out, p->top);
	if (p->taken) {
		out_str(out, ",\n    \"taken\": ");
		json_put(out, taken(p));
	}
	begin_array(out, "groups");
	for (size_t i = 0; i < p->groups.n && !out_failed(out); i++) {
		next(out, i);
		json_put(out, json_finding_of(&p->groups.v[i]));
	}
	end_array(out, p->groups.n);
	begin_array(out, "mappings");
	for (size_t i = 0; i < p->mappings.n && !out_failed(out); i++) {
		next(out, i);
		json_put(out, mapping(&p->mappings.v[i]));
	}
	end_array(out, p->mappings.n);
	if (p->sampled)
		put_sample(p, out);
	out_str(out, "\n  }");
}
